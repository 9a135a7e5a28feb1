"""Lists, searches and single messages over IMAP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from postroad.domain.errors import LocalProtocolError, RemoteFailure, Unprocessable
from postroad.domain.message import MessageSummary, UnreadMessage
from postroad.domain.message_id import MessageKey, is_part_number, own_id, pack_message
from postroad.domain.search import Ranges, SearchQuery
from postroad.engine.providers.base import Choose
from postroad.engine.providers.imap_reach import ImapReach, no_message
from postroad.engine.providers.kept import KeptMailbox, KeptMailboxes
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
from postroad.transport.imap import CommandRefused, ImapConnection

_SHORT_ITEMS = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE")  # of messages listed before
LIST_ITEMS = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE")
DETAIL_ITEMS = (
    "UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "BODYSTRUCTURE", "BODY.PEEK[HEADER]",
)  # fmt: skip
MAX_HEADER_BYTES = 2 * 1024 * 1024
_MAX_ROW_BYTES = 4 * 1024 * 1024  # of one message in a list
_LIKELY_BYTES = 64 * 1024
_MAX_LIKELY = 4
_MAX_BODY_BYTES = 32 * 1024 * 1024  # of the bodies of one message together
_LINE_OCTETS = 6000  # of items, so that a command stays below 8 KiB
_SMALL_BODY_BYTES = 64 * 1024  # likewise, up to which several messages share a command

Known = dict[int, MessageSummary]  # by UID, what lists have shown


class ImapReading:
    """Reads messages of one account; nothing is marked as seen unasked."""

    def __init__(self, reach: ImapReach, kept: KeptMailboxes) -> None:
        self._reach = reach
        self._kept = kept

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
            # No expunge can come between: EXISTS was told just now, and fetching by number
            # forbids it. RFC 9051 §7.5.1
            kept = self._kept.of(mailbox.wire_name, mailbox.uidvalidity)
            is_known = kept is not None and kept.expects(low, high)
            items = (*(_SHORT_ITEMS if is_known else LIST_ITEMS), *_identities(connection))
            rows = await connection.fetch_numbers(low, high, items, max_bytes=_MAX_ROW_BYTES)
            uids = [row.uid for row in rows if row.uid is not None]
            if len(rows) <= high - low:  # some could not be read; they are there all the same
                uids += await connection.uid_search((f"{low}:{high}",))
            known: Known = {}
            if kept is not None and is_known:
                kept.listed(rows)
                known = _known(kept, uids)
                new = [uid for uid in uids if uid not in known]
                rows += await self._new_rows(connection, new)
            found = await self._found(mailbox, path, rows, uids, known)
            return _remembering(found_page(found, total, page, wish.page_size), kept)

        return await self._reach.in_mailbox(path, work, read_only=True)

    async def search(self, path: str, query: SearchQuery, wish: PageWish) -> FoundPage:
        page = wanted_page(wish)
        path = await self._reach.resolve(path)

        async def work(connection: ImapConnection, mailbox: SelectedMailbox) -> FoundPage:
            uids = (await matching(connection, mailbox, query))[::-1]
            start = page * wish.page_size
            wanted = uids[start : start + wish.page_size]
            kept = self._kept.of(mailbox.wire_name, mailbox.uidvalidity)
            known = _known(kept, wanted)
            rows = await self._new_rows(connection, [uid for uid in wanted if uid not in known])
            if known:
                uids_known = NumSet.of(sorted(known))
                items = (*_SHORT_ITEMS, *_identities(connection))
                rows += await connection.uid_fetch(uids_known, items, max_bytes=_MAX_ROW_BYTES)
            found = await self._found(mailbox, path, rows, wanted, known)
            return _remembering(found_page(found, len(uids), page, wish.page_size), kept)

        return await self._reach.in_mailbox(path, work, read_only=True)

    async def read(
        self,
        message: str,
        *,
        choose: Choose | None = None,
        likely: Sequence[str] = (),
        mark_seen: bool = False,
    ) -> ReadMessage:
        async def work(
            connection: ImapConnection, key: MessageKey, path: str
        ) -> tuple[Fetched, str, list[FoundBody]]:
            items = (*DETAIL_ITEMS, *_identities(connection))
            row = await _fetch_likely(connection, key.uid, items, likely)
            wishes = choose(row) if choose is not None else ()
            bodies = await fetch_bodies(connection, row, wishes) if wishes else []
            if mark_seen:
                row = await _mark_seen(connection, row, key.uid)
            return row, path, bodies

        row, path, bodies = await self._reach.on_message(message, work, read_only=not mark_seen)
        if "HEADER" not in row.sections:
            raise RemoteFailure("The mail server did not give the headers of the message")
        mailbox = await self._reach.mailbox(path)
        return ReadMessage(FoundMessage(own_id(message), path, row), mailbox, tuple(bodies))

    async def _new_rows(self, connection: ImapConnection, uids: Sequence[int]) -> list[Fetched]:
        if not uids:
            return []
        items = (*LIST_ITEMS, *_identities(connection))
        return await connection.uid_fetch(NumSet.of(sorted(uids)), items, max_bytes=_MAX_ROW_BYTES)

    async def _found(
        self,
        mailbox: SelectedMailbox,
        path: str,
        rows: Iterable[Fetched],
        uids: Iterable[int],
        known: Known,
    ) -> tuple[FoundMessage, ...]:
        """Entries for ``uids``, the highest first; one that cannot be read is there by its UID.

        Of two rows of a message the later is the fuller.
        """
        number = await self._reach.number(path, mailbox)
        told = {row.uid: row for row in rows}
        found = []
        for uid in sorted(set(uids), reverse=True):
            row = told.get(uid) or Fetched(1, uid=uid)
            is_short = row.envelope is None and row.structure is None
            shown = known.get(uid) if is_short and uid in told else None
            message = pack_message(number, uid) if shown is None else shown.message
            found.append(FoundMessage(message, path, row, shown))
        return tuple(found)


def _known(kept: KeptMailbox | None, uids: Iterable[int]) -> Known:
    """What is kept of these messages, taken hold of: while the server is asked for the others it
    may be dropped."""
    if kept is None:
        return {}
    return {uid: summary for uid in uids if (summary := kept.find(uid)) is not None}


def _remembering(page: FoundPage, kept: KeptMailbox | None) -> FoundPage:
    if kept is None or all(one.known is not None for one in page.items):
        return page

    def remember(made: Sequence[MessageSummary | UnreadMessage]) -> None:
        for one, entry in zip(page.items, made, strict=True):
            if one.known is None:
                kept.add(one.row, entry)

    return replace(page, remember=remember)


async def matching(
    connection: ImapConnection, mailbox: SelectedMailbox, query: SearchQuery, *, save: bool = False
) -> list[int]:
    """UIDs of what matches, ascending; ``save`` has the server keep them, too (SEARCHRES).

    Raises :exc:`Unprocessable` for what the server lacks an extension for (contract B-020).
    """
    if query.known_uids == () and not connection.identity_items:
        return []
    try:
        keys = search_keys(query, connection.can, is_utf8=connection.has_utf8_names)
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
        query = replace(query, seq=within)
        keys = search_keys(query, connection.can, is_utf8=connection.has_utf8_names)
    if not mailbox.exists:
        return []
    return await connection.uid_search(keys, save=save)


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


async def _fetch_likely(
    connection: Fetcher, uid: int, items: Sequence[str], likely: Sequence[str]
) -> Fetched:
    """One message's items with the beginnings of its ``likely`` parts."""
    beginnings = [
        f"BODY.PEEK[{part}]<0.{_LIKELY_BYTES}>"
        for part in likely[:_MAX_LIKELY]
        if is_part_number(part)
    ]
    if beginnings:
        with suppress(CommandRefused):  # some servers refuse parts that are not there
            room = MAX_HEADER_BYTES + len(beginnings) * _LIKELY_BYTES
            return await fetch_one(connection, uid, [*items, *beginnings], max_bytes=room)
    return await fetch_one(connection, uid, items, max_bytes=MAX_HEADER_BYTES)


