"""The life of a process among others, on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.errors import LeaseLost, Unavailable
from postroad.engine.node import DEADLINE_S, TTL_MS, Node
from postroad.store import Store, Tx
from postroad.store.backend import T, Unit


@dataclass
class Clock:
    """A clock that is set by hand, in ms and in seconds."""

    ms: int = 1_000_000

    def __call__(self) -> int:
        return self.ms

    def seconds(self) -> float:
        return self.ms / 1000


@dataclass
class Flaky:
    """The part of a store that a node uses, with a line that can be cut."""

    store: Store
    is_cut: bool = field(default=False)

    async def write(self, unit: Unit[T]) -> T:
        if self.is_cut:
            raise Unavailable("The line is cut")
        return await self.store.write(unit)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    opened = await stores.open(tmp_path, clock=clock)
    yield opened
    await opened.close()


def node(store: Store | Flaky, clock: Clock, name: str, *, is_alone: bool = False) -> Node:
    return Node(store, name, is_alone=is_alone, monotonic=clock.seconds)


async def names(store: Store) -> list[str]:
    async def unit(tx: Tx) -> list[str]:
        return sorted([life.node_id for life in await tx.nodes.all()])

    return await store.read(unit)


async def test_process_that_is_alone_buries_its_former_life_at_start(
    store: Store, clock: Clock
) -> None:
    await node(store, clock, "former", is_alone=True).start()
    await node(store, clock, "now", is_alone=True).start()
    assert await names(store) == ["now"]


async def test_living_nodes_are_left_alone_and_dead_ones_are_buried(
    store: Store, clock: Clock
) -> None:
    first, second = node(store, clock, "first"), node(store, clock, "second")
    await first.start()
    await second.start()
    assert await names(store) == ["first", "second"]
    clock.ms += TTL_MS - 1
    await second.turn()
    assert await names(store) == ["first", "second"]
    clock.ms += 1
    await second.turn()
    assert await names(store) == ["second"]


async def test_beaten_node_lives_on(store: Store, clock: Clock) -> None:
    first, second = node(store, clock, "first"), node(store, clock, "second")
    await first.start()
    for _ in range(10):
        clock.ms += TTL_MS - 1
        await first.turn()
    await second.start()
    assert await names(store) == ["first", "second"]


async def test_node_that_leaves_is_gone_at_once(store: Store, clock: Clock) -> None:
    leaving = node(store, clock, "leaving")
    await leaving.start()
    await leaving.end()
    assert await names(store) == []


async def test_lease_of_a_buried_node_is_free_with_a_greater_token(
    store: Store, clock: Clock
) -> None:
    await node(store, clock, "first").start()
    taken = await store.write(lambda tx: tx.leases.acquire("account:a", "first"))
    assert taken is not None
    second = node(store, clock, "second")
    await second.start()
    assert await store.write(lambda tx: tx.leases.acquire("account:a", "second")) is None
    clock.ms += TTL_MS
    await second.turn()
    again = await store.write(lambda tx: tx.leases.acquire("account:a", "second"))
    assert again is not None
    assert again.token > taken.token


async def test_lone_node_waits_for_its_store_however_long(store: Store, clock: Clock) -> None:
    line = Flaky(store)
    lone = node(line, clock, "lone")
    await lone.start()
    line.is_cut = True
    clock.ms += 3_600_000
    await lone.turn()
    line.is_cut = False
    await lone.turn()
    assert await names(store) == ["lone"]


async def test_node_among_others_ends_its_life_when_it_was_silent_too_long(
    store: Store, clock: Clock
) -> None:
    await node(store, clock, "other").start()
    line = Flaky(store)
    silent = node(line, clock, "silent")
    await silent.start()
    line.is_cut = True
    clock.ms += int(DEADLINE_S * 1000)
    await silent.turn()
    clock.ms += 1000
    with pytest.raises(LeaseLost):
        await silent.turn()
