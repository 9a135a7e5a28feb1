"""What only SQLite has: one file, one writer, a disk that may be full, and query plans."""

from __future__ import annotations

import asyncio
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from postroad import store as store_package
from postroad.domain.errors import ConfigError, Unavailable
from postroad.store import Store, Tx
from postroad.store.dialect import Engine, load_queries
from support.store import (
    OpenStore,
    account,
    claim,
    enqueue,
    event,
    fail,
    get,
    octets_of,
    put_account,
    submission,
)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "data")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "postroad.db"


@contextmanager
def full_disk(largest_file: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``largest_file`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def fill_up(store: Store, answered: list[str]) -> None:
    """Queue messages until the store refuses one."""
    for _ in range(200):
        (sub,) = await enqueue(store, submission(), octets=b"x" * 3_000)
        answered.append(sub.queue_id)


def largest(directory: Path) -> int:
    return max(path.stat().st_size for path in directory.iterdir() if path.is_file())


async def test_second_server_on_the_same_data_is_refused_in_clear_words(
    open_store: OpenStore,
) -> None:
    await open_store(is_exclusive=True)
    with pytest.raises(
        ConfigError, match=rf"served by another process already \(pid {os.getpid()}"
    ):
        await open_store(is_exclusive=True)


async def test_lock_goes_with_the_store(open_store: OpenStore) -> None:
    await (await open_store(is_exclusive=True)).close()
    await open_store(is_exclusive=True)


async def test_command_line_works_beside_the_server_which_hears_of_it(
    open_store: OpenStore,
) -> None:
    server = await open_store(is_exclusive=True)
    tool = await open_store()
    heard = asyncio.Event()
    with server.wake.subscribe("tokens", heard):
        await put_account(tool, account("a"))
        async with asyncio.timeout(10):
            await heard.wait()
    assert await server.read(lambda tx: tx.accounts.find("a")) is not None


async def test_own_commits_are_not_taken_for_those_of_others(open_store: OpenStore) -> None:
    server = await open_store(is_exclusive=True)
    heard: list[str] = []
    with server.wake.listen("settings", heard.append):
        for n in range(8):
            await put_account(server, account(f"a{n}"))
            await asyncio.sleep(0.2)  # time is what is tested: a look comes every second
    assert heard == []


async def test_newer_database_is_refused(open_store: OpenStore, file: Path) -> None:
    await (await open_store()).close()
    with apsw.Connection(str(file)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (9999, 'later', 'x', 1)")
    connection.close()
    with pytest.raises(ConfigError, match="newer version"):
        await open_store()


async def test_database_of_another_build_is_refused(open_store: OpenStore, file: Path) -> None:
    await (await open_store()).close()
    with apsw.Connection(str(file)) as connection:
        connection.execute("UPDATE schema_version SET checksum = 'x' WHERE number = 1")
    connection.close()
    with pytest.raises(ConfigError, match="another build"):
        await open_store()


async def test_file_that_is_no_database_is_refused(open_store: OpenStore, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"this is not a database" * 100)
    with pytest.raises(ConfigError, match=r"postroad\.db cannot be opened"):
        await open_store()


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://data", "sqlite://", "", "redis://x"])
async def test_url_that_cannot_be_read_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        await store_package.open(url)


@pytest.mark.parametrize("form", ["sqlite://{0}/x.db", "{0}/x.db", "{0}/y"])
async def test_directory_file_and_url_all_name_a_database(form: str, tmp_path: Path) -> None:
    opened = await store_package.open(form.format(tmp_path))
    await opened.close()
    assert len(list(tmp_path.rglob("*.db"))) == 1


async def test_database_is_nobody_elses_business(open_store: OpenStore, file: Path) -> None:
    store = await open_store(is_exclusive=True)
    await put_account(store, account("a"))
    await store.stage([b"x" * 300_000])
    modes = {path.stat().st_mode & 0o077 for path in file.parent.rglob("*") if path.is_file()}
    assert modes == {0}
    assert file.parent.stat().st_mode & 0o077 == 0


async def test_unit_that_awaits_something_else_fails_alone(store: Store) -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(account("bad"))
        await asyncio.sleep(0)

    good = put_account(store, account("good"))
    results = await asyncio.gather(store.write(unit), good, return_exceptions=True)
    assert isinstance(results[0], RuntimeError)
    assert results[1] is True
    assert await store.read(lambda tx: tx.accounts.all_ids()) == [("good", 1)]


async def test_slow_work_goes_on_in_a_thread_and_keeps_what_it_did_before(store: Store) -> None:
    threads: list[int] = []

    async def unit(tx: Tx) -> int:
        threads.append(threading.get_ident())
        await tx.accounts.put(account("a"))
        found = len(await tx.accounts.all_ids())
        threads.append(threading.get_ident())
        return found

    assert await store.write(unit) == 1
    assert threads[0] == threading.get_ident() != threads[1]


async def test_slow_unit_that_fails_after_it_has_moved_leaves_nothing(store: Store) -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(account("a"))
        await tx.accounts.all_ids()
        raise ValueError("late")

    results = await asyncio.gather(
        put_account(store, account("b")),
        store.write(unit),
        put_account(store, account("c")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [bool, ValueError, bool]
    assert await store.read(lambda tx: tx.accounts.all_ids()) == [("b", 1), ("c", 1)]


async def test_unit_that_only_reads_cannot_write(store: Store) -> None:
    with pytest.raises(RuntimeError, match="read only"):
        await store.read(lambda tx: tx.accounts.put(account("a")))
    await put_account(store, account("a"))


async def test_writer_waits_for_another_process_that_writes(store: Store, file: Path) -> None:
    await put_account(store, account("a"))
    other = apsw.Connection(str(file))
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(put_account(store, account("b")))
    await asyncio.wait([writing], timeout=0.2)
    assert not writing.done()
    # Whoever only reads does not wait.
    assert await store.read(lambda tx: tx.accounts.all_ids()) == [("a", 1)]
    other.execute("COMMIT")
    other.close()
    assert await writing


async def test_full_disk_refuses_acknowledges_nothing_and_is_left_behind(
    open_store: OpenStore, file: Path
) -> None:
    store = await open_store()
    answered = [sub.queue_id for sub in await enqueue(store, submission(), octets=b"x" * 3_000)]
    with full_disk(largest(file.parent) + 100_000):
        with pytest.raises(Unavailable) as refusal:
            await fill_up(store, answered)
    with full_disk(1):
        with pytest.raises(Unavailable):
            await put_account(store, account("a"))
        assert not await store.is_healthy()
        results = await asyncio.gather(
            *(enqueue(store, submission(), octets=b"x" * 3_000) for _ in range(5)),
            return_exceptions=True,
        )
        assert all(isinstance(result, Unavailable) for result in results)
        assert await store.read(lambda tx: tx.submissions.find(answered[0])) is not None
    assert refusal.value.info["reason"]
    assert await store.is_healthy()
    (sub,) = await enqueue(store, submission())
    answered.append(sub.queue_id)

    await store.close()
    again = await open_store()
    rows, total = await again.read(lambda tx: tx.submissions.list_outbox(0, 500))
    assert (sorted(row.queue_id for row in rows), total) == (sorted(answered), len(answered))


async def test_full_disk_refuses_large_content_and_leaves_no_file(store: Store, file: Path) -> None:
    with full_disk(500_000):
        with pytest.raises(Unavailable):
            await store.stage(b"x" * 100_000 for _ in range(20))
    assert [path for path in file.parent.glob("content/*/*") if path.is_file()] == []


async def test_file_goes_when_its_row_is_gone_and_not_before(store: Store, file: Path) -> None:
    (sub,) = await enqueue(store, submission("q1"), octets=b"x" * 300_000)
    (spilled,) = file.parent.glob("content/*/*")

    async def undone(tx: Tx) -> None:
        await tx.contents.delete(sub.content.content_id)
        raise ValueError("undone")

    with pytest.raises(ValueError):
        await store.write(undone)
    assert spilled.exists()
    assert len(await octets_of(store, sub.content)) == 300_000
    await store.write(lambda tx: tx.submissions.cancel("q1"))
    await put_account(store, account("a"))  # files of a batch are removed before the next one
    assert not spilled.exists()


async def test_failed_writes_of_units_do_not_lose_the_notes_of_others(store: Store) -> None:
    heard: list[str] = []

    async def bad(tx: Tx) -> None:
        await tx.events.record(event())
        raise ValueError("no")

    with store.wake.listen("events", heard.append), store.wake.listen("accounts", heard.append):
        await asyncio.gather(
            put_account(store, account("x")), store.write(bad), return_exceptions=True
        )
    assert heard == ["x"]


async def test_rows_of_a_lost_claim_are_untouched_by_a_batch_that_is_replayed(
    store: Store,
) -> None:
    await enqueue(store, submission("q1"), submission("q2"))
    claimed = await claim(store)

    async def bad(tx: Tx) -> None:
        await tx.submissions.fail(claimed[0], error="x")
        raise ValueError("no")

    results = await asyncio.gather(
        fail(store, claimed[0]),
        store.write(bad),
        fail(store, claimed[1]),
        return_exceptions=True,
    )
    assert results[0] is True
    assert isinstance(results[1], ValueError)
    assert results[2] is True
    assert (await get(store, "q1")).last_error == "no"


HOT = {
    "find_submission": "sqlite_autoindex_submission_1",
    "claim_queued": "submission_due",
    "claim_accepted": "submission_finish",
    "next_due_queued": "submission_due",
    "lanes_queued": "submission_due",
    "lanes_accepted": "submission_finish",
    "accept_submission": "sqlite_autoindex_submission_1",
    "defer_submission": "sqlite_autoindex_submission_1",
    "finish_submission": "sqlite_autoindex_submission_1",
    "count_submissions": "submission_due",
    "purge_ended": "submission_ended",
    "purge_failed": "submission_failed",
    "bury_queued": "submission_due",
    "delete_account_submissions": "submission_account",
    "find_content": "sqlite_autoindex_content_1",
    "delete_content": "sqlite_autoindex_content_1",
    "claim_webhook_jobs": "webhook_job_due",
    "webhook_accounts": "webhook_job_due",
    "purge_webhook_jobs": "webhook_job_failed",
    "events_by_seq": "INTEGER PRIMARY KEY",
    "delete_webhook_jobs": "INTEGER PRIMARY KEY",
    "events_after": "INTEGER PRIMARY KEY",
    "count_events": "event_count",
    "find_event": "sqlite_autoindex_event_1",
    "find_idempotency": "sqlite_autoindex_idempotency_1",
    "purge_idempotency": "idempotency_age",
    "find_token": "sqlite_autoindex_token_1",
    "find_account": "sqlite_autoindex_account_1",
    "attempts_of": "PRIMARY KEY",
    "find_suppressions": "sqlite_autoindex_suppression_1",
    "filled_suppression_lists": "sqlite_autoindex_suppression_1",
    "delete_account_suppressions": "suppression_scope",
    "list_suppressions": "sqlite_autoindex_suppression_1",
}


@pytest.mark.parametrize("name", HOT)
async def test_hot_query_uses_its_index(store: Store, file: Path, name: str) -> None:
    queries = load_queries(Engine.SQLITE)
    query = next(
        kind[name]
        for kind in (queries.one, queries.maybe, queries.many, queries.run, queries.defer)
        if name in kind
    )
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    plan = [
        str(row[3])
        for row in connection.execute(
            f"EXPLAIN QUERY PLAN {query.text}", (None,) * len(query.names)
        )
    ]
    connection.close()
    assert any(HOT[name] in line for line in plan), plan
    tables = (
        "submission",
        "content",
        "event",
        "webhook_job",
        "attempt",
        "token",
        "account",
        "suppression",
    )
    scans = [line for line in plan for table in tables if line == f"SCAN {table}"]
    assert scans == [], plan
    assert not any("ORDER BY" in line for line in plan), plan
