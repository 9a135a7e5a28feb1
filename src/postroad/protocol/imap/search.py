"""SEARCH, SORT and ESEARCH responses. RFC 9051 §7.3.4; RFC 3501 §7.2.5; RFC 5256 §4."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.numset import MAX_NUMBER, NumSet

# Perhaps a million of them; taken some at a time, so that other threads get their turn.
_NUMBERS = re.compile(rb"(?: *+[0-9]{1,10}+(?=[ ]|\Z)){1,8192}+")
_SPACES = re.compile(rb" *+")


@dataclass(frozen=True, slots=True)
class Search:
    """Numbers in the order of the answer, which may be any."""

    numbers: tuple[int, ...]
    modseq: int | None = None  # RFC 7162 §3.1.5


@dataclass(frozen=True, slots=True)
class Sort:
    """Numbers in the order that was asked for."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Esearch:
    """What an extended search returned; ``None`` for what was not asked or is not there."""

    tag: str | None = None
    is_uid: bool = False
    minimum: int | None = None
    maximum: int | None = None
    count: int | None = None
    all: NumSet | None = None
    modseq: int | None = None


def search_response(c: Cursor) -> Search:
    """Read what follows the word SEARCH.

    ::

        "SEARCH" *(SP nz-number) [SP "(" "MODSEQ" SP mod-sequence-value ")"]

    Trailing spaces are forgiven.
    """
    found: list[int] = []
    while (some := _NUMBERS.match(c.data, c.pos)) is not None:
        found += map(int, some[0].split())
        c.pos = some.end()
    numbers = tuple(found)
    if numbers and not 1 <= min(numbers) <= max(numbers) <= MAX_NUMBER:
        raise RemoteProtocolError("SEARCH found a number out of range")
    if (spaces := _SPACES.match(c.data, c.pos)) is not None:
        c.pos = spaces.end()
    if c.at_end:
        return Search(numbers)
    match c.value():
        case (bytes(name), bytes(value)) if name.upper() == b"MODSEQ":
            modseq = Cursor(value).number()
        case _:
            raise RemoteProtocolError("expected (MODSEQ number) in SEARCH")
    if c.rest().strip(b" "):
        raise RemoteProtocolError("expected the end of SEARCH")
    return Search(numbers, modseq)


def sort_response(c: Cursor) -> Sort:
    """Read what follows the word SORT: numbers as in SEARCH."""
    return Sort(search_response(c).numbers)


def esearch_response(c: Cursor) -> Esearch:
    """Read what follows the word ESEARCH; items that we do not know are passed over.

    ::

        "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
    """
    tag: str | None = None
    is_uid = False
    numbers: dict[bytes, int] = {}
    found: NumSet | None = None
    c.spaces()
    while not c.at_end:
        if c.looking_at(b"("):
            match c.value():
                case (bytes(name), bytes(value)) if name.upper() == b"TAG":
                    tag = value.decode("ascii", "replace")
                case _:
                    pass
        else:
            name = c.atom().upper()
            if name == b"UID":
                is_uid = True
            else:
                c.space()
                if name in (b"MIN", b"MAX", b"COUNT", b"MODSEQ"):
                    numbers[name] = c.number()
                elif name == b"ALL":
                    found = NumSet.parse(c.atom())
                else:
                    c.value()
        c.spaces()
    return Esearch(
        tag,
        is_uid,
        numbers.get(b"MIN"),
        numbers.get(b"MAX"),
        numbers.get(b"COUNT"),
        found,
        numbers.get(b"MODSEQ"),
    )