def _identities(connection: ImapConnection) -> tuple[str, ...]:
    labels = ("X-GM-LABELS",) if connection.can("X-GM-EXT-1") else ()
    return (*connection.identity_items, *labels)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to fetch of one message's bodies."""

    items: tuple[str, ...]
    parts: tuple[tuple[BodyPart, int], ...]  # with how many octets to take
    size: int  # octets that may come


async def fetch_bodies(
    connection: Fetcher, row: Fetched, wishes: Sequence[PartWish]
) -> list[FoundBody]:
    """The octets of the wanted parts that are there, within the bound of all together.

    What ``row`` has of them already is not fetched again, if it is enough.
    """
    wanted = _wanted(row, wishes)
    if not wanted.parts or row.uid is None:
        return []
    sections: dict[str, bytes | None] = {}
    for items in _on_lines(wanted.items):
        got = await fetch_one(connection, row.uid, ["UID", *items], max_bytes=_MAX_BODY_BYTES)
        sections |= got.sections
    return _found(wanted, row, replace(row, sections=sections))


async def fetch_small_bodies(
    connection: Fetcher, messages: Iterable[tuple[Fetched, Sequence[PartWish]]]
) -> dict[int, list[FoundBody]]:
    """By UID what :func:`fetch_bodies` finds, for those messages that want little.

    Messages that want the same parts share one command: a burst of mail is alike. Who is not in
    the result has to be asked for alone.
    """
    alike: dict[tuple[str, ...], dict[int, tuple[Fetched, _Wanted]]] = {}
    for row, wishes in messages:
        wanted = _wanted(row, wishes)
        is_small = wanted.size <= _SMALL_BODY_BYTES and len(wanted.items) <= _MAX_LIKELY
        if row.uid is not None and wanted.items and is_small:
            alike.setdefault(wanted.items, {})[row.uid] = row, wanted
    found: dict[int, list[FoundBody]] = {}
    for items, group in alike.items():
        if len(group) > 1:
            bound = len(group) * _SMALL_BODY_BYTES
            got = await connection.uid_fetch(
                NumSet.of(sorted(group)), ["UID", *items], max_bytes=bound
            )
            for one in got:
                if one.uid in group:
                    row, wanted = group[one.uid]
                    found[one.uid] = _found(wanted, row, one)
    return found


