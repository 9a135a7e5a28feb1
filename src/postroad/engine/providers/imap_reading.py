"""Lists, searches and single messages over IMAP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from postroad.domain.errors import LocalProtocolError, RemoteFailure, Unprocessable
from postroad.domain.message_id import MessageKey, is_part_number, pack_message
from postroad.domain.search import Ranges, SearchQuery
from postroad.engine.providers.base import Choose
from postroad.engine.providers.imap_reach import ImapReach, no_message
from postroad.engine.providers.pages import found_page, wanted_page
from postroad.engine.providers.results import (
    FoundBody,
    FoundMessage,
    FoundPage,
    PageWish,
    PartWish,
    ReadMessage,
)
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.search_keys import search_keys
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.mime.part import BodyPart
from postroad.transport.imap import ImapConnection

LIST_ITEMS = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE")
DETAIL_ITEMS = (
    "UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "BODYSTRUCTURE", "BODY.PEEK[HEADER]",
)  # fmt: skip
MAX_HEADER_BYTES = 2 * 1024 * 1024
_MAX_ROW_BYTES = 4 * 1024 * 1024  # of one message in a list
_MAX_BODY_BYTES = 32 * 1024 * 1024  # of the bodies of one message together


class ImapReading:
    """Reads messages of one account; nothing is marked as seen unasked."""

    def __init__(self, reach: ImapReach) -> None:
        self._reach = reach

    async def page(self, path: str, wish: PageWish) -> FoundPage:
        """By message number, the highest first, since numbers are what pages are counted in."""
        page = wanted_page(wish)
        path = await self._reach.resolve(path)

        async def work(connection: ImapConnection, mailbox: SelectedMailbox) -> FoundPage:
            total = mailbox.exists
            high = total - page * wish.page_size
            if high < 1:
                return found_page((), total, page, wish.page_size)
            low = max(1, high - wish.page_size + 1)
            # No expunge can come between: EXISTS was told just now, and searching by number
            # forbids it. RFC 9051 §7.5.1
            uids = await connection.uid_search((f"{low}:{high}",))
            items = await self._rows(connection, mailbox, path, uids)
            return found_page(items, total, page, wish.page_size)

        return await self._reach.in_mailbox(path, work, read_only=True)

    async def search(self, path: str, query: SearchQuery, wish: PageWish) -> FoundPage:
        page = wanted_page(wish)
        path = await self._reach.resolve(path)

        async def work(connection: ImapConnection, mailbox: SelectedMailbox) -> FoundPage:
            uids = (await matching(connection, mailbox, query))[::-1]
            start = page * wish.page_size
            wanted = uids[start : start + wish.page_size]
            items = await self._rows(connection, mailbox, path, wanted)
            return found_page(items, len(uids), page, wish.page_size)

        return await self._reach.in_mailbox(path, work, read_only=True)

    async def read(
        self, message: str, *, choose: Choose | None = None, mark_seen: bool = False
    ) -> ReadMessage:
        async def work(
            connection: ImapConnection, key: MessageKey, path: str
        ) -> tuple[Fetched, str, list[FoundBody]]:
            items = [*DETAIL_ITEMS, *_identities(connection)]
            row = await fetch_one(connection, key.uid, items, max_bytes=MAX_HEADER_BYTES)
            wishes = choose(row) if choose is not None else ()
            bodies = await fetch_bodies(connection, row, wishes) if wishes else []
            if mark_seen:
                row = await _mark_seen(connection, row, key.uid)
            return row, path, bodies

        row, path, bodies = await self._reach.on_message(message, work, read_only=not mark_seen)
        if "HEADER" not in row.sections:
            raise RemoteFailure("The mail server did not give the headers of the message")
        mailbox = await self._reach.mailbox(path)
        return ReadMessage(FoundMessage(message, path, row), mailbox, tuple(bodies))

    async def _rows(
        self,
        connection: ImapConnection,
        mailbox: SelectedMailbox,
        path: str,
        uids: Sequence[int],
    ) -> tuple[FoundMessage, ...]:
        """Entries for ``uids``, the highest first; one that cannot be read is there by its UID."""
        if not uids:
            return ()
        number = await self._reach.number(path, mailbox)
        rows = await connection.uid_fetch(
            NumSet.of(sorted(uids)),
            [*LIST_ITEMS, *_identities(connection)],
            max_bytes=_MAX_ROW_BYTES,
        )
        known = {row.uid: row for row in rows}
        return tuple(
            FoundMessage(pack_message(number, uid), path, known.get(uid) or Fetched(1, uid=uid))
            for uid in sorted(uids, reverse=True)
        )


async def matching(
    connection: ImapConnection, mailbox: SelectedMailbox, query: SearchQuery
) -> list[int]:
    """UIDs of what matches, ascending.

    Raises :exc:`Unprocessable` for what the server lacks an extension for (contract B-020).
    """
    try:
        keys = search_keys(query, connection.can)
    except LocalProtocolError as error:
        by_id = query.email_id or query.email_ids or query.thread_id
        if query.needs_gmail or by_id or query.modseq is not None:
            raise Unprocessable(error.message, code="MissingServerExtension") from error
        raise
    if query.seq is not None:
        # Numbers that no message has are an error to servers. RFC 9051 §6.4.4
        within = _within(query.seq, mailbox.exists)
        if not within:
            return []
        keys = search_keys(replace(query, seq=within), connection.can)
    if not mailbox.exists:
        return []
    return await connection.uid_search(keys)


def _within(ranges: Ranges, exists: int) -> Ranges:
    found = []
    for start, end in ranges:
        low, high = exists if start is None else start, exists if end is None else end
        low, high = min(low, high), min(max(low, high), exists)
        if 1 <= low <= high:
            found.append((low, high))
    return tuple(found)


class Fetcher(Protocol):
    """A connection, as far as fetching goes."""

    async def uid_fetch(
        self, uids: NumSet, items: Sequence[str], *, max_bytes: int = ...
    ) -> list[Fetched]: ...


async def fetch_one(
    connection: Fetcher, uid: int, items: Sequence[str], *, max_bytes: int
) -> Fetched:
    """One message's items. Raises :exc:`NotFound`."""
    rows = await connection.uid_fetch(NumSet.of([uid]), items, max_bytes=max_bytes)
    if not rows:
        raise no_message()
    return rows[0]


