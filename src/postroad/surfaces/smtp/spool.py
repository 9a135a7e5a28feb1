"""Where messages wait while they arrive: small ones in memory, large ones in a file.

The file has no name, so that nothing is left behind whatever happens. It is not synced: until it
is answered, a message is the client's. All sessions share one bound on memory; beyond it smaller
messages go to a file too.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO

INLINE_BYTES = 256 * 1024  # of one message in memory
MEMORY_BYTES = 64 * 1024 * 1024  # of all messages in memory
_SMALL_BYTES = 16 * 1024  # not worth a file even then
_READ_BYTES = 256 * 1024
_MEASURE_S = 1.0


class SpoolRoom:
    """The directory, and what all spools together hold in memory."""

    def __init__(
        self,
        directory: Path,
        *,
        monotonic: Callable[[], float],
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._monotonic = monotonic
        self._measured_at = float("-inf")
        self._free_bytes = 0
        self.directory = directory
        self.memory_bytes = memory_bytes
        self.held = 0  # octets in memory

    def prepare(self) -> None:
        """Make the directory. Raises :exc:`OSError`."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def free_bytes(self) -> int:
        """What the disk had left for us within the last second. Raises :exc:`OSError`."""
        now = self._monotonic()
        if now - self._measured_at >= _MEASURE_S:
            disk = os.statvfs(self.directory)
            self._free_bytes = disk.f_bavail * disk.f_frsize
            self._measured_at = now
        return self._free_bytes


class Spool:
    """One message as it arrives.

    Once all of it is in the file (:meth:`flush`), it is also the ``RawFile`` to read it from.
    """

    __slots__ = ("_file", "_held", "_pieces", "_room", "is_eight_bit", "size")

    def __init__(self, room: SpoolRoom) -> None:
        self._room = room
        self._pieces: list[bytes] = []
        self._held = 0
        self._file: IO[bytes] | None = None
        self.size = 0
        self.is_eight_bit = False  # octets above 127 have come

    @property
    def is_in_memory(self) -> bool:
        return self._file is None

    @property
    def is_full(self) -> bool:
        """Whether it is time to :meth:`flush`."""
        if self._held > INLINE_BYTES:
            return True
        return self._room.held > self._room.memory_bytes and self._held > _SMALL_BYTES

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        self._room.held += len(piece)
        self.size += len(piece)
        if not self.is_eight_bit and not piece.isascii():
            self.is_eight_bit = True

    async def flush(self) -> None:
        """Bring what is in memory into the file. Raises :exc:`OSError`."""
        pieces = self._take()
        await asyncio.to_thread(self._write, pieces)

    def whole(self) -> bytes:
        """The message, when it is in memory."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    async def read_head(self, max_bytes: int) -> bytes:
        return await asyncio.to_thread(self._read, max_bytes, 0)

    async def read(self, start: int) -> AsyncIterator[bytes]:
        while piece := await asyncio.to_thread(self._read, _READ_BYTES, start):
            yield piece
            start += len(piece)

    def discard(self) -> None:
        """Forget everything. The spool can be used for the next message."""
        self._take()
        self.size, self.is_eight_bit = 0, False
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        self._room.held -= self._held
        self._held = 0
        return pieces

    def _write(self, pieces: list[bytes]) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._room.directory, buffering=0)  # noqa: SIM115
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]

    def _read(self, size: int, start: int) -> bytes:
        if self._file is None:
            return b""
        return os.pread(self._file.fileno(), size, start)
