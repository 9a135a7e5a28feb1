"""Units of work: all or nothing, each for itself, on disk when answered. On both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from postroad.domain.errors import Conflict, Invalid, Unavailable
from postroad.store import Store, Tx
from support.store import START, Clock, OpenStore, account, event, put_account


async def test_unit_that_raises_changes_nothing_and_raises_to_its_caller(store: Store) -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(account("a"))
        await tx.accounts.find("a")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await store.write(unit)
    assert await store.read(lambda tx: tx.accounts.find("a")) is None


async def test_call_that_fails_before_it_awaits_fails_alone(store: Store) -> None:
    def fails(tx: Tx) -> Coroutine[Any, Any, None]:
        raise KeyError("before")

    results = await asyncio.gather(
        put_account(store, account("a")),
        store.write(fails),
        put_account(store, account("b")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [bool, KeyError, bool]
    with pytest.raises(KeyError):
        await store.read(fails)


async def test_listener_that_fails_does_not_stop_the_store(store: Store) -> None:
    def fails(_: str) -> None:
        raise RuntimeError("a listener must not")

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    with store.wake.listen("accounts", fails):
        await asyncio.gather(
            *(put_account(store, account(f"a{n}")) for n in range(3)), return_exceptions=True
        )
    assert await put_account(store, account("z"))


async def test_failing_unit_harms_none_of_those_that_run_with_it(store: Store) -> None:
    async def good(tx: Tx, name: str) -> str:
        await tx.accounts.put(account(name))
        return name

    async def bad(tx: Tx, name: str) -> str:
        await tx.accounts.put(account(name))
        await tx.events.record(event())
        raise ValueError(name)

    async def run(n: int) -> str:
        name = f"a{n:02}"
        return await store.write(lambda tx: (bad if n % 7 == 3 else good)(tx, name))

    results = await asyncio.gather(*(run(n) for n in range(30)), return_exceptions=True)
    kept = await store.read(lambda tx: tx.accounts.all_ids())
    good_names = [result for result in results if isinstance(result, str)]
    assert [name for name, _ in kept] == good_names
    assert len(good_names) == 26
    assert all(isinstance(r, ValueError) for r in results if not isinstance(r, str))
    assert (await store.read(lambda tx: tx.webhooks.counts())).pending == 0


async def test_failed_check_in_the_unit_sees_what_the_unit_wrote(store: Store) -> None:
    async def unit(tx: Tx) -> bool:
        await tx.accounts.put(account("a"))
        return await tx.accounts.find("a") is not None

    assert await store.write(unit)


async def test_unit_that_catches_a_conflict_may_not_be_half_done(store: Store) -> None:
    await put_account(store, account("a"))
    repeated = event()

    async def unit(tx: Tx) -> None:
        await tx.events.record(repeated)
        await tx.events.record(repeated)
        await tx.accounts.find("a")

    with pytest.raises(Conflict):
        await store.write(unit)
    assert await store.read(lambda tx: tx.events.find(repeated.event_id)) is None


@pytest.mark.parametrize("name", ["lone \ud800 surrogate", "nul \x00 inside"])
async def test_text_is_kept_exactly_or_refused(store: Store, name: str) -> None:
    try:
        await put_account(store, account("a", name=name))
    except Invalid:
        assert await store.read(lambda tx: tx.accounts.find("a")) is None
    else:
        assert (await store.read(lambda tx: tx.accounts.get("a"))).name == name


async def test_number_beyond_64_bits_is_refused(store: Store) -> None:
    with pytest.raises(Invalid):
        await put_account(store, account("a", version=2**63))


async def test_time_stands_still_within_a_unit(store: Store, clock: Clock) -> None:
    async def unit(tx: Tx) -> tuple[int, int]:
        before = tx.now
        await tx.accounts.all_ids()
        clock.advance(5)
        return before, tx.now

    assert await store.write(unit) == (START, START)
    assert store.now() == START + 5


async def test_many_more_deferred_changes_than_fit_one_statement_all_arrive(store: Store) -> None:
    events = [event() for _ in range(50)]
    await store.write(lambda tx: tx.events.record(*events))
    assert (await store.read(lambda tx: tx.webhooks.counts())).pending == 50


async def test_what_was_answered_is_there_for_the_next_process(open_store: OpenStore) -> None:
    first = await open_store()
    await put_account(first, account("a"))
    await first.close()
    second = await open_store()
    assert await second.read(lambda tx: tx.accounts.find("a")) == account("a")


async def test_two_processes_see_each_others_commits(open_store: OpenStore) -> None:
    one, two = await open_store(), await open_store()
    await put_account(one, account("a"))
    await put_account(two, account("b"))
    assert len(await one.read(lambda tx: tx.accounts.all_ids())) == 2


async def test_closed_store_takes_nothing_and_closes_twice(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await put_account(store, account("a"))
    with pytest.raises(Unavailable):
        await store.read(lambda tx: tx.accounts.all_ids())
    assert not await store.is_healthy()


async def test_open_store_is_healthy(store: Store) -> None:
    assert await store.is_healthy()


async def test_cancelled_callers_leave_the_store_at_work(store: Store) -> None:
    tasks = [asyncio.create_task(put_account(store, account(f"a{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await put_account(store, account("z"))
    ids = {name for name, _ in await store.read(lambda tx: tx.accounts.all_ids())}
    assert {f"a{n}" for n in range(1, 20, 2)} <= ids


async def test_read_of_many_queries_is_one_snapshot(store: Store) -> None:
    await put_account(store, account("a"))

    async def unit(tx: Tx) -> tuple[int, int]:
        before = len(await tx.accounts.all_ids())
        return before, len(await tx.accounts.all_ids())

    reading = asyncio.create_task(store.read(unit))
    await put_account(store, account("b"))
    before, after = await reading
    assert before == after
