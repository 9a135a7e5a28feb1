"""Sets of message numbers and UIDs, ``1:3,7``. RFC 9051 §9 ``sequence-set``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError

MAX_NUMBER = 0xFFFF_FFFF
_LINE_OCTETS = 7500  # leaves room for what a command says beside the set
_RANGE = re.compile(rb"([0-9]{1,10})(?::([0-9]{1,10}))?")


@dataclass(frozen=True, slots=True)
class NumSet:
    """Numbers from 1 to 2^32-1 as ranges, in the order in which they came.

    COPYUID and APPENDUID pair sets by position, so the order is kept. A range given backwards is
    turned around: ``4:2`` is ``2:4`` by the grammar. Without ``*``, which answers never have.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, numbers: Iterable[int]) -> NumSet:
        """Join neighbours that follow each other; the order stays."""
        ranges: list[tuple[int, int]] = []
        for number in numbers:
            if not 1 <= number <= MAX_NUMBER:
                raise LocalProtocolError(f"{number} is not a message number")
            if ranges and ranges[-1][1] + 1 == number:
                ranges[-1] = (ranges[-1][0], number)
            else:
                ranges.append((number, number))
        return cls(tuple(ranges))

    @classmethod
    def parse(cls, text: bytes) -> NumSet:
        """Read ``1:3,7``. Raises :exc:`RemoteProtocolError`."""
        ranges: list[tuple[int, int]] = []
        for piece in text.split(b","):
            match = _RANGE.fullmatch(piece)
            if match is None:
                raise RemoteProtocolError(f"expected a set of numbers, got {text[:60]!r}")
            first = int(match[1])
            last = int(match[2]) if match[2] else first
            low, high = min(first, last), max(first, last)
            if low < 1 or high > MAX_NUMBER:
                raise RemoteProtocolError(f"number out of range in {text[:60]!r}")
            ranges.append((low, high))
        return cls(tuple(ranges))

    @classmethod
    def since(cls, number: int) -> NumSet:
        """``number`` and all above it.

        Not spelled with ``*``: ``9:*`` names the last message also when its UID is 5.
        """
        return cls(((max(1, number), MAX_NUMBER),))

    def pieces(self, max_octets: int = _LINE_OCTETS) -> Iterator[NumSet]:
        """Cut into sets that fit on a command line each. RFC 7162 §4 asks for 8192 octets."""
        ranges: list[tuple[int, int]] = []
        octets = 0
        for low, high in self.ranges:
            size = len(str(low)) + 1 + (0 if low == high else len(str(high)) + 1)
            if ranges and octets + size > max_octets:
                yield NumSet(tuple(ranges))
                ranges, octets = [], 0
            ranges.append((low, high))
            octets += size
        if ranges:
            yield NumSet(tuple(ranges))

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.ranges)

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and any(a <= number <= b for a, b in self.ranges)


@dataclass(frozen=True, slots=True)
class SavedResult:
    """What the last search with ``save`` found, kept by the server. RFC 5182."""

    def __str__(self) -> str:
        return "$"

    def pieces(self) -> Iterator[SavedResult]:
        yield self


SAVED = SavedResult()
NONE = NumSet(())
EVERY = NumSet(((1, MAX_NUMBER),))
MessageSet = NumSet | SavedResult
