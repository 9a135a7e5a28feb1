"""What is remembered of the threads of an account, packed.

A node is a Message-ID as a signed number of 64 bits. The nodes of a thread are a tree of disjoint
sets, joined by rank: from any node to the root it takes at most as many steps as the number of
nodes has bits, whatever order a sender chose for them. The root has the name of the thread, which
is its smallest node and so does not depend on what arrived first. A ring leads through all nodes
of a thread.

Nodes lie in chunks of at most :data:`MAX_NODES`, in order. Each costs 25 octets: itself, the node
that it hangs under (of a root the name), the next one in the ring, and of a root the rank.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

MAX_NODES = 48  # of one chunk
LOWEST = -(1 << 63)  # where the first chunk of an account begins
_VERSION = b"\x01"
_ENTRY = Struct(">qqqB")


@dataclass(slots=True)
class Node:
    """A node of a thread; ``rank`` 0 is none that others were joined to."""

    up: int
    next: int
    rank: int

    @property
    def is_root(self) -> bool:
        return self.rank > 0


class Forest:
    """The threads of an account, as far as they were loaded.

    What :meth:`lacking` tells is loaded first, with :meth:`load` or, where there is no such node,
    :meth:`note_absent`. Then nodes are joined, and :meth:`changed` tells what to write.
    """

    def __init__(self) -> None:
        self._chunks: dict[int, bytes] = {}  # by the first node that each covers
        self._firsts: list[int] = []  # of them, ascending
        self._nodes: dict[int, Node] = {}  # that were looked for, and new ones
        self._absent: set[int] = set()
        self._changed: set[int] = set()

    def lacking(self, nodes: Iterable[int]) -> set[int]:
        """Nodes without which the threads of ``nodes`` are not known."""
        return {
            root for root in map(self._highest, nodes) if self._find(root) is None
        } - self._absent

    def load(self, first: int, data: bytes) -> None:
        """Take a chunk. Raises :exc:`ValueError` for what was not written here."""
        if first not in self._chunks:
            _check(data)
            self._chunks[first] = data
            insort(self._firsts, first)

    def note_absent(self, nodes: Iterable[int]) -> None:
        """Note which of ``nodes`` are not stored, after the chunks that cover them were loaded."""
        self._absent.update(node for node in nodes if self._find(node) is None)

    def name(self, node: int) -> int | None:
        """The thread of a node; ``None`` when it is in none."""
        root = self._find(self._highest(node))
        return root.up if root is not None else None

    def next(self, node: int) -> int | None:
        """The node behind a loaded one in the ring of its thread."""
        found = self._find(node)
        return found.next if found is not None else None

    def join(self, nodes: Sequence[int]) -> None:
        """Put all into one thread, and with them the threads in which they are."""
        for node in nodes:
            if self._find(node) is None:
                self._nodes[node] = Node(node, node, 1)
                self._changed.add(node)
        for node in nodes[1:]:
            self._unite(self._highest(nodes[0]), self._highest(node))

    def changed(self) -> Iterator[tuple[int, bytes]]:
        """The chunks that are other than before, by the first node that each covers."""
        touched: dict[int, dict[int, Node]] = {}
        for node in self._changed:
            first = self._covering(node)
            if first is None:
                first = LOWEST
            if first not in touched:
                touched[first] = decode(self._chunks[first]) if first in self._chunks else {}
            touched[first][node] = self._nodes[node]
        for first, chunk in touched.items():
            nodes = sorted(chunk)
            pieces = -(-len(nodes) // MAX_NODES)
            size = -(-len(nodes) // pieces)
            for at in range(0, len(nodes), size):
                piece = {node: chunk[node] for node in nodes[at : at + size]}
                yield (first if at == 0 else nodes[at]), encode(piece)

    def _highest(self, node: int) -> int:
        """The root above a node, or the first node on the way that is not loaded."""
        while (found := self._find(node)) is not None and not found.is_root:
            node = found.up
        return node

    def _covering(self, node: int) -> int | None:
        """The first node of the loaded chunk in which a node would lie."""
        at = bisect_right(self._firsts, node)
        return self._firsts[at - 1] if at else None

    def _find(self, node: int) -> Node | None:
        found = self._nodes.get(node)
        if found is None and (first := self._covering(node)) is not None:
            found = _search(self._chunks[first], node)
            if found is not None:
                self._nodes[node] = found
        return found

    def _unite(self, one: int, other: int) -> None:
        if one == other:
            return
        upper, lower = self._nodes[one], self._nodes[other]
        if upper.rank < lower.rank:
            one, other, upper, lower = other, one, lower, upper
        upper.rank += upper.rank == lower.rank
        upper.up = min(upper.up, lower.up)
        upper.next, lower.next = lower.next, upper.next
        lower.up, lower.rank = one, 0
        self._changed |= {one, other}


def encode(nodes: dict[int, Node]) -> bytes:
    """A chunk of nodes, which ascend."""
    packed = [_ENTRY.pack(node, one.up, one.next, one.rank) for node, one in nodes.items()]
    return _VERSION + b"".join(packed)


def decode(data: bytes) -> dict[int, Node]:
    """Raises :exc:`ValueError` for what :func:`encode` did not write."""
    _check(data)
    return {
        node: Node(up, after, rank)
        for node, up, after, rank in _ENTRY.iter_unpack(memoryview(data)[1:])
    }


def _check(data: bytes) -> None:
    if data[:1] != _VERSION or (len(data) - 1) % _ENTRY.size:
        raise ValueError("not a chunk of the threads of an account")


def _search(data: bytes, node: int) -> Node | None:
    """One node of a chunk; the others are not even looked at."""
    low, high = 0, (len(data) - 1) // _ENTRY.size
    while low < high:
        middle = (low + high) // 2
        found, up, after, rank = _ENTRY.unpack_from(data, 1 + middle * _ENTRY.size)
        if found == node:
            return Node(up, after, rank)
        low, high = (middle + 1, high) if found < node else (low, middle)
    return None
