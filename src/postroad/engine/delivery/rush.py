"""When an account sends much at once, its copies in Sent wait until it is over.

Filing a copy, and telling of it, takes about a third of the work that a message takes in all. In
a burst that third is better spent on mail that nobody has yet: the copies come some seconds
later, and many at a time, which costs the mail server less as well.
"""

from __future__ import annotations

from dataclasses import dataclass

PER_SECOND = 50  # accepted messages of one lane from which on it is a rush
COPY_DELAY_MS = 5_000  # how long finishing waits then; not longer, however long the rush
_MAX_LANES = 1_000


@dataclass(slots=True)
class _Pace:
    second: int
    count: int = 0  # in that second
    before: int = 0  # in the one before it


class Rush:
    """Counts accepted messages by lane; what it forgets in a restart is of no weight."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Pace] = {}

    def copy_delay_ms(self, lane: str, now: int) -> int:
        """Count one accepted message; how long what is left to do for it may wait.

        ``now`` is in epoch ms and need not grow.
        """
        second = now // 1000
        pace = self._lanes.get(lane)
        if pace is None:
            if len(self._lanes) >= _MAX_LANES:
                del self._lanes[next(iter(self._lanes))]
            pace = self._lanes[lane] = _Pace(second)
        elif pace.second != second:
            pace.before = pace.count if second == pace.second + 1 else 0
            pace.second, pace.count = second, 0
        pace.count += 1
        return COPY_DELAY_MS if max(pace.count, pace.before) > PER_SECOND else 0
