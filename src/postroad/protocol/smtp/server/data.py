"""The octets of a message out of DATA and BDAT, piece by piece. RFC 5321 §4.1.1.4, RFC 3030.

Only ``CR LF . CR LF`` ends DATA. A CR or an LF alone is never a line end here: some servers take
it for one, so a message that holds ``LF . LF`` and is passed on as it stands could end there and
continue as commands nobody has checked ("SMTP smuggling"). Such octets are refused, or made CRLF
before anybody else sees them.

What comes out does not depend on how the stream was cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postroad.protocol.smtp.server.replies import BARE_LINE_END, TOO_LARGE, Reply

_END = b"\r\n.\r\n"
_BARE = re.compile(rb"\r\n|\r|\n")
# What another server could take for the end; the true end never gets here.
_LOOKALIKE = re.compile(rb"(?:\r\n|\r|\n)\.(?:\r|\n)")


class Content:
    """The content of one message as it comes in, by DATA or by BDAT."""

    __slots__ = ("_chunks", "_data", "_max_octets", "_piece", "size")

    def __init__(self, max_octets: int, *, normalises: bool) -> None:
        self._max_octets = max_octets
        self._data = DataReader(normalises=normalises)
        self._chunks = ChunkReader(normalises=normalises)
        self._piece = b""
        self.size = 0  # octets so far

    @property
    def refusal(self) -> Reply | None:
        """Why it cannot be taken, as far as has been seen."""
        if self._data.has_bare or self._chunks.has_bare:
            return BARE_LINE_END
        return TOO_LARGE if self.size > self._max_octets else None

    @property
    def is_trap(self) -> bool:
        """Whether another server could see an end where there is none."""
        return self._data.has_lookalike

    def feed_data(self, octets: bytes) -> bytes | None:
        """Take in what came by DATA; what followed the end, or ``None`` before it."""
        self._add(self._data.feed(octets))
        return self._data.rest

    def feed_chunk(self, octets: bytes) -> None:
        self._add(self._chunks.feed(octets))

    def end_chunks(self) -> None:
        self._add(self._chunks.end())

    def take(self) -> bytes:
        """What has become ready, once; empty when nothing has, or it is of no use."""
        piece, self._piece = self._piece, b""
        return piece if self.refusal is None else b""

    def _add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._piece = piece


@dataclass(slots=True)
class Chunk:
    """One BDAT under way."""

    size: int
    left: int  # octets still to come
    is_last: bool
    refusal: Reply | None  # its octets are read past, then this is said


class DataReader:
    """Reads DATA: feed it, take what came out, until :attr:`rest` is there."""

    __slots__ = ("_after_bare", "_behind", "_held", "_is_first", "_normalises", "has_bare",
                 "has_lookalike", "rest")  # fmt: skip

    def __init__(self, *, normalises: bool) -> None:
        self._normalises = normalises
        self._held = b"\r\n"  # the content begins at a line start
        self._is_first = True
        self._after_bare = False
        self._behind = b""  # end of what came before, once something is wrong
        self.has_bare = False  # a CR or an LF stood alone
        self.has_lookalike = False  # and around a dot, as an end would look elsewhere
        self.rest: bytes | None = None  # what followed the end; None before it

    def feed(self, data: bytes) -> bytes:
        """The content in ``data``, dots taken out; nothing is of use once ``has_bare``."""
        octets = self._held + data
        end = octets.find(_END)
        if end >= 0:
            self.rest = octets[end + len(_END) :]
            octets = octets[: end + 2]
        else:
            keep = _end_begun(octets)
            self._held = octets[len(octets) - keep :] if keep else b""
            octets = octets[: len(octets) - keep] if keep else octets
        return self._clean(octets) if octets else octets

    def _clean(self, octets: bytes) -> bytes:
        is_clean = _is_clean(octets)
        if not is_clean and not self._normalises:
            self.has_bare = True
        if self.has_bare:
            if _LOOKALIKE.search(self._behind + octets):
                self.has_lookalike = True
            self._behind = (self._behind + octets)[-4:]
            return b""
        ends_bare = False
        if not is_clean:
            ends_bare = octets[-1:] in (b"\r", b"\n") and octets[-2:] != b"\r\n"
            octets = _BARE.sub(b"\r\n", octets)
        if b"\r\n." in octets:
            octets = octets.replace(b"\r\n.", b"\r\n")
        if self._is_first:
            self._is_first = False
            octets = octets[2:]
        elif self._after_bare and octets[:1] == b".":
            octets = octets[1:]
        self._after_bare = ends_bare
        return octets


class ChunkReader:
    """Reads the chunks of BDAT as one text: a CRLF may be cut in two by their border."""

    __slots__ = ("_ended", "_held", "_normalises", "has_bare")

    def __init__(self, *, normalises: bool) -> None:
        self._normalises = normalises
        self._held = b""
        self._ended = True  # what came out so far ends with CRLF
        self.has_bare = False

    def feed(self, data: bytes) -> bytes:
        octets = self._held + data
        self._held = b""
        if octets[-1:] == b"\r":
            octets, self._held = octets[:-1], b"\r"
        return self._clean(octets)

    def end(self) -> bytes:
        """What is still to come, with the last line completed."""
        octets, self._held = self._held, b""
        octets = self._clean(octets)
        return octets if self._ended else octets + b"\r\n"

    def _clean(self, octets: bytes) -> bytes:
        if not octets:
            return octets
        if not _is_clean(octets):
            if not self._normalises:
                self.has_bare = True
            octets = _BARE.sub(b"\r\n", octets)
        # Between two feeds CR is held back, so a piece never ends in the middle of a CRLF.
        self._ended = octets[-2:] == b"\r\n"
        return octets


def _is_clean(octets: bytes) -> bool:
    pairs = octets.count(b"\r\n")
    return octets.count(b"\n") == pairs and octets.count(b"\r") == pairs


def _end_begun(octets: bytes) -> int:
    """How many octets at the end may be the beginning of the end."""
    for length in (4, 3, 2, 1):
        if octets.endswith(_END[:length]):
            return length
    return 0
