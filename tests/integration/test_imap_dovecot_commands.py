"""Every command against a real Dovecot: with all its extensions, with some, with none."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import pytest

from postroad.domain.account import ImapSettings, Login, TlsOptions
from postroad.domain.errors import NotFound
from postroad.domain.search import SearchQuery
from postroad.domain.secret import Secret
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.listing import ListEntry
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.numset import EVERY, SAVED, NumSet
from postroad.protocol.imap.response import Exists, Expunge
from postroad.protocol.imap.search_keys import search_keys
from postroad.protocol.imap.vanished import Vanished
from postroad.transport.imap import (
    CommandRefused,
    IdleEnd,
    ImapConnection,
    ImapTimeouts,
    QresyncParams,
    ToAppend,
)
from support import dovecot

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(dovecot.find_program() is None, reason=dovecot.MISSING),
]

TIMEOUTS = ImapTimeouts(connect_s=10.0, open_s=20.0, silence_s=10.0, command_s=20.0, close_s=2.0)
MESSAGE = (
    b"From: Ann <ann@example.test>\r\nTo: bob@example.test\r\nSubject: number %d\r\n"
    b"Message-ID: <%d@example.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nhello\r\n"
)
BARE = "IMAP4rev1"
PLUS = "IMAP4rev1 UIDPLUS IDLE LITERAL+ ENABLE CONDSTORE NAMESPACE UNSELECT"


@dataclass(frozen=True)
class Octets:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    async def open(self) -> AsyncIterator[bytes]:
        yield self.data


def message(number: int) -> Octets:
    return Octets(MESSAGE % (number, number))


# Where there is nothing to ask a server without the extension.
ALL_EXTENSIONS = pytest.mark.parametrize("server", ["all"], indirect=True)


@pytest.fixture(scope="module", params=["all", "some", "none"])
def server(request: pytest.FixtureRequest) -> Iterator[dovecot.Dovecot]:
    capability = {"all": None, "some": PLUS, "none": BARE}[request.param]
    with dovecot.Dovecot(capability=capability) as running:
        yield running


@pytest.fixture
def user() -> str:
    return f"u{uuid.uuid4().hex}"


async def connected(
    server: dovecot.Dovecot, user: str, *, compress: bool = False
) -> ImapConnection:
    wanted = ImapSettings(
        "127.0.0.1",
        server.port,
        login=Login(user, Secret(server.password)),
        tls=TlsOptions(extra={"ca": server.ca}),
    )
    return await ImapConnection.open(wanted, timeouts=TIMEOUTS, compress=compress)


@pytest.fixture
async def imap(server: dovecot.Dovecot, user: str) -> AsyncIterator[ImapConnection]:
    connection = await connected(server, user)
    await connection.enable("QRESYNC")
    await connection.append_many(
        b"INBOX", [ToAppend(message(number), ["\\Flagged"]) for number in range(1, 6)]
    )
    yield connection
    await connection.close()


async def uids_of(connection: ImapConnection) -> list[int]:
    return await connection.uid_search(["ALL"])


async def test_flags_of_all_messages_are_streamed(imap: ImapConnection) -> None:
    await imap.select(b"INBOX", condstore=True)
    rows: list[Fetched] = []

    await imap.uid_fetch_stream(EVERY, ["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"], rows.append)

    assert [row.uid for row in rows] == [1, 2, 3, 4, 5]
    assert all("\\Flagged" in (row.flags or ()) for row in rows)
    assert all(row.size == len(MESSAGE % (1, 1)) for row in rows)


async def test_only_changes_come_where_the_server_counts_them(imap: ImapConnection) -> None:
    mailbox = await imap.select(b"INBOX", condstore=True)
    await imap.uid_store(NumSet.of([2]), "+FLAGS", ["\\Seen"])
    rows: dict[int | None, Fetched] = {}

    await imap.uid_fetch_stream(
        EVERY,
        ["UID", "FLAGS"],
        lambda row: rows.update({row.uid: row}),
        changed_since=mailbox.highestmodseq,
    )

    assert (set(rows) == {2}) is (mailbox.highestmodseq is not None)
    assert "\\Seen" in (rows[2].flags or ())


async def test_moving_takes_the_right_ones_and_spares_the_marked(
    imap: ImapConnection, server: dovecot.Dovecot, user: str
) -> None:
    await imap.select(b"INBOX")
    await imap.uid_store(NumSet.of([1]), "+FLAGS", ["\\Deleted"])

    code = await imap.uid_move(NumSet.of([2, 4]), b"Archive")

    assert await uids_of(imap) == [1, 3, 5]
    assert await imap.uid_search(["DELETED"]) == [1]
    assert len(server.messages(user, "Archive")) == 2
    if imap.can("UIDPLUS"):
        assert code is not None
        assert (list(code.source), list(code.destination)) == ([2, 4], [1, 2])


async def test_copies_and_removals(
    imap: ImapConnection, server: dovecot.Dovecot, user: str
) -> None:
    await imap.select(b"INBOX")

    await imap.uid_copy(NumSet.of([1, 5]), b"Archive")
    await imap.uid_remove(NumSet.of([5]))

    assert await uids_of(imap) == [1, 2, 3, 4]
    assert len(server.messages(user, "Archive")) == 2
    with pytest.raises(CommandRefused) as caught:
        await imap.uid_move(NumSet.of([1]), b"Nowhere")
    assert caught.value.code == "TRYCREATE"
    assert await uids_of(imap) == [1, 2, 3, 4]


async def test_mailboxes_come_and_go(imap: ImapConnection) -> None:
    name = imap.wire_name("Grün & Blau")
    await imap.create(name)
    await imap.subscribe(name)
    listing = await imap.list_mailboxes()
    assert "Grün & Blau" in [entry.path for entry in listing.entries]
    assert listing.subscribed is not None
    assert name in listing.subscribed

    with pytest.raises(CommandRefused) as caught:
        await imap.create(name)
    assert caught.value.code in ("ALREADYEXISTS", None)
    await imap.unsubscribe(name)
    await imap.rename(name, b"Rot")
    await imap.delete(b"Rot")
    paths = [entry.path for entry in (await imap.list_mailboxes()).entries]
    assert "Rot" not in paths
    assert "Grün & Blau" not in paths


async def test_counting_one_and_all(imap: ImapConnection) -> None:
    await imap.append(b"Archive", message(9), flags=["\\Seen"])

    one = await imap.status(b"INBOX", ["MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY", "SIZE"])
    every = await imap.status_all(["MESSAGES", "UNSEEN"])

    assert (one.messages, one.unseen, one.uidnext) == (5, 5, 6)
    assert (one.size is not None) is imap.can("STATUS=SIZE")
    counts = {status.path: (status.messages, status.unseen) for status in every}
    assert counts["INBOX"] == (5, 5)
    assert counts["Archive"] == (1, 0)
    assert counts["Sent"] == (0, 0)


async def test_searches_find_what_they_should(imap: ImapConnection) -> None:
    await imap.select(b"INBOX")
    for query, uids in [
        (SearchQuery(), [1, 2, 3, 4, 5]),
        (SearchQuery(subject="NUMBER 3"), [3]),
        (SearchQuery(from_="ann", flagged=True), [1, 2, 3, 4, 5]),
        (SearchQuery(headers=(("Message-ID", "<4@example.test>"),)), [4]),
        (SearchQuery(body="hello", uid=((2, 3),)), [2, 3]),
        (SearchQuery(seq=((5, None),)), [5]),
        (SearchQuery(subject="grün"), []),
        (SearchQuery(sent_since=1_704_067_200_000, sent_before=1_704_153_600_000), [1, 2, 3, 4, 5]),
        (SearchQuery(sent_before=1_704_067_200_000), []),
        (SearchQuery(larger=10_000), []),
        (SearchQuery(seen=False, deleted=False, draft=False, answered=False), [1, 2, 3, 4, 5]),
    ]:
        assert await imap.uid_search(search_keys(query, imap.can)) == uids, query


@ALL_EXTENSIONS
async def test_results_are_kept_and_sorted_where_the_server_can(imap: ImapConnection) -> None:
    await imap.select(b"INBOX")

    assert await imap.uid_search(["SUBJECT", b"number 3"], save=True) == [3]
    assert [row.uid for row in await imap.uid_fetch(SAVED, ["UID"])] == [3]
    await imap.uid_store(SAVED, "+FLAGS", ["\\Seen"])
    assert await imap.uid_search(["SEEN"]) == [3]
    assert await imap.uid_sort(["ALL"], ["REVERSE SUBJECT"]) == [5, 4, 3, 2, 1]


async def test_large_messages_are_read_in_pieces(imap: ImapConnection) -> None:
    body = b"".join(b"%07d\r\n" % number for number in range(100_000))
    large = b"Subject: large\r\n\r\n" + body
    await imap.append(b"Archive", Octets(large))
    await imap.select(b"Archive", read_only=True)

    size, pieces = await imap.fetch_body(1, "", partial_chunk=65_536)
    got = [piece async for piece in pieces]

    assert size == len(large)
    assert b"".join(got) == large
    assert max(map(len, got)) == 65_536
    size, pieces = await imap.fetch_body(1, "TEXT")
    assert (size, b"".join([piece async for piece in pieces])) == (None, body)
    with pytest.raises(NotFound):
        await imap.fetch_body(2, "")


@ALL_EXTENSIONS
async def test_a_preview_is_told_by_those_who_know_one(imap: ImapConnection) -> None:
    await imap.select(b"INBOX")

    (row,) = await imap.uid_fetch(NumSet.of([1]), ["PREVIEW", "BINARY.SIZE[1]", "BINARY.PEEK[1]"])

    assert row.preview == "hello"
    assert row.sizes == {"1": 7}
    assert row.sections == {"1": b"hello\r\n"}


# Watching


async def test_changes_of_others_end_the_wait(
    imap: ImapConnection, server: dovecot.Dovecot, user: str
) -> None:
    await imap.select(b"INBOX")
    other = await connected(server, user)
    await other.select(b"INBOX")
    heard: list[object] = []

    async def change(what: str, is_it: Callable[[object], bool]) -> None:
        """Make a change and wait for word of it; other news may come first."""
        heard.clear()
        waiting = asyncio.create_task(imap.idle(heard.append, max_s=3.0))
        await asyncio.sleep(0)
        match what:
            case "append":
                await other.append(b"INBOX", message(7))
            case "store":
                await other.uid_store(NumSet.of([1]), "+FLAGS", ["\\Seen"])
            case "expunge":
                await other.uid_remove(NumSet.of([2]))
        async with asyncio.timeout(20):
            await waiting
            while not any(is_it(one) for one in heard):
                await imap.idle(heard.append, max_s=3.0)

    if imap.can("IDLE"):
        await change("append", lambda one: one == Exists(6))
        await change("store", lambda one: isinstance(one, Fetched))
        await change("expunge", lambda one: isinstance(one, (Expunge, Vanished)))
    await other.close()


async def test_without_idle_changes_are_asked_for(
    imap: ImapConnection, server: dovecot.Dovecot, user: str
) -> None:
    await imap.select(b"INBOX")
    server.deliver(user, MESSAGE % (8, 8))
    heard: list[object] = []

    async with asyncio.timeout(20):
        while await imap.idle(heard.append, max_s=0.2) is not IdleEnd.CHANGED:
            pass

    assert heard == [Exists(6)]


@ALL_EXTENSIONS
async def test_a_reconnect_costs_one_command(
    imap: ImapConnection, server: dovecot.Dovecot, user: str
) -> None:
    mailbox = await imap.select(b"INBOX", condstore=True)
    assert mailbox.uidvalidity is not None
    assert mailbox.highestmodseq is not None
    known = QresyncParams(mailbox.uidvalidity, mailbox.highestmodseq)
    await imap.uid_store(NumSet.of([1]), "+FLAGS", ["\\Seen"])
    await imap.uid_remove(NumSet.of([2, 3]))

    again = await connected(server, user)
    await again.enable("QRESYNC")
    resynced = await again.select(b"INBOX", qresync=known)

    assert resynced.is_resynced
    assert list(resynced.vanished) == [2, 3]
    assert [row.uid for row in resynced.changed] == [1]
    rows: list[Fetched] = []
    gone = await again.uid_fetch_stream(
        EVERY, ["UID", "FLAGS"], rows.append, changed_since=known.modseq, vanished=True
    )
    assert (list(gone), [row.uid for row in rows]) == ([2, 3], [1])
    await again.close()


@ALL_EXTENSIONS
async def test_one_connection_hears_of_all_mailboxes(
    imap: ImapConnection, server: dovecot.Dovecot, user: str
) -> None:
    await imap.select(b"INBOX")
    await imap.notify()
    other = await connected(server, user)
    heard: list[object] = []

    async def until(kind: type) -> None:
        async with asyncio.timeout(20):
            while not any(isinstance(one, kind) for one in heard):
                await imap.idle(heard.append, max_s=3.0)

    await other.append(b"Archive", message(1))
    await until(MailboxStatus)
    await other.create(b"New")
    await until(ListEntry)
    assert MailboxStatus in map(type, heard)
    await other.close()


async def test_compressed_connections_do_the_same(server: dovecot.Dovecot, user: str) -> None:
    connection = await connected(server, user, compress=True)
    await connection.append(b"INBOX", Octets(b"Subject: x\r\n\r\n" + b"line\r\n" * 30_000))
    await connection.select(b"INBOX")

    size, pieces = await connection.fetch_body(1, "", partial_chunk=50_000)

    assert len(b"".join([piece async for piece in pieces])) == size == 180_014
    assert connection.is_compressed is connection.can("COMPRESS=DEFLATE")
    await connection.close()
