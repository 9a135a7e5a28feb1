"""Parts and whole messages over IMAP as streams, in pieces that are asked for one by one.

A stream holds no connection between its pieces: a client that reads slowly keeps nobody else
waiting, and any number of downloads can share two connections. Memory is a few pieces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from postroad.domain.errors import NotFound, RemoteFailure
from postroad.domain.message_id import MessageKey, is_part_number
from postroad.engine.providers.imap_parts import part_info
from postroad.engine.providers.imap_reach import ImapReach, no_message, no_part
from postroad.engine.providers.imap_reading import fetch_one
from postroad.engine.providers.results import PartStream, SourceStream
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.decoding import Decoder
from postroad.protocol.mime.parameters import charset
from postroad.protocol.mime.part import BodyPart
from postroad.transport.imap import CommandRefused, ImapConnection

PIECE_BYTES = 512 * 1024
_MAX_STRUCTURE_BYTES = 2 * 1024 * 1024


class ImapStreams:
    """Opens streams of one account."""

    def __init__(self, reach: ImapReach) -> None:
        self._reach = reach

    async def open_part(self, message: str, part: str) -> PartStream:
        """The first piece is here when this returns, so that what is missing is told at once."""
        if not is_part_number(part):
            raise no_part()

        async def work(
            connection: ImapConnection, key: MessageKey, path: str
        ) -> tuple[BodyPart, bytes]:
            try:
                row = await fetch_one(
                    connection,
                    key.uid,
                    ["UID", "BODYSTRUCTURE", f"BODY.PEEK[{part}]<0.{PIECE_BYTES}>"],
                    max_bytes=PIECE_BYTES + _MAX_STRUCTURE_BYTES,
                )
            except CommandRefused:
                # Some servers refuse a part that no message has.
                row = await fetch_one(
                    connection, key.uid, ["UID", "BODYSTRUCTURE"], max_bytes=_MAX_STRUCTURE_BYTES
                )
                if row.structure is None or row.structure.find(part) is not None:
                    raise
            found = row.structure.find(part) if row.structure is not None else None
            octets = _piece(row, part, 0)
            if found is None or found.is_multipart or octets is None:
                raise no_part()
            return found, octets

        found, first = await self._reach.on_message(message, work, read_only=True)
        decoder = Decoder(found.encoding)
        if len(first) < PIECE_BYTES:
            whole = decoder.feed(first) + decoder.finish()
            chunks, size = _only(whole), len(whole)
            return PartStream(part_info(found), chunks, size, charset=charset(found))
        pieces = self._pieces(message, part, first)
        return PartStream(part_info(found), _decoded(decoder, pieces), charset=charset(found))

    async def open_source(self, message: str) -> SourceStream:
        async def work(connection: ImapConnection, key: MessageKey, path: str) -> bytes:
            items = ["UID", f"BODY.PEEK[]<0.{PIECE_BYTES}>"]
            row = await fetch_one(connection, key.uid, items, max_bytes=PIECE_BYTES)
            octets = _piece(row, "", 0)
            if octets is None:
                raise no_message()
            return octets

        first = await self._reach.on_message(message, work, read_only=True)
        if len(first) < PIECE_BYTES:
            return SourceStream(_only(first), len(first))
        # Servers may guess the size of a message, so a longer one is told without.
        return SourceStream(self._pieces(message, "", first))

    async def _pieces(self, message: str, section: str, first: bytes) -> AsyncIterator[bytes]:
        """The end is where a piece is shorter than asked for: sizes that servers tell may lie."""
        at = len(first)
        is_last = len(first) > PIECE_BYTES  # all of it, from a server that knows no pieces
        yield first
        del first
        while not is_last:
            octets = await self._piece_at(message, section, at)
            at += len(octets)
            is_last = len(octets) < PIECE_BYTES
            if octets:
                yield octets

    async def _piece_at(self, message: str, section: str, at: int) -> bytes:
        async def work(connection: ImapConnection, key: MessageKey, path: str) -> bytes:
            items = ["UID", f"BODY.PEEK[{section}]<{at}.{PIECE_BYTES}>"]
            row = await fetch_one(connection, key.uid, items, max_bytes=PIECE_BYTES)
            octets = _piece(row, section, at)
            if octets is None or len(octets) > PIECE_BYTES:
                raise RemoteFailure("The mail server gives no pieces of a message")
            return octets

        try:
            return await self._reach.on_message(message, work, read_only=True)
        except NotFound as error:
            raise RemoteFailure("The message went away while it was read") from error


def _piece(row: Fetched, section: str, at: int) -> bytes | None:
    """The octets from ``at``; a server that leaves the origin away means the beginning."""
    octets = row.sections.get(f"{section}<{at}>")
    if octets is None and at == 0:
        octets = row.sections.get(section)
    return octets


async def _only(octets: bytes) -> AsyncIterator[bytes]:
    if octets:
        yield octets


async def _decoded(decoder: Decoder, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if octets := decoder.feed(piece):
            yield octets
    if rest := decoder.finish():
        yield rest
