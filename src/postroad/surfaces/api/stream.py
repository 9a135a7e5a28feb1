"""Answers that are sent while they are being read.

The server's flow control is the pace: the next chunk is read when the last one was taken, so a
slow client costs a chunk of memory. A client that goes away ends the reading, and so does one
that takes nothing for :data:`STALL_S` seconds. What fails after the first octet cannot be told in
a status any more; the connection is cut short, so that nobody takes the half for the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from postroad.surfaces.api.request import Disconnected, Receive, Send

STALL_S: Final = 120.0
MAX_BYTES: Final = 250 * 1024 * 1024  # of one download. Contract B-063

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer of octets. ``chunks`` is closed however the sending ends."""

    chunks: AsyncIterator[bytes]
    content_type: str
    filename: str | None = None  # what to save it as
    size: int | None = None  # of the whole; None when it is not known beforehand
    max_bytes: int = MAX_BYTES


async def send_stream(
    send: Send,
    receive: Receive,
    stream: Stream,
    headers: Sequence[tuple[bytes, bytes]],
    *,
    is_head: bool = False,
) -> int:
    """Send status 200, the headers and all chunks; how many octets went out.

    Raises :exc:`Disconnected` when there is nobody left to read, :exc:`TooLong` beyond
    its ``max_bytes``, and what reading the chunks raises.
    """
    sent = 0
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [*_own_headers(stream), *headers],
            }
        )
        if not is_head:
            async for chunk in stream.chunks:
                sent += len(chunk)
                if sent > stream.max_bytes:
                    raise TooLong
                await _send_chunk(send, chunk)
                if gone.done():
                    raise Disconnected
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
        await close(stream)
    return sent


class TooLong(Exception):
    """A download that is longer than any may be."""


async def close(stream: Stream) -> None:
    """Let go of what the chunks are read from."""
    aclose = getattr(stream.chunks, "aclose", None)
    if aclose is not None:
        await aclose()


async def _send_chunk(send: Send, chunk: bytes) -> None:
    try:
        async with asyncio.timeout(STALL_S):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except TimeoutError:
        raise Disconnected from None


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _own_headers(stream: Stream) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", stream.content_type.encode("ascii", "replace")),
        (b"content-disposition", disposition(stream.filename)),
        (b"cache-control", b"no-cache"),
        # What somebody sent by mail is not to run as if it were ours.
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
    ]
    if stream.size is not None:
        headers.append((b"content-length", b"%d" % stream.size))
    return headers


def disposition(filename: str | None) -> bytes:
    """``attachment`` with a name; beyond ASCII as RFC 8187 spells it, with a plain one beside."""
    if not filename:
        return b"attachment"
    clean = "".join(char if char.isprintable() else "_" for char in filename)[:255]
    plain = "".join(char if " " <= char <= "~" and char not in '"\\' else "_" for char in clean)
    if plain == clean:
        return f'attachment; filename="{clean}"'.encode("ascii")
    encoded = quote(clean, safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{plain}\"; filename*=utf-8''{encoded}".encode("ascii")
