"""What has to be looked at when a mailbox was seen again. Pure.

The cheapest look that cannot miss anything is chosen (contract B-225). A server that contradicts
itself (numbers that go backwards, counts that do not add up) is looked at in full.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from postroad.domain.mailbox_state import Indexer, MailboxCursor, MailboxState
from postroad.domain.message_index import Chunk, Entry, Marks

FULL_PASS_EVERY_MS = 30 * 60_000  # where the server cannot tell of changed flags


class Plan(StrEnum):
    """How to look."""

    NOTHING = "nothing"  # nothing has happened
    NEW_ONLY = "new only"  # from the known uidnext on
    CHANGED_SINCE = "changed since"  # what is above the known MODSEQ, and new ones
    FULL_PASS = "full pass"  # the UID and flags of every message, and new ones
    RESET = "reset"  # another life of the mailbox: forget everything


def plan(known: MailboxCursor, seen: MailboxState, *, now: int) -> Plan:
    """Choose the look. ``now`` is epoch ms; ``known.is_ready`` holds.

    A cheap look may turn out not to be enough, see :func:`is_complete`.
    """
    if seen.uidvalidity != known.uidvalidity:
        return Plan.RESET
    room = None if seen.uidnext is None else seen.uidnext - known.uidnext
    if known.indexer is Indexer.FAST:
        return Plan.NOTHING if room == 0 else Plan.NEW_ONLY
    if room is not None and room < 0:
        return Plan.FULL_PASS
    is_same = seen.messages == known.messages and not room
    if known.highestmodseq is not None and seen.highestmodseq is not None:
        if seen.highestmodseq < known.highestmodseq:
            return Plan.FULL_PASS
        is_same = is_same and seen.highestmodseq == known.highestmodseq
        return Plan.NOTHING if is_same else Plan.CHANGED_SINCE
    if now - known.checked_at >= FULL_PASS_EVERY_MS:
        return Plan.FULL_PASS
    # Where SELECT tells no UIDNEXT (Courier), one that came may have made up for one that went.
    return Plan.NOTHING if is_same and room == 0 else Plan.NEW_ONLY


def is_complete(known: MailboxCursor, seen: MailboxState) -> bool:
    """Whether the known messages, after a look at new ones, are as many as there are."""
    return known.indexer is Indexer.FAST or known.messages == seen.messages


@dataclass(frozen=True, slots=True)
class Changed:
    """A message whose flags or labels are others now."""

    uid: int
    before: Marks
    after: Marks


@dataclass(slots=True)
class Changes:
    """What one chunk had to learn."""

    changed: list[Changed] = field(default_factory=list)
    gone: list[Entry] = field(default_factory=list)
    found: list[int] = field(default_factory=list)  # UIDs that should have been known

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.found)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of messages that are known.

    With ``span`` the sight is complete from its first UID to its last: what is known there and is
    not ``present`` (not in ``rows``, when that is ``None``) is gone. ``vanished`` always is.
    """

    rows: Mapping[int, Marks]
    span: tuple[int, int] | None = None
    present: Container[int] | None = None
    vanished: tuple[tuple[int, int], ...] = ()  # ranges of UIDs

    @property
    def is_empty(self) -> bool:
        return not self.rows and self.span is None and not self.vanished


def split(sight: Sight, starts: Sequence[int]) -> dict[int, Sight]:
    """What of a sight concerns each chunk, by the place of the chunk's first UID in ``starts``.

    ``starts`` ascends and begins with 1: everything lies in some chunk. Chunks that it says
    nothing about are left out.
    """
    rows: dict[int, dict[int, Marks]] = {}
    for uid, seen in sight.rows.items():
        rows.setdefault(bisect_right(starts, uid) - 1, {})[uid] = seen
    vanished: dict[int, list[tuple[int, int]]] = {}
    for low, high in _merged(sight.vanished):
        for place in range(bisect_right(starts, low) - 1, bisect_right(starts, high)):
            vanished.setdefault(place, []).append((low, high))
    touched = {*rows, *vanished}
    if sight.span is not None:
        low, high = sight.span
        touched.update(range(bisect_right(starts, low) - 1, bisect_right(starts, high)))
    return {
        place: Sight(
            rows.get(place, {}),
            sight.span,
            sight.rows.keys() if sight.present is None else sight.present,
            tuple(vanished.get(place, ())),
        )
        for place in sorted(touched)
    }


def amend(chunk: Chunk, sight: Sight) -> Changes:
    """Bring a chunk up to date with what concerns it of a sight (see :func:`split`)."""
    changes = Changes()
    rows = sight.rows
    is_gone = _gone(sight)
    gone: list[int] = []
    for at, uid in enumerate(chunk.uids):
        after = rows.get(uid)
        before = chunk.marks[at]
        if is_gone(uid):
            changes.gone.append(Entry(uid, before, chunk.prints[at], chunk.nodes[at]))
            gone.append(uid)
        elif after is not None and after != before:
            changes.changed.append(Changed(uid, before, after))
            chunk.marks[at] = after
    if gone:
        chunk.remove(gone)
    known = {*chunk.uids, *gone}
    for uid in sorted(uid for uid in rows if uid not in known and not is_gone(uid)):
        chunk.insert(Entry(uid, rows[uid]))
        changes.found.append(uid)
    return changes


def _gone(sight: Sight) -> Callable[[int], bool]:
    vanished = _merged(sight.vanished)
    lows = [low for low, _ in vanished]
    present = sight.rows if sight.present is None else sight.present
    first, last = sight.span or (1, 0)

    def is_gone(uid: int) -> bool:
        at = bisect_right(lows, uid) - 1
        if at >= 0 and uid <= vanished[at][1]:
            return True
        return first <= uid <= last and uid not in present

    return is_gone


def _merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that ascend and do not overlap; every other message of 100 000 is 50 000 of them."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
