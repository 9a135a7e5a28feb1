"""Which messages belong together: the forest and its chunks, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.thread_index import LOWEST, MAX_NODES, Forest, decode

HIGHEST = -LOWEST - 1
node = st.integers(LOWEST, HIGHEST) | st.integers(-9, 9)  # the latter meet


class Stored:
    """Chunks as a store keeps them, under the first node that each covers."""

    def __init__(self) -> None:
        self.chunks: dict[int, bytes] = {}

    def join(self, *groups: list[int]) -> None:
        forest = self.forest([node for group in groups for node in group])
        for group in groups:
            forest.join(group)
        self.chunks.update(forest.changed())

    def forest(self, nodes: list[int]) -> Forest:
        forest = Forest()
        while wanted := forest.lacking(nodes):
            for one in wanted:
                first = max((first for first in self.chunks if first <= one), default=None)
                if first is not None:
                    forest.load(first, self.chunks[first])
            forest.note_absent(wanted)
        return forest

    def name(self, node: int) -> int | None:
        return self.forest([node]).name(node)

    def ring(self, node: int) -> list[int]:
        found = [node]
        forest = self.forest([node])
        while True:
            after = forest.next(found[-1])
            if after is None:
                forest = self.forest([found[-1]])
                continue
            if after == node:
                return found
            found.append(after)

    def nodes(self) -> list[int]:
        return [node for first in sorted(self.chunks) for node in decode(self.chunks[first])]


def expected(groups: list[list[int]]) -> dict[int, set[int]]:
    """The threads by the plainest way there is."""
    threads: dict[int, set[int]] = {}
    for group in groups:
        merged = set(group).union(*(threads.get(one, set()) for one in group))
        threads.update(dict.fromkeys(merged, merged))
    return threads


@given(st.data(), st.lists(st.lists(node, min_size=1, max_size=6), max_size=60))
def test_threads_do_not_depend_on_the_order_of_arrival_nor_on_batches(
    data: st.DataObject, groups: list[list[int]]
) -> None:
    order = data.draw(st.permutations(groups))
    sizes = data.draw(st.lists(st.integers(1, 9), max_size=20))
    stored = Stored()
    while order:
        size = sizes.pop() if sizes else 1
        stored.join(*order[:size])
        order = order[size:]

    threads = expected(groups)
    assert {one: stored.name(one) for one in threads} == {
        one: min(thread) for one, thread in threads.items()
    }
    assert stored.nodes() == sorted(threads)
    for one, thread in threads.items():
        assert sorted(stored.ring(one)) == sorted(thread)


def test_chunks_stay_small_and_cover_every_number() -> None:
    stored = Stored()
    for start in range(0, 2000, 50):
        stored.join(*[[(at * 7919) % 2003] for at in range(start, start + 50)])

    assert min(stored.chunks) == LOWEST
    assert all(0 < len(decode(data)) <= MAX_NODES for data in stored.chunks.values())
    assert stored.name(LOWEST) is None
    stored.join([LOWEST, HIGHEST])
    assert stored.name(HIGHEST) == LOWEST


def test_a_sender_who_picks_the_order_makes_no_long_way_to_the_name() -> None:
    stored = Stored()
    for at in range(3000, 0, -1):
        stored.join([at - 1, at])  # each has a smaller name than all before
    nodes = {}
    for data in stored.chunks.values():
        nodes.update(decode(data))

    def steps(one: int) -> int:
        count = 0
        while not nodes[one].is_root:
            one, count = nodes[one].up, count + 1
        return count

    assert max(map(steps, nodes)) <= 12  # log2 of 3001
    assert stored.name(3000) == 0


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x01abc"])
def test_a_broken_chunk_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a chunk"):
        Forest().load(LOWEST, data)
