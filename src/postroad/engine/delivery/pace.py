"""Whose turn it is.

Messages wait in *lanes* (an account; later also a gateway). A lane is due when its oldest message
is. The board remembers, for each lane, when it is due and how many turns it has running, and deals
turns round-robin: a lane that had one goes to the end of the row. So a lane with 100 000 messages
costs every other lane one turn, and a relay that takes seconds for each message holds up nobody
but those who use it.

The board is a hint, not the truth: rows are. It is filled from what this process enqueues, and
rebuilt from the store at every poll, so anything it missed costs one poll interval.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True)
class Limits:
    """How many turns may run at once."""

    total: int = 32
    per_lane: int = 5
    per_host: int = 20  # lanes that share one relay host


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave for one lane to claim and work. ``is_contested`` asks it to be short."""

    lane: str
    host: str
    is_contested: bool  # other lanes wait for a turn right now


class LaneBoard:
    """Deals turns to lanes within limits. ``host_of`` names the relay host of a lane.

    Dealing costs the same however many lanes wait: a lane that is not due sleeps in a heap, and
    lanes or hosts at their limit are put aside until a turn of theirs ends.
    """

    def __init__(self, limits: Limits, host_of: Callable[[str], str]) -> None:
        self._limits = limits
        self._host_of = host_of
        self._due: dict[str, int] = {}  # lane -> epoch ms; what is known of it
        self._asleep: list[tuple[int, str]] = []  # heap; stale entries differ from _due
        # Lanes that could have a turn now, by host, in the order of waiting.
        self._ready: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._full_hosts: dict[str, OrderedDict[str, None]] = {}  # likewise, host at its limit
        self._host: dict[str, str] = {}  # of each lane in the two above; accounts may move
        self._noted: set[str] = set()  # noted since their last turn was dealt
        self._noted_since_look: set[str] = set()
        self._lane_turns: Counter[str] = Counter()
        self._host_turns: Counter[str] = Counter()
        self._running = 0

    @property
    def running(self) -> int:
        return self._running

    def note(self, lane: str, due_at: int) -> None:
        """A message of ``lane`` is due at ``due_at`` (epoch ms), or earlier than was known.

        Call it after the commit that made it so: whoever looked at the store before then is
        not believed when it says that the lane has nothing (see :meth:`exhausted`).
        """
        self._noted.add(lane)
        self._noted_since_look.add(lane)
        known = self._due.get(lane)
        if known is None or due_at < known:
            self._due[lane] = due_at
            heappush(self._asleep, (due_at, lane))

    def exhausted(self, turn: Turn, next_due: int | None) -> None:
        """The turn found fewer due messages than it may take; the next is due at ``next_due``."""
        if turn.lane in self._noted:
            return
        self._forget(turn.lane)
        if next_due is not None:
            self._due[turn.lane] = next_due
            heappush(self._asleep, (next_due, turn.lane))

    def begin_look(self) -> None:
        """The store is about to be read for :meth:`rebuild`."""
        self._noted_since_look.clear()

    def rebuild(self, lanes: Iterable[tuple[str, int]]) -> None:
        """Replace what is known by what the store says, keeping the order of waiting lanes."""
        told = dict(lanes)
        for lane in [lane for lane in self._due if lane not in told]:
            if lane not in self._noted_since_look:
                self._forget(lane)
        for lane, due_at in told.items():
            if lane not in self._due or due_at < self._due[lane]:
                self._due[lane] = due_at
                heappush(self._asleep, (due_at, lane))

    def deal(self, now: int) -> Turn | None:
        """The next turn within limits, or ``None``. The lane moves to the end of the row."""
        self._wake(now)
        if self._running >= self._limits.total or not self._ready:
            return None
        host, lanes = next(iter(self._ready.items()))
        lane = next(iter(lanes))
        self._noted.discard(lane)
        is_contested = len(lanes) > 1 or len(self._ready) > 1
        self._lane_turns[lane] += 1
        self._host_turns[host] += 1
        self._running += 1
        self._ready.move_to_end(host)
        if self._lane_turns[lane] < self._limits.per_lane:
            lanes.move_to_end(lane)
        else:
            self._unready(lane)
        if self._host_turns[host] >= self._limits.per_host and host in self._ready:
            self._full_hosts[host] = self._ready.pop(host)
        return Turn(lane, host, is_contested)

    def is_wanted(self, turn: Turn, now: int) -> bool:
        """Whether another lane waits for what the turn holds: its slot, or its place at the host.

        Other lanes may have become due since the turn was dealt; a long one ends early for them.
        """
        self._wake(now)
        if self._running >= self._limits.total and (
            len(self._ready) > 1 or any(_has_other(lanes, turn) for lanes in self._ready.values())
        ):
            return True
        return _has_other(self._full_hosts.get(turn.host, {}), turn)

    def end(self, turn: Turn, now: int) -> None:
        """The turn is over and its slot free."""
        self._wake(now)  # whoever became due meanwhile stands before this lane's next turn
        self._running -= 1
        was_full = self._lane_turns[turn.lane] >= self._limits.per_lane
        for counter, key in ((self._lane_turns, turn.lane), (self._host_turns, turn.host)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        if (waiting := self._full_hosts.pop(turn.host, None)) is not None:
            self._ready[turn.host] = waiting
        due_at = self._due.get(turn.lane)
        if due_at is not None and due_at <= now:
            self._make_ready(turn.lane)
        elif due_at is not None and was_full:
            # It may have been woken while it was full, and the clock been set back since.
            heappush(self._asleep, (due_at, turn.lane))

    def next_due(self) -> int | None:
        """When the next sleeping lane becomes due (epoch ms), if any is known."""
        while self._asleep and self._due.get(self._asleep[0][1]) != self._asleep[0][0]:
            heappop(self._asleep)
        return self._asleep[0][0] if self._asleep else None

    def _forget(self, lane: str) -> None:
        self._due.pop(lane, None)
        self._unready(lane)

    def _wake(self, now: int) -> None:
        while self._asleep and self._asleep[0][0] <= now:
            due_at, lane = heappop(self._asleep)
            if self._due.get(lane) == due_at:
                self._make_ready(lane)

    def _make_ready(self, lane: str) -> None:
        if self._lane_turns[lane] >= self._limits.per_lane or lane in self._host:
            return
        host = self._host[lane] = self._host_of(lane)
        if self._host_turns[host] >= self._limits.per_host:
            self._full_hosts.setdefault(host, OrderedDict()).setdefault(lane)
        else:
            self._ready.setdefault(host, OrderedDict()).setdefault(lane)

    def _unready(self, lane: str) -> None:
        host = self._host.pop(lane, None)
        for hosts in (self._ready, self._full_hosts):
            if host is not None and (lanes := hosts.get(host)) is not None:
                lanes.pop(lane, None)
                if not lanes:
                    del hosts[host]


def _has_other(lanes: Mapping[str, None], turn: Turn) -> bool:
    return len(lanes) > 1 or (len(lanes) == 1 and turn.lane not in lanes)
