"""Which look at a mailbox is chosen, and what a look changes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from postroad.domain.mailbox_state import Indexer, MailboxCursor, MailboxState
from postroad.domain.message_index import Chunk, Entry, marks
from postroad.engine.sync.diff import (
    FULL_PASS_EVERY_MS,
    Changed,
    Plan,
    Sight,
    amend,
    is_complete,
    plan,
    split,
)

NOW = 1_700_000_000_000
KNOWN = MailboxCursor(
    "INBOX", 1, 9, uidnext=101, messages=50, highestmodseq=700, checked_at=NOW - 60_000
)
SEEN = MailboxState(9, 101, 50, 700)
BARE = replace(KNOWN, highestmodseq=None)
PLAIN = marks(())
FLAGGED = marks(("\\Flagged",))


@pytest.mark.parametrize(
    ("known", "seen", "chosen"),
    [
        (KNOWN, SEEN, Plan.NOTHING),
        (KNOWN, replace(SEEN, highestmodseq=701), Plan.CHANGED_SINCE),
        (KNOWN, replace(SEEN, uidnext=102, messages=51), Plan.CHANGED_SINCE),
        (KNOWN, replace(SEEN, messages=49), Plan.CHANGED_SINCE),
        (KNOWN, replace(SEEN, highestmodseq=699), Plan.FULL_PASS),
        (KNOWN, replace(SEEN, uidnext=100), Plan.FULL_PASS),
        (KNOWN, replace(SEEN, uidvalidity=10), Plan.RESET),
        (KNOWN, replace(SEEN, uidvalidity=None), Plan.RESET),
        (BARE, replace(SEEN, highestmodseq=None), Plan.NOTHING),
        (KNOWN, replace(SEEN, highestmodseq=None), Plan.NOTHING),
        (BARE, replace(SEEN, highestmodseq=None, uidnext=105, messages=54), Plan.NEW_ONLY),
        (BARE, replace(SEEN, highestmodseq=None, messages=49), Plan.NEW_ONLY),
        (BARE, replace(SEEN, highestmodseq=None, uidnext=None), Plan.NEW_ONLY),
        (KNOWN, replace(SEEN, uidnext=None), Plan.NOTHING),
        (BARE, replace(SEEN, highestmodseq=None, uidnext=None, messages=51), Plan.NEW_ONLY),
        (replace(BARE, checked_at=NOW - FULL_PASS_EVERY_MS), SEEN, Plan.FULL_PASS),
        (replace(KNOWN, indexer=Indexer.FAST), replace(SEEN, messages=1), Plan.NOTHING),
        (replace(KNOWN, indexer=Indexer.FAST), replace(SEEN, uidnext=102), Plan.NEW_ONLY),
        (replace(KNOWN, indexer=Indexer.FAST), replace(SEEN, uidnext=None), Plan.NEW_ONLY),
    ],
)
def test_the_cheapest_sufficient_look_is_chosen(
    known: MailboxCursor, seen: MailboxState, chosen: Plan
) -> None:
    assert plan(known, seen, now=NOW) is chosen


def test_counts_that_do_not_add_up_ask_for_another_look() -> None:
    assert is_complete(KNOWN, SEEN)
    assert not is_complete(KNOWN, replace(SEEN, messages=49))
    assert is_complete(replace(KNOWN, indexer=Indexer.FAST), replace(SEEN, messages=3))


def chunk() -> Chunk:
    return Chunk(Entry(uid, PLAIN, uid * 10) for uid in (1, 3, 5, 7))


def test_changed_flags_are_told_with_what_they_were() -> None:
    known = chunk()
    changes = amend(known, Sight({3: FLAGGED, 5: PLAIN}))

    assert changes.changed == [Changed(3, PLAIN, FLAGGED)]
    assert not changes.gone
    assert known.entries()[1] == Entry(3, FLAGGED, 30)


def test_what_a_complete_sight_does_not_show_is_gone() -> None:
    known = chunk()
    changes = amend(known, Sight({3: PLAIN}, span=(2, 5)))

    assert changes.gone == [Entry(5, PLAIN, 50)]
    assert known.uids == [1, 3, 7]


def test_a_list_of_those_present_is_as_good_as_their_rows() -> None:
    known = chunk()
    sight = Sight({3: FLAGGED}, span=(1, 100), present={1, 3, 7})
    changes = amend(known, sight)

    assert [entry.uid for entry in changes.gone] == [5]
    assert [one.uid for one in changes.changed] == [3]


def test_vanished_messages_are_gone_and_unknown_ones_no_news() -> None:
    known = chunk()
    changes = amend(known, Sight({}, vanished=((1, 3), (60, 90))))

    assert [entry.uid for entry in changes.gone] == [1, 3]


def test_a_message_that_should_have_been_known_is_put_in_silently() -> None:
    known = chunk()
    changes = amend(known, Sight({4: PLAIN}))

    assert len(changes.found) == 1
    assert known.uids == [1, 3, 4, 5, 7]


def test_a_sight_is_cut_to_the_chunks_that_it_concerns() -> None:
    sight = Sight({50: PLAIN, 120: PLAIN}, span=(1, 10), vanished=((70, 80), (205, 206)))
    parts = split(sight, [1, 60, 100, 200, 300])

    assert {place: dict(part.rows) for place, part in parts.items()} == {
        0: {50: PLAIN},
        1: {},
        2: {120: PLAIN},
        3: {},
    }


def test_messages_of_other_chunks_are_present_all_the_same() -> None:
    part = split(Sight({1: PLAIN, 70: PLAIN}, span=(1, 100)), [1, 60])[1]
    known = Chunk([Entry(65, PLAIN), Entry(70, PLAIN)])

    assert [entry.uid for entry in amend(known, part).gone] == [65]


def test_every_other_message_of_many_goes_in_linear_time() -> None:
    count = 100_000
    chunks = [
        Chunk(Entry(uid, marks(())) for uid in range(first, first + 500))
        for first in range(1, count, 500)
    ]
    vanished = tuple((uid, uid) for uid in range(count, 0, -2))
    began = time.process_time()

    parts = split(Sight({}, vanished=vanished), [chunk.uids[0] for chunk in chunks])
    gone = [one.uid for place, part in parts.items() for one in amend(chunks[place], part).gone]

    assert gone == list(range(2, count + 1, 2))
    assert time.process_time() - began < 5.0
