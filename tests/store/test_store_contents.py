"""The octets of messages, small and large, on both engines."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from postroad.domain.errors import NotFound
from postroad.domain.submission import Content
from postroad.store import Store
from postroad.store.contents import CHUNK_BYTES, INLINE_MAX, Staged
from support.store import Clock, octets_of

HOUR = 3_600_000


def octets(size: int) -> bytes:
    return bytes(range(256)) * (size // 256) + b"x" * (size % 256)


def in_pieces(data: bytes, piece: int) -> Iterator[bytes]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


async def slowly(data: bytes, piece: int) -> AsyncIterator[bytes]:
    for part in in_pieces(data, piece):
        yield part


def age_by_two_hours(directory: Path, clock: Clock) -> None:
    """Rows age by the clock, files by their own time."""
    clock.advance(2 * HOUR)
    for file in directory.glob("data/content/*/*"):
        then = file.stat().st_mtime - 2 * HOUR / 1000
        os.utime(file, (then, then))


async def keep(store: Store, staged: Staged) -> Content:
    return await store.write(lambda tx: tx.contents.insert(staged))


@pytest.mark.parametrize("size", [0, 1, INLINE_MAX, INLINE_MAX + 1, 3 * CHUNK_BYTES, 2_000_001])
async def test_octets_of_any_size_come_back_whole(store: Store, size: int) -> None:
    data = octets(size)
    content = await keep(store, await store.stage(in_pieces(data, 70_000)))
    assert content.size == size
    assert await octets_of(store, content) == data


@pytest.mark.parametrize("size", [1_000, 1_000_000])
async def test_octets_may_come_one_after_the_other(store: Store, size: int) -> None:
    data = octets(size)
    content = await keep(store, await store.stage(slowly(data, 33_333)))
    assert (content.size, await octets_of(store, content)) == (size, data)


async def test_large_octets_come_in_pieces(store: Store) -> None:
    content = await keep(store, await store.stage([octets(1_000_000)]))
    sizes = [len(piece) async for piece in store.open_content(content, skip_bcc=False)]
    assert max(sizes) <= CHUNK_BYTES


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 0),
        (0, 10),
        (100, 200),
        (CHUNK_BYTES - 5, CHUNK_BYTES + 5),
        (CHUNK_BYTES, CHUNK_BYTES + 1),
        (CHUNK_BYTES - 1, CHUNK_BYTES),
        (10, 3 * CHUNK_BYTES + 10),
        (700_000, 800_000),
        (0, 800_000),
    ],
)
async def test_bcc_stays_at_home_wherever_it_lies(store: Store, start: int, end: int) -> None:
    data = octets(800_000)
    staged = await store.stage(in_pieces(data, 65_536), bcc_start=start, bcc_end=end)
    content = await keep(store, staged)
    sent = await octets_of(store, content, skip_bcc=True)
    assert sent == data[:start] + data[end:]
    assert len(sent) == content.relay_size
    assert await octets_of(store, content) == data


async def test_bcc_of_a_small_message_stays_at_home(store: Store) -> None:
    staged = await store.stage([b"To: a\r\nBcc: b\r\n\r\nHi"], bcc_start=7, bcc_end=15)
    content = await keep(store, staged)
    assert await octets_of(store, content, skip_bcc=True) == b"To: a\r\n\r\nHi"


@pytest.mark.parametrize("size", [100, 600_000])
async def test_deleted_content_is_gone(store: Store, size: int) -> None:
    content = await keep(store, await store.stage([octets(size)]))
    assert await store.write(lambda tx: tx.contents.delete(content.content_id))
    assert not await store.write(lambda tx: tx.contents.delete(content.content_id))
    with pytest.raises(NotFound):
        await octets_of(store, content)


async def test_content_that_was_staged_and_never_inserted_is_not_found(store: Store) -> None:
    staged = await store.stage([octets(600_000)])
    with pytest.raises(NotFound):
        await octets_of(store, staged.content)


async def test_reading_may_be_given_up_half_way(store: Store) -> None:
    content = await keep(store, await store.stage([octets(900_000)]))
    reading = store.open_content(content, skip_bcc=False)
    await anext(reading)
    await reading.aclose()  # type: ignore[attr-defined]  # an async generator by contract
    assert len(await octets_of(store, content)) == 900_000


async def test_failed_source_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    def source() -> Iterator[bytes]:
        yield octets(400_000)
        raise ValueError("the composer failed")

    with pytest.raises(ValueError, match="composer"):
        await store.stage(source())
    assert list(tmp_path.glob("data/content/*/*")) == []


async def test_sweep_spares_what_has_a_row_and_what_is_fresh(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    kept = await keep(store, await store.stage([octets(600_000)]))
    await store.stage([octets(600_000)])
    assert await store.sweep_orphans() == 0
    age_by_two_hours(tmp_path, clock)
    fresh = await store.stage([octets(500_000)])
    assert await store.sweep_orphans() >= 1
    assert await store.sweep_orphans() == 0
    assert len(await octets_of(store, kept)) == 600_000
    assert len(await octets_of(store, await keep(store, fresh))) == 500_000


async def test_memory_does_not_grow_with_the_message(store: Store) -> None:
    piece = octets(CHUNK_BYTES)
    tracemalloc.start()
    try:
        content = await keep(store, await store.stage(piece for _ in range(100)))
        async for _ in store.open_content(content, skip_bcc=True):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert content.size == 25 * 2**20
    assert peak < 5 * 2**20


async def test_many_large_contents_at_once_keep_apart(store: Store) -> None:
    async def one(n: int) -> bool:
        data = bytes([n]) * (300_000 + n)
        content = await keep(store, await store.stage(in_pieces(data, 50_000)))
        return await octets_of(store, content) == data

    assert all(await asyncio.gather(*(one(n) for n in range(8))))
