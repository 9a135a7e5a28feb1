"""Line ends and line lengths of whole messages, without a second copy of large ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postroad.protocol.mime.fold import MAX_LINE
from postroad.protocol.mime.headers import LINE_END

CHUNK = 256 * 1024  # octets; no piece of a large message is longer


def crlf_chunks(octets: bytes, start: int = 0) -> Iterator[bytes]:
    """``octets`` from ``start`` in pieces, every line end made CRLF, all else untouched.

    Bare LF and bare CR are line ends too: SMTP forwards neither, and a server that takes one of
    them for a line end where another does not lets mail be smuggled. RFC 5321 §2.3.8.
    """
    size = len(octets)
    while start < size:
        end = min(start + CHUNK, size)
        while end < size and octets[end - 1] == 0x0D:  # never between CR and LF
            end += 1
        chunk = octets[start:end]
        pairs = chunk.count(b"\r\n")
        if chunk.count(b"\n") != pairs or chunk.count(b"\r") != pairs:
            chunk = LINE_END.sub(b"\r\n", chunk)
        yield chunk
        start = end


def has_long_line(pieces: Iterable[bytes]) -> bool:
    """Whether a line exceeds 998 octets in a text with CRLF line ends, given in pieces."""
    begun = 0  # octets of the line in work that were in earlier pieces
    for piece in pieces:
        at = 0
        while True:
            # The line feed of the longest legal line is the last octet looked at.
            reach = at + MAX_LINE + 2 - begun
            found = piece.rfind(b"\n", at, reach)
            if found >= 0:
                at, begun = found + 1, 0
            elif len(piece) >= reach:
                return True
            else:
                begun += len(piece) - at
                break
    return begun > MAX_LINE


def gather(pieces: Iterator[bytes]) -> list[bytes]:
    """Join small neighbours, so that a small message is one piece; none exceeds 2 × ``CHUNK``."""
    out: list[bytes] = []
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        if size + len(piece) > CHUNK and waiting:
            out.append(b"".join(waiting) if len(waiting) > 1 else waiting[0])
            waiting, size = [], 0
        waiting.append(piece)
        size += len(piece)
    if waiting:
        out.append(b"".join(waiting) if len(waiting) > 1 else waiting[0])
    return out
