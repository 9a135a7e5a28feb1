"""Reading messages in the sandbox, told in the same words as a mail server's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from postroad.domain.errors import NotFound
from postroad.domain.message import PartInfo
from postroad.domain.message_id import is_part_number, pack_message
from postroad.domain.search import SearchQuery
from postroad.engine.providers.base import Choose
from postroad.engine.providers.imap_parts import part_info
from postroad.engine.providers.pages import found_page, wanted_page
from postroad.engine.providers.results import (
    FoundBody,
    FoundMessage,
    FoundPage,
    PageWish,
    PartStream,
    ReadMessage,
)
from postroad.engine.providers.sandbox_folders import Place
from postroad.engine.providers.sandbox_search import check, matches, may_match, needs_octets
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.decoding import Decoder
from postroad.protocol.mime.parameters import charset
from postroad.protocol.mime.parser import ParsedMessage, parse_message
from postroad.store import Store, Tx
from postroad.store.sandbox import MAX_MESSAGES, SandboxMessage

_SLOW_BYTES = 256 * 1024  # taking more apart holds up the event loop for too long
_PIECE = 256 * 1024


class SandboxReading:
    """Reads messages of one account."""

    def __init__(self, account: str, store: Store) -> None:
        self._account = account
        self._store = store
        self._numbers: dict[tuple[str, str], int] = {}

    async def number(self, place: Place) -> int:
        """The number under which message ids name this life of a mailbox."""
        key = place.path, place.uidvalidity
        if key not in self._numbers:
            self._numbers[key] = await self._store.write(
                lambda tx: tx.mailboxes.number(self._account, *key)
            )
        return self._numbers[key]

    async def octets(self, found: SandboxMessage) -> bytes:
        pieces = [piece async for piece in self._store.open_content(found.content, skip_bcc=False)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def page(self, place: Place, wish: PageWish) -> FoundPage:
        page = wanted_page(wish)
        skip = page * wish.page_size

        async def unit(tx: Tx) -> tuple[int, list[SandboxMessage]]:
            total = await tx.sandbox.count(self._account, place.path)
            return total, await tx.sandbox.page(
                self._account, place.path, skip=skip, limit=wish.page_size
            )

        total, messages = await self._store.read(unit)
        items = [await self._found(place, one, total - skip - n) for n, one in enumerate(messages)]
        return found_page(tuple(items), total, page, wish.page_size)

    async def search(self, place: Place, query: SearchQuery, wish: PageWish) -> FoundPage:
        page = wanted_page(wish)
        matching = await self._matching(place, query)
        start = page * wish.page_size
        items = [
            await self._found(place, one, seq)
            for seq, one in matching[start : start + wish.page_size]
        ]
        return found_page(tuple(items), len(matching), page, wish.page_size)

    async def uids(self, place: Place, query: SearchQuery) -> list[int]:
        """UIDs of all that matches, the highest first."""
        return [one.uid for _, one in await self._matching(place, query)]

    async def read(self, place: Place, found: SandboxMessage, choose: Choose | None) -> ReadMessage:
        octets = await self.octets(found)
        parts = await _parsed(octets)
        shown = FoundMessage(
            pack_message(await self.number(place), found.uid),
            place.path,
            _row(found, 0, parts),
        )
        bodies = []
        for wish in choose(shown.row) if choose is not None else ():
            node, span = parts.root.find(wish.part), parts.spans.get(wish.part)
            if node is not None and span is not None:
                start, end = span
                stop = end if wish.max_bytes is None else min(end, start + wish.max_bytes)
                bodies.append(FoundBody(node, octets[start:stop], is_cut=stop < end))
        return ReadMessage(shown, place.mailbox, tuple(bodies))

    async def open_part(self, found: SandboxMessage, part: str) -> PartStream:
        octets = await self.octets(found)
        parts = await _parsed(octets)
        node = parts.root.find(part) if is_part_number(part) else None
        span = parts.spans.get(part)
        if node is None or span is None:
            raise NotFound("Requested part was not found", code="MessageNotFound")
        info: PartInfo = part_info(node)
        return PartStream(info, _decoded(octets, span, node.encoding), charset=charset(node))

    async def _matching(
        self, place: Place, query: SearchQuery
    ) -> Sequence[tuple[int, SandboxMessage]]:
        """Message number and message, newest first."""
        check(query)

        async def unit(tx: Tx) -> list[SandboxMessage]:
            return await tx.sandbox.list(self._account, place.path, limit=MAX_MESSAGES)

        messages = await self._store.read(unit)
        total = len(messages)
        last = messages[0].uid if messages else 0
        possible = [
            (total - n, one)
            for n, one in enumerate(messages)
            if may_match(query, one, total - n, total, last)
        ]
        if not needs_octets(query):
            return possible
        return [
            (seq, one)
            for seq, one in possible
            if await asyncio.to_thread(matches, query, await self.octets(one))
        ]

    async def _found(self, place: Place, found: SandboxMessage, seq: int) -> FoundMessage:
        octets = await self.octets(found)
        row = _row(found, seq, await _parsed(octets))
        return FoundMessage(pack_message(await self.number(place), found.uid), place.path, row)


def _row(found: SandboxMessage, seq: int, parts: ParsedMessage) -> Fetched:
    return Fetched(
        seq,
        uid=found.uid,
        flags=found.flags,
        size=found.content.size,
        internal_date=found.received_at,
        structure=parts.root,
        sections={"HEADER": parts.header_block},
    )


async def _parsed(octets: bytes) -> ParsedMessage:
    if len(octets) < _SLOW_BYTES:
        return parse_message(octets)
    return await asyncio.to_thread(parse_message, octets)


async def _decoded(octets: bytes, span: tuple[int, int], encoding: str) -> AsyncIterator[bytes]:
    decoder = Decoder(encoding)
    start, end = span
    for at in range(start, end, _PIECE):
        piece = decoder.feed(octets[at : min(at + _PIECE, end)])
        if piece:
            yield piece
    if rest := decoder.finish():
        yield rest
