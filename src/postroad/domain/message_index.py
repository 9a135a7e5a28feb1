"""What is remembered of the messages of a mailbox, packed.

Messages lie in chunks of at most :data:`MAX_MESSAGES`, in order of UID. Each costs 4 octets for
its UID, 2 for its marks (the different sets of flags and labels are written once per chunk) and,
where any message of the chunk has one, 8 for its fingerprint and 8 for its node in the threads.
"""

from __future__ import annotations

import json
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

MAX_MESSAGES = 500  # of one chunk
_VERSION = 1
_HEAD_BYTES = 8  # version, what follows, number of messages, length of the sets
_PRINTS, _NODES = 1, 2  # follow


@dataclass(frozen=True, slots=True)
class Marks:
    """Flags and labels of a message, each sorted; ``\\Recent`` is nobody's business."""

    flags: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None  # None where the server has none


@lru_cache(maxsize=4096)
def marks(flags: tuple[str, ...], labels: tuple[str, ...] | None = None) -> Marks:
    """The marks that a server's words stand for; equal ones are the same object."""
    kept = {flag for flag in flags if flag.lower() != "\\recent"}
    return Marks(tuple(sorted(kept)), None if labels is None else tuple(sorted(set(labels))))


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the index."""

    uid: int
    marks: Marks
    fingerprint: int = 0  # see :func:`fingerprint`; 0 is unknown
    node: int = 0  # in the threads of the account; 0: not read for them


def fingerprint(
    salt: str, identity: str | None, *, size: int | None = None, internal_date: int | None = None
) -> int:
    """A number that a message keeps when it is moved; 0 without ``identity``.

    ``identity`` is the server's email id, or else the Message-ID; with the latter ``size`` and
    ``internal_date`` count too. The upper 40 bits stand for the identity alone, so that copies
    that differ in the rest are still found (:func:`identity_range`). ``salt`` tells accounts
    apart. Signed, as a database keeps it.
    """
    if not identity:
        return 0
    whole = _hash(f"{salt}\n{identity}") & ~0xFFFFFF
    if size is not None or internal_date is not None:
        whole |= _hash(f"{size}\n{internal_date}") & 0xFFFFFF
    return (whole or 1) - (1 << 63)


def identity_range(value: int) -> tuple[int, int]:
    """The lowest and highest fingerprint of the same identity."""
    low = (value + (1 << 63)) & ~0xFFFFFF
    return low - (1 << 63), (low | 0xFFFFFF) - (1 << 63)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


class Chunk:
    """Messages in order of UID. Changed in place, then written with :meth:`encode`."""

    __slots__ = ("marks", "nodes", "prints", "uids")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.uids: list[int] = []
        self.marks: list[Marks] = []
        self.prints: list[int] = []
        self.nodes: list[int] = []
        for entry in entries:
            self.append(entry)

    def __len__(self) -> int:
        return len(self.uids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chunk) and self.entries() == other.entries()

    __hash__ = None  # type: ignore[assignment]  # it changes in place

    def entries(self) -> list[Entry]:
        columns = zip(self.uids, self.marks, self.prints, self.nodes, strict=True)
        return [Entry(*one) for one in columns]

    def append(self, entry: Entry) -> None:
        """Put a message behind all others. Raises :exc:`ValueError` unless its UID is higher."""
        if self.uids and entry.uid <= self.uids[-1]:
            raise ValueError("UIDs of a chunk must rise")
        self.uids.append(entry.uid)
        self.marks.append(entry.marks)
        self.prints.append(entry.fingerprint)
        self.nodes.append(entry.node)

    def insert(self, entry: Entry) -> None:
        """Put a message in its place; one that is there already is replaced."""
        at = bisect_left(self.uids, entry.uid)
        if at < len(self.uids) and self.uids[at] == entry.uid:
            self.marks[at], self.prints[at] = entry.marks, entry.fingerprint
            self.nodes[at] = entry.node
            return
        self.uids.insert(at, entry.uid)
        self.marks.insert(at, entry.marks)
        self.prints.insert(at, entry.fingerprint)
        self.nodes.insert(at, entry.node)

    def find(self, uid: int) -> int | None:
        """The place of a message."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else None

    def remove(self, uids: Iterable[int]) -> None:
        """Forget messages; unknown ones are passed over."""
        gone = set(uids)
        kept = [entry for entry in self.entries() if entry.uid not in gone]
        self.uids = [entry.uid for entry in kept]
        self.marks = [entry.marks for entry in kept]
        self.prints = [entry.fingerprint for entry in kept]
        self.nodes = [entry.node for entry in kept]

    def encode(self) -> bytes:
        sets: dict[Marks, int] = {}
        kinds = [sets.setdefault(one, len(sets)) for one in self.marks]
        table = json.dumps(
            [[one.flags, one.labels] for one in sets],
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode("utf-8", "surrogatepass")
        follows = _PRINTS * any(self.prints) | _NODES * any(self.nodes)
        head = bytes((_VERSION, follows))
        head += len(self.uids).to_bytes(2, "little") + len(table).to_bytes(4, "little")
        parts = [head, table, _octets(array("I", self.uids)), _octets(array("H", kinds))]
        if follows & _PRINTS:
            parts.append(_octets(array("q", self.prints)))
        if follows & _NODES:
            parts.append(_octets(array("q", self.nodes)))
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> Chunk:
        """Raises :exc:`ValueError` for what :meth:`encode` did not write."""
        if len(data) < _HEAD_BYTES or data[0] != _VERSION:
            raise ValueError("not a chunk of the message index")
        count = int.from_bytes(data[2:4], "little")
        end = _HEAD_BYTES + int.from_bytes(data[4:8], "little")
        sizes = [4 * count, 2 * count]
        sizes += [8 * count if data[1] & follows else 0 for follows in (_PRINTS, _NODES)]
        if len(data) != end + sum(sizes):
            raise ValueError("a chunk of the message index was cut")
        table = _table(data[_HEAD_BYTES:end])
        columns = []
        for size in sizes:
            columns.append(data[end : end + size])
            end += size
        chunk = cls()
        chunk.uids = _numbers("I", columns[0])
        try:
            chunk.marks = [table[kind] for kind in _numbers("H", columns[1])]
        except IndexError as error:
            raise ValueError("a chunk of the message index is broken") from error
        chunk.prints = _numbers("q", columns[2]) or [0] * count
        chunk.nodes = _numbers("q", columns[3]) or [0] * count
        return chunk


@lru_cache(maxsize=1024)
def _table(text: bytes) -> tuple[Marks, ...]:
    sets: Sequence[tuple[list[str], list[str] | None]] = json.loads(
        text.decode("utf-8", "surrogatepass")
    )
    return tuple(
        marks(tuple(flags), None if labels is None else tuple(labels)) for flags, labels in sets
    )


def _octets(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(kind: str, data: bytes) -> list[int]:
    numbers = array(kind)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
