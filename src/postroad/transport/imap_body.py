"""Large contents piece by piece: one partial fetch after the other. RFC 9051 §6.4.5."""

from __future__ import annotations

from collections.abc import AsyncIterator

from postroad.domain.errors import NotFound, RemoteFailure
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.transport.imap_messages import fetch
from postroad.transport.imap_wire import ImapWire

PARTIAL_BYTES = 512 * 1024


async def fetch_body(
    wire: ImapWire, uid: int, section: str, *, partial_chunk: int, item: str
) -> tuple[int | None, AsyncIterator[bytes]]:
    """The first piece is fetched before this returns, so that what is missing is told at once.

    See :meth:`ImapConnection.fetch_body`.
    """
    wants_size = section == "" and item == "BODY"
    row = await _fetch(
        wire, uid, [f"{item}.PEEK[{section}]<0.{partial_chunk}>"], partial_chunk, wants_size
    )
    first, is_whole = _octets(row, section, 0, partial_chunk)
    if is_whole or len(first) < partial_chunk:
        return len(first), _only(first)
    size = row.size if wants_size else None
    return size, _pieces(wire, uid, section, first, partial_chunk, item)


async def _pieces(
    wire: ImapWire, uid: int, section: str, first: bytes, partial_chunk: int, item: str
) -> AsyncIterator[bytes]:
    """The end is where a piece is shorter than asked for: sizes that servers tell may be wrong."""
    at = len(first)
    yield first
    del first
    while True:
        row = await _fetch(
            wire, uid, [f"{item}.PEEK[{section}]<{at}.{partial_chunk}>"], partial_chunk, False
        )
        piece, is_whole = _octets(row, section, at, partial_chunk)
        if is_whole:
            raise RemoteFailure("The mail server gives no parts of a message")
        if piece:
            yield piece
        at += len(piece)
        if len(piece) < partial_chunk:
            return


async def _only(octets: bytes) -> AsyncIterator[bytes]:
    if octets:
        yield octets


async def _fetch(
    wire: ImapWire, uid: int, items: list[str], max_bytes: int, wants_size: bool
) -> Fetched:
    wanted = ["UID", "RFC822.SIZE", *items] if wants_size else ["UID", *items]
    rows = await fetch(wire, NumSet.of([uid]), wanted, max_bytes=max_bytes)
    if not rows:
        raise NotFound("Requested message was not found", code="MessageNotFound")
    return rows[0]


def _octets(row: Fetched, section: str, at: int, partial_chunk: int) -> tuple[bytes, bool]:
    """The octets from ``at``, and whether the server sent all of the section instead."""
    section = section.upper()
    octets = row.sections.get(f"{section}<{at}>")
    if octets is not None:
        return octets, False
    if section not in row.sections and f"{section}<{at}>" not in row.sections:
        raise NotFound("Requested part was not found", code="MessageNotFound")
    # Some servers leave the origin away, some the part that was asked for.
    octets = row.sections.get(section) or b""
    return octets, len(octets) > partial_chunk
