"""What is known of mailboxes and messages, on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postroad.domain.errors import Conflict
from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.mailbox_state import Indexer, MailboxCursor
from postroad.domain.message_index import Chunk, Entry, marks
from postroad.store import Store, Tx
from postroad.store.messages import Trace, decode_listing, encode_listing
from support.store import START, account

CURSOR = MailboxCursor(
    path="INBOX",
    number=1,
    uidvalidity=4_000_000_000,
    uidnext=7,
    announced=5,
    baseline=4,
    messages=6,
    highestmodseq=2**62,
    checked_at=START,
    indexer=Indexer.FULL,
    special_use=SpecialUse.INBOX,
    delimiter="/",
)


async def with_account(store: Store, name: str = "a") -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(account(name))

    await store.write(unit)


async def test_a_cursor_comes_back_as_it_was_put(store: Store) -> None:
    await with_account(store)
    await store.write(lambda tx: tx.messages.put_cursor("a", CURSOR))
    moved = replace(CURSOR, uidnext=9, announced=9, highestmodseq=None, special_use=None)
    await store.write(lambda tx: tx.messages.put_cursor("a", moved))

    assert await store.read(lambda tx: tx.messages.cursor("a", "INBOX")) == moved
    cursors = await store.read(lambda tx: tx.messages.cursors("a"))
    assert [cursors.get(path) for path in cursors.paths()] == [moved]


async def test_a_cursor_of_no_account_is_refused(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.messages.put_cursor("nobody", CURSOR))


async def test_a_chunk_is_found_by_any_uid_that_it_covers(store: Store) -> None:
    await with_account(store)
    first = Chunk([Entry(3, marks(("\\Seen",)), -5), Entry(8, marks(()))])
    second = Chunk([Entry(20, marks(("a",), ("\\Inbox",)))])

    async def put(tx: Tx) -> None:
        await tx.messages.put_chunk("a", 1, 3, first)
        await tx.messages.put_chunk("a", 1, 20, second)
        await tx.messages.put_chunk("a", 2, 1, Chunk([Entry(1, marks(()))]))

    await store.write(put)

    async def look(tx: Tx) -> None:
        assert await tx.messages.chunk_of("a", 1, 2) is None
        assert await tx.messages.chunk_of("a", 1, 19) == (3, first)
        assert await tx.messages.chunk_of("a", 1, 4_000_000_000) == (20, second)
        assert await tx.messages.chunks("a", 1, from_uid=4, limit=5) == [(20, second)]
        assert await tx.messages.chunk_starts("a", 1) == [3, 20]

    await store.read(look)


async def test_an_empty_chunk_is_deleted(store: Store) -> None:
    await with_account(store)
    await store.write(lambda tx: tx.messages.put_chunk("a", 1, 1, Chunk([Entry(1, marks(()))])))
    await store.write(lambda tx: tx.messages.put_chunk("a", 1, 1, Chunk()))

    assert await store.read(lambda tx: tx.messages.chunk_starts("a", 1)) == []


async def test_forgetting_a_mailbox_leaves_the_others(store: Store) -> None:
    await with_account(store)
    other = replace(CURSOR, path="Sent", number=2)

    async def put(tx: Tx) -> None:
        for cursor in (CURSOR, other):
            await tx.messages.put_cursor("a", cursor)
            await tx.messages.put_chunk("a", cursor.number, 1, Chunk([Entry(1, marks(()))]))

    await store.write(put)
    await store.write(lambda tx: tx.messages.forget_mailbox("a", CURSOR))

    cursors = await store.read(lambda tx: tx.messages.cursors("a"))
    assert [cursors.get(path) for path in cursors.paths()] == [other]
    assert "Sent" in cursors
    assert cursors.get("INBOX") is None
    assert await store.read(lambda tx: tx.messages.chunk_starts("a", 1)) == []
    assert await store.read(lambda tx: tx.messages.chunk_starts("a", 2)) == [1]


async def test_everything_goes_with_the_account(store: Store) -> None:
    await with_account(store)

    async def put(tx: Tx) -> None:
        await tx.messages.put_cursor("a", CURSOR)
        await tx.messages.put_chunk("a", 1, 1, Chunk([Entry(1, marks(()))]))
        await tx.messages.put_listing("a", encode_listing([Mailbox("INBOX", "/")]))
        await tx.threads.join("a", [[1]])

    await store.write(put)
    await store.write(lambda tx: tx.accounts.delete("a"))

    async def look(tx: Tx) -> None:
        assert not await tx.messages.has_cursors("a")
        assert await tx.messages.chunk_starts("a", 1) == []
        assert decode_listing(await tx.messages.listing("a")) == []
        assert await tx.threads.names("a", [1]) == {}

    await store.read(look)


async def test_a_listing_comes_back_as_it_was_put(store: Store) -> None:
    await with_account(store)
    listing = [
        Mailbox("INBOX", "/", SpecialUse.INBOX, "extension"),
        Mailbox("Entwürfe", None, None, None, False, ("\\HasNoChildren",)),
    ]
    first, second = encode_listing(listing[:1]), encode_listing(listing)
    assert await store.write(lambda tx: tx.messages.put_listing("a", first))
    assert await store.write(lambda tx: tx.messages.put_listing("a", second))
    assert not await store.write(lambda tx: tx.messages.put_listing("a", second))

    assert decode_listing(await store.read(lambda tx: tx.messages.listing("a"))) == listing


async def test_traces_are_found_by_fingerprint_until_they_are_purged(store: Store) -> None:
    here = Trace(-(2**62), 1, 5, is_gone=False, seen_at=START)
    gone = Trace(-(2**62), 1, 5, is_gone=True, seen_at=START + 10)

    async def put(tx: Tx) -> None:
        for trace in (here, gone, here):
            await tx.messages.put_trace(trace)

    await store.write(put)

    async def find(tx: Tx) -> list[Trace]:
        return await tx.messages.traces(-(2**62), -(2**62), since=START)

    assert await store.read(find) == [here, gone]
    assert await store.write(lambda tx: tx.messages.purge_traces(before=START + 10)) == 1
    assert await store.read(find) == [gone]
