"""What an older program has written is there after an upgrade, on both engines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import apsw
import asyncpg

from postroad.domain.sent import SentMessage, address_key, id_key
from postroad.domain.submission import SubmissionState
from postroad.store import Tx
from postroad.store.dialect import Engine, load_migrations
from postroad.store.migrate import CREATE_VERSIONS, checksum
from postroad.store.open import DATABASE_NAME
from postroad.store.threads import Unthreaded
from support.store import START, OpenStore, claim, get

RECORD = "INSERT INTO schema_version (number, name, checksum, applied_at)"


async def make_old(database: str, number: int, statements: Sequence[str]) -> None:
    """A database as migration ``number`` left it, and what was written to it then."""
    if database.startswith("postgresql:"):
        old = load_migrations(Engine.POSTGRES)[:number]
    else:
        old = load_migrations(Engine.SQLITE)[:number]
    script = [CREATE_VERSIONS]
    for one in old:
        script += one.statements
        values = f"({one.number}, '{one.name}', '{checksum(one)}', {START})"
        script.append(f"{RECORD} VALUES {values}")
    script += statements
    if database.startswith("postgresql:"):
        connection = await asyncpg.connect(database)
        try:
            for statement in script:
                await connection.execute(statement)
        finally:
            await connection.close()
        return
    Path(database).mkdir()
    with apsw.Connection(str(Path(database) / DATABASE_NAME)) as sqlite:
        for statement in script:
            sqlite.execute(statement)
    sqlite.close()


def old_account(name: str) -> str:
    return f"INSERT INTO account VALUES ('{name}', 'A', NULL, '{{}}', '', 1, {START})"


async def test_threads_are_the_same_after_they_were_packed(
    database: str, open_store: OpenStore
) -> None:
    rng = random.Random(3)
    threads = [
        [rng.randrange(-(2**63), 2**63) for _ in range(rng.randint(1, 30))] for _ in range(40)
    ]
    rows = [("a", node, min(one)) for one in threads for node in one]
    rows += [("b", node, -8) for node in (-8, 2**63 - 1)]
    values = ", ".join(f"('{name}', {node}, {thread})" for name, node, thread in rows)
    cursor = "'INBOX', 3, 77, 21, 21, 10, 20, NULL, 5, 'full', NULL, NULL, 10"
    await make_old(
        database,
        6,
        [
            old_account("a"),
            old_account("b"),
            f"INSERT INTO thread_node (account, node, thread) VALUES {values}",
            f"INSERT INTO mailbox_cursor VALUES ('a', {cursor})",
        ],
    )
    store = await open_store()

    nodes = [node for one in threads for node in one]
    found = await store.read(lambda tx: tx.threads.names("a", nodes))
    assert found == {node: min(one) for one in threads for node in one}
    assert await store.read(lambda tx: tx.threads.names("b", [2**63 - 1])) == {2**63 - 1: -8}
    whole = threads[0]
    members = await store.read(lambda tx: tx.threads.members("a", whole[-1], limit=99))
    assert sorted(members) == sorted(whole)

    lower = min(node for one in threads for node in one)
    (name,) = await store.write(lambda tx: tx.threads.join("a", [[threads[3][0], threads[9][0]]]))
    assert lower <= name == min(threads[3] + threads[9])
    waiting = await store.read(lambda tx: tx.threads.find_unthreaded("a"))
    assert waiting == Unthreaded("INBOX", 3, 77, 1, 20)  # for the index to learn their nodes


async def test_mail_that_waits_and_mail_that_was_sent_outlive_the_upgrade(
    database: str, open_store: OpenStore
) -> None:
    """The registry of then kept a hundred recipients and no tags."""
    names = (
        "queue_id, account, lane, source, mail_from, rcpt_to, message_id, subject, content_id,"
        " content_size, bcc_start, bcc_end, state, created_at, scheduled_at, next_attempt_at,"
        " attempts, max_attempts, claim_token, finish_attempts, eight_bit, smtputf8"
    )
    waiting = (
        """'q1', 'a', 'a', 'api', 'me@example.com', '["b@x.test", "c@x.test"]', '<q1@x.test>',"""
        f" 'Hi', 'c1', 5, 0, 0, 'queued', {START}, {START}, {START}, 2, 10, 2, 0, 0, 0"
    )
    ids = f"{id_key('q2@x.test')}, NULL, NULL"
    data = f"""'["<q2@x.test>", ["d@x.test", "e@x.test"], {START}, null, null]'"""
    rows = [
        f"({START}, 'q2', 0, 'a', {address_key('d@x.test')}, {ids}, {data})",
        f"({START}, 'q2', 1, 'a', {address_key('e@x.test')}, NULL, NULL, NULL, NULL)",
    ]
    await make_old(
        database,
        7,
        [
            old_account("a"),
            f"INSERT INTO submission ({names}) VALUES ({waiting})",
            f"INSERT INTO sent VALUES {', '.join(rows)}",
        ],
    )
    store = await open_store()

    waits = await get(store, "q1")
    assert (waits.state, waits.attempts, waits.tags) == (SubmissionState.QUEUED, 2, ())
    assert waits.envelope.rcpt_to == ("b@x.test", "c@x.test")
    assert [one.queue_id for one in await claim(store)] == ["q1"]
    old = SentMessage("q2", "a", "<q2@x.test>", ("d@x.test", "e@x.test"), START, START)
    assert await store.read(lambda tx: tx.sent.by_message_ids(["<q2@x.test>"])) == [old]
    recipients = old.recipients

    async def newest_to(tx: Tx) -> list[SentMessage | None]:
        return [await tx.sent.by_recipient("a", who, since=START - 1) for who in recipients]

    assert await store.read(newest_to) == [old, old]