def _identities(connection: ImapConnection) -> tuple[str, ...]:
    labels = ("X-GM-LABELS",) if connection.can("X-GM-EXT-1") else ()
    return (*connection.identity_items, *labels)


async def fetch_bodies(
    connection: Fetcher, row: Fetched, wishes: Sequence[PartWish]
) -> list[FoundBody]:
    """The octets of the wanted parts that are there, within the bound of all together."""
    wanted: list[tuple[BodyPart, int]] = []  # with how many octets to ask for
    room = _MAX_BODY_BYTES
    for wish in wishes:
        node = row.structure.find(wish.part) if row.structure is not None else None
        if node is None or node.is_multipart or not is_part_number(wish.part) or room <= 0:
            continue
        limit = room if wish.max_bytes is None else min(room, wish.max_bytes)
        wanted.append((node, limit))
        room -= min(limit, node.size)
    if not wanted or row.uid is None:
        return []
    items = [
        f"BODY.PEEK[{node.part}]" if node.size <= limit else f"BODY.PEEK[{node.part}]<0.{limit}>"
        for node, limit in wanted
    ]
    got = await fetch_one(connection, row.uid, ["UID", *items], max_bytes=_MAX_BODY_BYTES)
    bodies = []
    for node, limit in wanted:
        octets = got.sections.get(node.part) or got.sections.get(f"{node.part}<0>")
        if octets is not None:
            is_cut = len(octets) > limit or node.size > limit
            bodies.append(FoundBody(node, octets[:limit], is_cut))
    return bodies


async def _mark_seen(connection: ImapConnection, row: Fetched, uid: int) -> Fetched:
    flags = row.flags or ()
    if any(flag.lower() == "\\seen" for flag in flags):
        return row
    await connection.uid_store(NumSet.of([uid]), "+FLAGS.SILENT", ["\\Seen"])
    return replace(row, flags=(*flags, "\\Seen"))
