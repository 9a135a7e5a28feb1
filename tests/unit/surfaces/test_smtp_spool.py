from __future__ import annotations

from pathlib import Path

import pytest

from postroad.surfaces.smtp.spool import INLINE_BYTES, Spool, SpoolRoom


@pytest.fixture
def room(tmp_path: Path) -> SpoolRoom:
    room = SpoolRoom(tmp_path / "spool", monotonic=lambda: 0.0, memory_bytes=100_000)
    room.prepare()
    return room


async def whole(spool: Spool, start: int = 0) -> bytes:
    return b"".join([piece async for piece in spool.read(start)])


def test_a_small_message_stays_in_memory(room: SpoolRoom) -> None:
    spool = Spool(room)
    spool.add(b"a")
    spool.add(b"\xff")
    assert (spool.is_in_memory, spool.is_full) == (True, False)
    assert (room.held, spool.whole(), spool.size, spool.is_eight_bit) == (2, b"a\xff", 2, True)
    spool.discard()
    assert (room.held, spool.whole(), spool.size, spool.is_eight_bit) == (0, b"", 0, False)


async def test_a_large_message_is_read_back_octet_by_octet(room: SpoolRoom) -> None:
    spool = Spool(room)
    pieces = [bytes([n]) * 50_000 for n in range(20)]
    for piece in pieces:
        spool.add(piece)
        if spool.is_full:
            await spool.flush()
    await spool.flush()
    assert not spool.is_in_memory
    assert room.held == 0
    assert await whole(spool) == b"".join(pieces)
    assert await whole(spool, 999_990) == pieces[-1][:10]
    assert await spool.read_head(3) == b"\0\0\0"
    assert not list(room.directory.iterdir())  # the file has no name
    spool.discard()
    assert spool.is_in_memory


def test_memory_is_shared_by_all_messages(room: SpoolRoom) -> None:
    one, two = Spool(room), Spool(room)
    one.add(b"x" * 90_000)
    full = [one.is_full]
    two.add(b"x" * 15_000)  # together they are too much, and one of them is worth a file
    full += [one.is_full, two.is_full]
    two.add(b"x" * INLINE_BYTES)
    assert [*full, two.is_full] == [False, True, False, True]


def test_space_is_measured_again_after_a_second(room: SpoolRoom) -> None:
    assert room.free_bytes() > 0
    room.directory.rmdir()
    assert room.free_bytes() > 0  # not asked again within the second
