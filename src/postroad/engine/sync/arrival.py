"""One message that has come, as it is announced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postroad.domain.message_index import Entry
from postroad.engine.returns.clue import Clue

_MAX_EVENTS = 1_200  # in one transaction, give or take those of one message


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message behind all that are known, or a known one whose announcement is due.

    ``data`` is that of messageNew; ``None`` announces nothing. ``missing`` stands for a message
    that could not be fetched: how often it was tried and for how many milliseconds.
    """

    entry: Entry
    data: Mapping[str, object] | None = None
    missing: tuple[int, int] | None = None
    is_indexed: bool = True  # the server has told of it; otherwise it is not known any further
    email_id: str | None = None
    thread_nodes: tuple[int, ...] | None = None  # of itself and all that it refers to; None: unread
    clue: Clue | None = None  # to the message that it is about


def portions(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    """Arrivals in groups of which each makes a bounded number of events."""
    groups: list[list[Arrival]] = []
    room = 0
    for one in arrivals:
        events = 1 if one.clue is None else 1 + len(one.clue.report.recipients)
        if room < events:
            groups.append([])
            room = _MAX_EVENTS
        groups[-1].append(one)
        room -= events
    return groups
