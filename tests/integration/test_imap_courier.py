"""Our client on Courier, which has few extensions and ideas of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from postroad.domain.account import ImapSettings, Login
from postroad.domain.search import SearchQuery
from postroad.domain.secret import Secret
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import EVERY, NumSet
from postroad.protocol.imap.search_keys import search_keys
from postroad.transport.imap import (
    AuthenticationRefused,
    CommandRefused,
    IdleEnd,
    ImapConnection,
    ImapTimeouts,
    ToAppend,
)
from support import courier, courier_packages
from support.hostile_imap import OctetsOf

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not courier_packages.is_fetched(), reason=courier.MISSING),
]

USUAL = {"INBOX", *(f"INBOX.{name}" for name in ("Sent", "Drafts", "Trash", "Junk", "Archive"))}
TIMEOUTS = ImapTimeouts(connect_s=10.0, open_s=20.0, silence_s=10.0, command_s=20.0, close_s=2.0)
MESSAGE = (
    b"From: Ann <ann@example.test>\r\nTo: bob@example.test\r\nSubject: number %d\r\n"
    b"Message-ID: <%d@example.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nhello\r\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[courier.Courier]:
    with courier.Courier() as running:
        yield running


@pytest.fixture
def user() -> str:
    return f"u{uuid.uuid4().hex}"


async def connected(
    server: courier.Courier, user: str, password: str = courier.PASSWORD
) -> ImapConnection:
    wanted = ImapSettings("127.0.0.1", server.port, login=Login(user, Secret(password)))
    return await ImapConnection.open(wanted, timeouts=TIMEOUTS)


@pytest.fixture
async def imap(server: courier.Courier, user: str) -> AsyncIterator[ImapConnection]:
    connection = await connected(server, user)
    await connection.append_many(
        b"INBOX",
        [ToAppend(OctetsOf(MESSAGE % (n, n)), ["\\Flagged", "$Own"]) for n in range(1, 6)],
    )
    yield connection
    await connection.close()


async def test_a_wrong_password_is_refused(server: courier.Courier, user: str) -> None:
    with pytest.raises(AuthenticationRefused, match="Login failed"):
        await connected(server, user, "wrong")


async def test_mailboxes_lie_below_the_inbox(imap: ImapConnection) -> None:
    namespace = await imap.namespace()
    assert (namespace.personal[0].prefix, namespace.personal[0].delimiter) == ("INBOX.", ".")
    name = imap.wire_name("INBOX.Grün & Blau")

    await imap.create(name)
    await imap.subscribe(name)

    listing = await imap.list_mailboxes()
    assert {entry.path for entry in listing.entries} == {*USUAL, "INBOX.Grün & Blau"}
    assert listing.subscribed is not None
    assert name in listing.subscribed
    await imap.rename(name, b"INBOX.Rot")
    await imap.delete(b"INBOX.Rot")
    assert {entry.path for entry in (await imap.list_mailboxes()).entries} == USUAL


async def test_names_in_utf8_are_the_same_names(
    imap: ImapConnection, server: courier.Courier, user: str
) -> None:
    assert imap.has_utf8_names
    assert imap.wire_name("INBOX.Grün") == "INBOX.Grün".encode()
    await imap.create(imap.wire_name("INBOX.Grün"))
    paths = {entry.path for entry in (await imap.list_mailboxes()).entries}
    assert paths == {*USUAL, "INBOX.Grün"}
    await imap.select(imap.wire_name("INBOX.Grün"))
    await imap.select(b"INBOX")
    assert await imap.uid_search(search_keys(SearchQuery(subject="grün"), imap.can)) == []
    with server.client(user) as other:  # which has not enabled it
        assert other.select("INBOX.Gr&APw-n")[0] == "OK"


async def test_mail_with_headers_in_utf8_is_filed_and_read_as_it_is(
    server: courier.Courier, user: str
) -> None:
    """RFC 9755 §4: with UTF8=ACCEPT a plain literal will do."""
    mail = "From: Jörg <jörg@grün.example>\r\nSubject: Größe\r\n\r\nhello\r\n".encode()
    imap = await connected(server, user)
    await imap.append(b"INBOX", OctetsOf(mail))
    await imap.select(b"INBOX")
    (row,) = await imap.uid_fetch(EVERY, ["UID", "ENVELOPE", "BODY.PEEK[]"])
    assert row.sections[""] == mail
    assert row.envelope is not None
    assert row.envelope.subject == "Größe".encode()
    assert row.envelope.from_[0].mailbox == "jörg".encode()
    found = await imap.uid_search(search_keys(SearchQuery(subject="größe"), imap.can))
    assert found == [row.uid]
    await imap.close()


async def test_messages_are_listed_searched_and_flagged(imap: ImapConnection) -> None:
    mailbox = await imap.select(b"INBOX", condstore=True)
    rows: list[Fetched] = []
    await imap.uid_fetch_stream(EVERY, ["UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE"], rows.append)

    assert mailbox.exists == 5
    assert [row.uid for row in rows] == [1, 2, 3, 4, 5]
    assert {"\\Flagged", "$Own"} <= set(rows[0].flags or ())
    for query, uids in [
        (SearchQuery(), [1, 2, 3, 4, 5]),
        (SearchQuery(subject="number 3"), [3]),
        (SearchQuery(headers=(("Message-ID", "<4@example.test>"),)), [4]),
        (SearchQuery(uid=((2, 3),), seen=False), [2, 3]),
        (SearchQuery(body="hello", larger=10_000), []),
        (SearchQuery(from_="grün"), []),
    ]:
        assert await imap.uid_search(search_keys(query, imap.can)) == uids, query
    assert await imap.uid_sort(["ALL"], ["REVERSE SUBJECT"]) == [5, 4, 3, 2, 1]
    (row,) = await imap.uid_store(NumSet.of([2]), "-FLAGS", ["$Own"])
    assert "$Own" not in (row.flags or ())


async def test_moving_without_move(
    imap: ImapConnection, server: courier.Courier, user: str
) -> None:
    await imap.select(b"INBOX")
    await imap.uid_store(NumSet.of([1]), "+FLAGS", ["\\Deleted"])

    code = await imap.uid_move(NumSet.of([2, 4]), b"INBOX.Archive")

    assert code is not None
    assert (list(code.source), list(code.destination)) == ([2, 4], [1, 2])
    assert await imap.uid_search(["ALL"]) == [1, 3, 5]
    assert await imap.uid_search(["DELETED"]) == [1]
    assert server.count(user, "INBOX.Archive") == 2
    with pytest.raises(CommandRefused):
        await imap.uid_move(NumSet.of([1]), b"INBOX.Nowhere")


async def test_counts_and_quota(imap: ImapConnection) -> None:

    one = await imap.status(b"INBOX", ["MESSAGES", "UNSEEN", "HIGHESTMODSEQ"])
    every = await imap.status_all(["MESSAGES"])

    assert (one.messages, one.unseen, one.highestmodseq) == (5, 5, None)
    assert {status.path: status.messages for status in every} == {
        path: 5 if path == "INBOX" else 0 for path in USUAL
    }
    assert await imap.quota() is not None


async def test_large_messages_are_read_in_pieces(imap: ImapConnection) -> None:
    large = b"Subject: large\r\n\r\n" + b"".join(b"%07d\r\n" % n for n in range(30_000))
    code = await imap.append(b"INBOX", OctetsOf(large))
    assert code is not None
    await imap.select(b"INBOX", read_only=True)
    (uid,) = code.uids

    size, pieces = await imap.fetch_body(uid, "", partial_chunk=50_000)

    assert b"".join([piece async for piece in pieces]) == large
    assert size == len(large)


async def test_new_mail_ends_the_wait(
    imap: ImapConnection, server: courier.Courier, user: str
) -> None:
    await imap.select(b"INBOX")
    heard: list[object] = []
    waiting = asyncio.create_task(imap.idle(heard.append, max_s=20.0))
    server.deliver(user, MESSAGE % (9, 9))

    assert await waiting is IdleEnd.CHANGED

    assert heard
    assert imap.selected is not None
    assert imap.selected.exists == 6
