"""What only PostgreSQL has: other writers, a network, and an order of commits."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from postroad import store as store_package
from postroad.domain.account import AccountState
from postroad.domain.errors import ConfigError, Unavailable
from postroad.store import Store, Tx
from postroad.store.dialect import Engine, load_queries
from postroad.store.events import EventPosition
from support.postgres import Cluster
from support.store import (
    START,
    OpenStore,
    account,
    enqueue,
    event,
    octets_of,
    put_account,
    submission,
)


@pytest.fixture
def database(postgres_dsn: str) -> str:
    return postgres_dsn


async def test_hints_reach_other_processes(open_store: OpenStore) -> None:
    one, two = await open_store(), await open_store()
    heard: list[str] = []
    arrived = asyncio.Event()
    with two.wake.listen("queue", heard.append), two.wake.subscribe("queue", arrived):
        await enqueue(one, submission(lane="läne"))
        async with asyncio.timeout(10):
            await arrived.wait()
    assert heard == [f"{START} läne"]


async def test_own_hints_are_heard_once(open_store: OpenStore) -> None:
    one, two = await open_store(), await open_store()
    heard: list[str] = []
    arrived = asyncio.Event()
    with one.wake.listen("accounts", heard.append), one.wake.subscribe("tokens", arrived):
        await put_account(one, account("a"))
        await two.write(lambda tx: _note(tx, "tokens"))  # comes behind our own, if that came
        async with asyncio.timeout(10):
            await arrived.wait()
    assert heard == ["a"]


async def _note(tx: Tx, topic: str) -> None:
    tx.notify(topic)


async def test_reader_never_meets_an_event_behind_its_position(store: Store, database: str) -> None:
    slow = await asyncpg.connect(database)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(
        "INSERT INTO event (event_id, account, name, recorded_at, data)"
        " VALUES ('slow', 'a', 'messageSent', 1, '{}')"
    )
    quick = event()
    await store.write(lambda tx: tx.events.record(quick))
    assert await store.read(lambda tx: tx.events.read_after(EventPosition(), 10)) == []

    await transaction.commit()
    await slow.close()
    log = await store.read(lambda tx: tx.events.read_after(EventPosition(), 10))
    assert [one.event_id for _, one in log] == ["slow", quick.event_id]


async def test_events_of_one_unit_stand_in_the_log_as_they_were_recorded(store: Store) -> None:
    told = [event() for _ in range(20)]

    async def unit(tx: Tx) -> None:
        for one in told:
            await tx.events.record(one)
            await tx.accounts.set_smtp_status("a", {"created": 1})

    await store.write(unit)
    log = await store.read(lambda tx: tx.events.read_after(EventPosition(), 50))
    assert [one.event_id for _, one in log] == [one.event_id for one in told]


async def test_units_that_lock_each_other_out_run_again_and_both_succeed(store: Store) -> None:
    await put_account(store, account("a"))
    await put_account(store, account("b"))
    runs: list[str] = []
    both = asyncio.Barrier(2)

    async def touch(tx: Tx, first: str, second: str) -> None:
        runs.append(first)
        await tx.accounts.set_status(first, state=AccountState.CONNECTING)
        if runs.count(first) == 1:
            # Only on this engine does a unit run on the loop and may wait for the other.
            await both.wait()
        await tx.accounts.set_status(second, state=AccountState.CONNECTED)

    async with asyncio.timeout(30):
        await asyncio.gather(
            store.write(lambda tx: touch(tx, "a", "b")), store.write(lambda tx: touch(tx, "b", "a"))
        )
    assert len(runs) == 3


async def test_store_works_again_after_the_server_was_restarted(
    store: Store, postgres_cluster: Cluster
) -> None:
    (sub,) = await enqueue(store, submission("q1"), octets=b"x" * 600_000)
    postgres_cluster.crash()
    assert not await store.is_healthy()
    with pytest.raises(Unavailable):
        await put_account(store, account("a"))
    with pytest.raises(Unavailable):
        await store.read(lambda tx: tx.accounts.all_ids())
    postgres_cluster.start()

    assert await put_account(store, account("a"))
    assert len(await octets_of(store, sub.content)) == 600_000
    assert await store.is_healthy()


async def test_connections_that_died_unseen_cost_no_unit(
    store: Store, postgres_cluster: Cluster
) -> None:
    await asyncio.gather(*(put_account(store, account(f"a{n}")) for n in range(10)))
    postgres_cluster.crash()
    postgres_cluster.start()
    results = await asyncio.gather(
        *(store.read(lambda tx: tx.accounts.all_ids()) for _ in range(10))
    )
    assert all(len(result) == 10 for result in results)


async def test_hints_are_heard_again_after_the_server_was_restarted(
    open_store: OpenStore, postgres_cluster: Cluster
) -> None:
    store = await open_store()
    stirred = asyncio.Event()
    with store.wake.subscribe("settings", stirred):
        postgres_cluster.crash()
        postgres_cluster.start()
        async with asyncio.timeout(20):
            await stirred.wait()  # whatever was said meanwhile was lost: everybody looks


async def test_time_is_the_servers(database: str) -> None:
    store = await store_package.open(database)
    try:
        seen = await store.write(_time)
        assert abs(seen - time.time() * 1000) < 5_000
        assert abs(store.now() - time.time() * 1000) < 5_000
    finally:
        await store.close()


async def _time(tx: Tx) -> int:
    return tx.now


async def test_unreachable_server_is_told_in_clear_words() -> None:
    with pytest.raises(ConfigError, match="cannot be reached"):
        await store_package.open("postgresql://nobody@127.0.0.1:1/nothing")


async def test_unknown_database_is_told_in_clear_words(postgres_dsn: str) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        await store_package.open(postgres_dsn + "x")


async def test_newer_database_is_refused(
    open_store: OpenStore, database: str, postgres_cluster: Cluster
) -> None:
    await (await open_store()).close()
    name = database.rpartition("/")[2]
    postgres_cluster.sql("INSERT INTO schema_version VALUES (9999, 'later', 'x', 1)", database=name)
    with pytest.raises(ConfigError, match="newer version"):
        await open_store()


async def test_processes_that_start_together_migrate_once(open_store: OpenStore) -> None:
    stores = await asyncio.gather(*(open_store() for _ in range(4)))
    await put_account(stores[0], account("a"))
    assert await stores[3].read(lambda tx: tx.accounts.all_ids()) == [("a", 1)]


HOT = {
    "find_submission": "submission_pkey",
    "claim_queued": "submission_due",
    "claim_accepted": "submission_finish",
    "next_due_queued": "submission_due",
    "lanes_queued": "submission_due",
    "accept_submission": "submission_pkey",
    "purge_ended": "submission_ended",
    "delete_account_submissions": "submission_account",
    "find_content": "content_pkey",
    "claim_webhook_jobs": "webhook_job_due",
    "webhook_accounts": "webhook_job_due",
    "events_after": "event_order",
    "count_events": "event_count",
    "find_idempotency": "idempotency_pkey",
    "find_token": "token_pkey",
    "find_suppressions": "suppression_pkey",
    "filled_suppression_lists": "suppression_pkey",
    "delete_account_suppressions": "suppression_scope",
    "list_suppressions": "suppression_pkey",
}


@pytest.mark.parametrize("name", HOT)
async def test_hot_query_can_use_its_index(store: Store, database: str, name: str) -> None:
    queries = load_queries(Engine.POSTGRES)
    query = next(
        kind[name]
        for kind in (queries.one, queries.maybe, queries.many, queries.run, queries.defer)
        if name in kind
    )
    connection = await asyncpg.connect(database)
    # On empty tables a scan is the cheaper plan; what counts is that the index fits the query.
    await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE hot AS {query.text}")
    arguments = ", ".join("NULL" for _ in query.names)
    plan = await connection.fetch(f"EXPLAIN EXECUTE hot{f'({arguments})' if arguments else ''}")
    await connection.close()
    lines = [str(row[0]) for row in plan]
    assert any(HOT[name] in line for line in lines), lines