def _on_lines(items: Sequence[str]) -> Iterator[list[str]]:
    """Cut into what fits on a command line each; a message may have thousands of parts."""
    line: list[str] = []
    octets = 0
    for item in items:
        if line and octets + len(item) >= _LINE_OCTETS:
            yield line
            line, octets = [], 0
        line.append(item)
        octets += len(item) + 1
    if line:
        yield line


def _wanted(row: Fetched, wishes: Sequence[PartWish]) -> _Wanted:
    parts: list[tuple[BodyPart, int]] = []
    room = _MAX_BODY_BYTES
    nodes: dict[str, BodyPart] = {}
    if row.structure is not None and wishes:
        nodes = {node.part: node for node in row.structure.walk()}
    for wish in wishes:
        node = nodes.get(wish.part)
        if node is None or node.is_multipart or not is_part_number(wish.part) or room <= 0:
            continue
        limit = room if wish.max_bytes is None else min(room, wish.max_bytes)
        parts.append((node, limit))
        room -= min(limit, node.size)
    items = tuple(
        f"BODY.PEEK[{node.part}]" if node.size <= limit else f"BODY.PEEK[{node.part}]<0.{limit}>"
        for node, limit in parts
        if not _has_enough(row, node, limit)
    )
    return _Wanted(items, tuple(parts), _MAX_BODY_BYTES - room)


def _found(wanted: _Wanted, row: Fetched, got: Fetched) -> list[FoundBody]:
    bodies = []
    for node, limit in wanted.parts:
        octets = _octets_of(row if _has_enough(row, node, limit) else got, node)
        if octets is not None:
            is_cut = len(octets) > limit or node.size > limit
            bodies.append(FoundBody(node, octets[:limit], is_cut))
    return bodies


def _octets_of(row: Fetched, node: BodyPart) -> bytes | None:
    return row.sections.get(node.part) or row.sections.get(f"{node.part}<0>")


def _has_enough(row: Fetched, node: BodyPart, limit: int) -> bool:
    """Whether the beginning that was fetched will do; less than was asked for is the whole."""
    octets = _octets_of(row, node)
    return octets is not None and (len(octets) < _LIKELY_BYTES or len(octets) >= limit)


async def _mark_seen(connection: ImapConnection, row: Fetched, uid: int) -> Fetched:
    flags = row.flags or ()
    if any(flag.lower() == "\\seen" for flag in flags):
        return row
    await connection.uid_store(NumSet.of([uid]), "+FLAGS.SILENT", ["\\Seen"])
    return replace(row, flags=(*flags, "\\Seen"))
