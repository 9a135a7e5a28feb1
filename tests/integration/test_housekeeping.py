"""Clearing away, on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from postroad import store as stores
from postroad.domain.errors import LeaseLost
from postroad.domain.sent import Returned, ReturnedKind, SentMessage
from postroad.domain.setting import SettingValues
from postroad.engine.housekeeping import CHORES, Housekeeping
from postroad.engine.wakeup import Hint
from postroad.store import Tx
from postroad.store.events import EventPosition
from support.webhook_office import Clock, KnownSettings, Office

DAY_MS = 86_400_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    clock = Clock()
    database: str | Path = tmp_path
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_dsn")
    store = await stores.open(database, clock=clock, node_id="node-1")
    office = Office(store, clock, KnownSettings(SettingValues(event_retention_days=14)))
    await office.add_account("one")
    yield office
    await store.close()


def housekeeping(office: Office, node_id: str = "node-1") -> Housekeeping:
    return Housekeeping(office.store, office.settings, node_id=node_id, rng=Random(1))


async def beat(office: Office, node_id: str) -> None:
    async def unit(tx: Tx) -> None:
        await tx.nodes.beat(node_id, 20_000)

    await office.store.write(unit)


async def count_events(office: Office) -> int:
    async def unit(tx: Tx) -> int:
        return len(await tx.events.read_after(EventPosition(), 10_000))

    return await office.store.read(unit)


async def test_events_go_after_their_retention_in_batches(office: Office) -> None:
    await office.record(*range(1200))
    office.clock.now += 13 * DAY_MS
    await office.record(5000)
    keeper = housekeeping(office)
    assert await keeper.do("events") == 0
    office.clock.now += DAY_MS + 1
    assert await keeper.do("events") == 1200
    assert await count_events(office) == 1


async def test_the_retention_is_a_setting(office: Office) -> None:
    await office.record(1, 2)
    office.clock.now += 2 * DAY_MS
    await office.record(3)
    office.set(event_retention_days=1)
    assert await housekeeping(office).do("events") == 2


async def test_what_was_sent_and_came_back_goes_after_its_retention(office: Office) -> None:
    async def unit(tx: Tx) -> None:
        for n in range(1200):
            await tx.sent.record(SentMessage(f"q{n}", "one", f"<{n}@x>", ("a@y",), tx.now, tx.now))
        row = Returned(
            ReturnedKind.BOUNCE, "one", "one", "AAAA", "<1@x>", "a@y", "failed", "hard",
            "user_unknown", "5.1.1", None, "q1", tx.now,
        )  # fmt: skip
        await tx.returned.record(1, [row])

    await office.store.write(unit)
    office.set(sent_retention_days=2)
    keeper = housekeeping(office)
    office.clock.now += 2 * DAY_MS
    assert (await keeper.do("sent"), await keeper.do("returned")) == (0, 0)
    office.clock.now += 1
    assert (await keeper.do("sent"), await keeper.do("returned")) == (1200, 1)


async def test_failed_webhook_jobs_go_after_seven_days_or_beyond_the_newest_500(
    office: Office,
) -> None:
    await office.record(*range(510))

    async def fail(tx: Tx) -> None:
        for job in await tx.webhooks.claim_batch("one", node="n", limit=1000, claim_ms=1000):
            await tx.webhooks.give_up(job, {})

    await office.store.write(fail)
    keeper = housekeeping(office)
    assert await keeper.do("webhooks") == 10
    assert await office.counts() == (0, 500)
    office.clock.now += 7 * DAY_MS + 1
    assert await keeper.do("webhooks") == 500


@pytest.mark.parametrize("name", [chore.name for chore in CHORES] + ["orphans"])
async def test_every_chore_finds_nothing_in_an_empty_store(office: Office, name: str) -> None:
    assert await housekeeping(office).do(name) == 0


async def test_a_chore_is_done_by_one_node_while_it_lives(office: Office) -> None:
    await beat(office, "node-1")
    await beat(office, "node-2")
    first, second = housekeeping(office), housekeeping(office, "node-2")
    await first.do("events")
    await office.record(1, 2)
    office.clock.now += 15 * DAY_MS
    await beat(office, "node-1")
    assert await second.do("events") == 0
    assert await first.do("events") == 1  # the newest event always stays
    office.clock.now += 60_000  # node-1 is dead
    await office.record(3)
    office.clock.now += 15 * DAY_MS
    assert await second.do("events") == 1
    with pytest.raises(LeaseLost):
        await first.do("events")


async def test_a_restarted_keeper_goes_on_with_the_lease_of_its_own_node(office: Office) -> None:
    await beat(office, "node-1")
    await housekeeping(office).do("events")
    await office.record(1, 2)
    office.clock.now += 15 * DAY_MS
    await beat(office, "node-1")
    assert await housekeeping(office).do("events") == 1


async def test_chores_run_by_themselves_until_the_stop(office: Office) -> None:
    await office.record(1, 2)
    office.clock.now += 15 * DAY_MS
    ticks = iter(range(0, 10**9, 100))  # every look at the clock is 100 s later
    keeper = Housekeeping(
        office.store, office.settings, node_id="node-1", clock_s=lambda: float(next(ticks))
    )
    stop = Hint()
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run(stop))
        await office.until(lambda: has_events(office, 1))
        stop.set()


async def has_events(office: Office, count: int) -> bool:
    return await count_events(office) == count
