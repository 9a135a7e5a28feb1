"""Reading old mail for its threads: at a pace, once, and past what cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad import store as stores
from postroad.engine.sync.backfill import BATCH, PAUSE_S, RETRY_S, TRIES, Backfill
from postroad.engine.sync.threads import thread_node
from postroad.protocol.imap.envelope import ImapEnvelope
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import MessageSet, NumSet
from postroad.store import Store
from postroad.transport.imap import ConnectionLost
from support.scripted_mailbox import ScriptedConnection, ScriptedMailbox, ScriptedServer
from support.sync_rig import ACCOUNT, Rig


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await stores.open(tmp_path)
    yield made
    await made.close()


class Reading(ScriptedConnection):
    """Gives envelopes; a message of ``poison`` ends the connection, and counts who was read."""

    poison: frozenset[int] = frozenset()
    thread_id: str | None = None
    read: list[int]

    async def uid_fetch(
        self, uids: MessageSet, items: Sequence[str], *, max_bytes: int = 0
    ) -> list[Fetched]:
        assert isinstance(uids, NumSet)
        if any(uid in uids for uid in self.poison):
            self.abort()
            raise ConnectionLost("The IMAP server closed the connection")
        rows = await super().uid_fetch(uids, items, max_bytes=max_bytes)
        found = [self._enveloped(self._current(), row) for row in rows]
        self.read += [row.uid for row in found if row.uid is not None]
        return found

    def _enveloped(self, mailbox: ScriptedMailbox, row: Fetched) -> Fetched:
        assert row.uid is not None
        message = mailbox.get(row.uid)
        fields = f"References: {' '.join(message.references)}\r\n\r\n".encode()
        name = message.message_id.encode()
        envelope = ImapEnvelope(None, None, (), (), (), (), (), (), None, name)
        return replace(
            row,
            envelope=envelope,
            thread_id=self.thread_id,
            sections={"HEADER.FIELDS (REFERENCES)<0>": fields},
        )


class Reader:
    """A backfill of the account, and what it did."""

    def __init__(self, rig: Rig, server: ScriptedServer) -> None:
        self.dialled = 0
        self.read: list[int] = []
        self.slept: list[float] = []
        self.poison: frozenset[int] = frozenset()
        self.thread_id: str | None = None
        self._rig, self._server = rig, server
        self._turns = asyncio.Semaphore(1)

    async def run(self) -> None:
        backfill = Backfill(
            ACCOUNT,
            self._rig.store,
            self._rig.ingest,
            self._dial,
            turns=self._turns,
            sleep=self._sleep,
        )
        await backfill.run()

    async def _dial(self) -> ScriptedConnection:
        self.dialled += 1
        connection = Reading(self._server)
        connection.read, connection.poison = self.read, self.poison
        connection.thread_id = self.thread_id
        return connection

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def is_done(self) -> bool:
        found = await self._rig.store.read(lambda tx: tx.threads.find_unthreaded(ACCOUNT))
        return found is None


async def met(store: Store, count: int, *names: str) -> tuple[Rig, ScriptedServer, Reader]:
    """An account that has just met mailboxes of so many messages, each answers the one before."""
    server = ScriptedServer(*(names or ("INBOX",)))
    for mailbox in server.mailboxes.values():
        for number in range(count):
            refers = [f"<{number - 1}@x>"] if number else []
            mailbox.append(f"<{number}@x>", references=refers)
    rig = await Rig.begin(store, server, threading=True)
    await rig.look_at_all()
    return rig, server, Reader(rig, server)


async def nodes(rig: Rig, name: str = "INBOX") -> list[int]:
    return [entry.node for entry in await rig.index(name)]


async def test_old_mail_is_read_once_in_batches_with_pauses(store: Store) -> None:
    rig, _server, reader = await met(store, 250)
    await reader.run()
    await reader.run()  # finds nothing left, and does not even dial

    assert reader.dialled == 1
    assert reader.read == list(range(1, 251))
    assert reader.slept == [PAUSE_S, PAUSE_S, PAUSE_S / 2]
    assert BATCH / PAUSE_S == 400  # as the documentation says
    known = await nodes(rig)
    names = await store.read(lambda tx: tx.threads.names(ACCOUNT, known))
    assert set(names.values()) == {min(known)}
    assert len(names) == 250


async def test_a_message_that_ends_the_connection_is_passed_by(store: Store) -> None:
    rig, _server, reader = await met(store, 150)
    reader.poison = frozenset({70, 71})
    await reader.run()

    assert await reader.is_done()
    assert reader.read == [uid for uid in range(1, 151) if uid not in (70, 71)]
    known = await nodes(rig)
    assert [uid for uid, node in enumerate(known, 1) if not node] == [70, 71]
    assert reader.slept.count(RETRY_S) == 1 + 2 * TRIES  # the batch, then each by itself
    assert reader.dialled == 2 + 2 * TRIES


async def test_a_mailbox_that_cannot_be_opened_keeps_no_other_waiting(store: Store) -> None:
    rig, server, reader = await met(store, 3, "Broken", "INBOX")
    server["Broken"].refuses = True
    await reader.run()
    assert all(await nodes(rig, "INBOX"))
    assert not any(await nodes(rig, "Broken"))

    server["Broken"].refuses = False
    await reader.run()
    assert all(await nodes(rig, "Broken"))


async def test_a_server_that_knows_threads_is_asked_once(store: Store) -> None:
    rig, _server, reader = await met(store, 250)
    reader.thread_id = "T1"
    await reader.run()

    assert await reader.is_done()
    assert len(reader.read) == BATCH
    assert not any(await nodes(rig))


async def test_new_mail_is_not_read_again(store: Store) -> None:
    rig, server, reader = await met(store, 3)
    await reader.run()
    reader.read.clear()
    server["INBOX"].append("<new@x>", references=["<2@x>"])
    await rig.look_at_all()
    await reader.run()

    assert reader.read == []
    assert len(set(await nodes(rig))) == 4


async def test_mail_that_came_without_threading_is_read_later(store: Store) -> None:
    rig, server, reader = await met(store, 3)
    await reader.run()
    reader.read.clear()
    rig.rules = replace(rig.rules, threading=False)
    server["INBOX"].append("<off@x>", references=["<2@x>"])
    await rig.look_at_all()
    rig.rules = replace(rig.rules, threading=True)
    server["INBOX"].append("<on@x>", references=["<off@x>"])
    await rig.look_at_all()
    await reader.run()

    assert reader.read == [4]
    known = await nodes(rig)
    names = await store.read(lambda tx: tx.threads.names(ACCOUNT, known))
    assert set(names.values()) == {min(known)}


MESSAGES = 8
answers = st.lists(
    st.lists(st.integers(0, MESSAGES + 1), max_size=3), min_size=MESSAGES, max_size=MESSAGES
)  # which others each message names; the last two are nowhere


@given(
    answers,
    st.permutations(range(MESSAGES)),
    st.integers(0, MESSAGES),
    st.lists(st.booleans(), min_size=MESSAGES, max_size=MESSAGES),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_threads_do_not_depend_on_what_came_when_and_where(
    named: list[list[int]],
    order: list[int],
    old: int,
    elsewhere: list[bool],
    is_read_first: bool,
) -> None:
    """Any messages in any order, in two mailboxes, the first ``old`` ones read in the background
    before or after the others came: the threads and their names are always the same."""

    async def run(folder: Path) -> dict[int, int]:
        store = await stores.open(folder)
        server = ScriptedServer("INBOX", "Box")

        def append(number: int) -> None:
            mailbox = server["Box" if elsewhere[number] else "INBOX"]
            refers = [f"<{one}@x>" for one in named[number]]
            mailbox.append(f"<{number}@x>", references=refers)

        for number in order[:old]:
            append(number)
        rig = await Rig.begin(store, server, threading=True)
        await rig.look_at_all()
        reader = Reader(rig, server)
        if is_read_first:
            await reader.run()
        for number in order[old:]:
            append(number)
            await rig.look_at_all()
        await reader.run()
        known = {*await nodes(rig), *await nodes(rig, "Box")}
        try:
            return await store.read(lambda tx: tx.threads.names(ACCOUNT, known))
        finally:
            await store.close()

    with TemporaryDirectory() as folder:
        found = asyncio.run(run(Path(folder)))

    threads = {number: {number} for number in range(MESSAGES + 2)}
    for number, others in enumerate(named):
        merged = threads[number].union(*(threads[one] for one in others))
        threads.update(dict.fromkeys(merged, merged))
    name = {number: thread_node(f"<{number}@x>") for number in threads}
    assert found == {
        name[number]: min(name[one] for one in threads[number]) for number in range(MESSAGES)
    }
