"""Small contents kept in memory from their staging to their first reading.

Most messages are due at once: the relay reads the octets a moment after they were put down.
Contents never change, so what lies here cannot be stale; nothing depends on anything lying here.
"""

from __future__ import annotations

MAX_BYTES = 8 * 1024 * 1024  # of all contents together; the oldest goes first


class RecentContents:
    """Octets by content id, each given out once."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held: dict[str, bytes] = {}
        self._size = 0

    def put(self, content_id: str, data: bytes) -> None:
        self._held[content_id] = data
        self._size += len(data)
        while self._size > self._max_bytes:
            self.take(next(iter(self._held)))

    def take(self, content_id: str) -> bytes | None:
        data = self._held.pop(content_id, None)
        if data is not None:
            self._size -= len(data)
        return data
