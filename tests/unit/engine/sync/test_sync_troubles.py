"""When a mailbox that refuses is tried again."""

from __future__ import annotations

import pytest

from postroad.engine.sync.troubles import FETCH_PATIENCE_S, LEFT_ALONE_S, Troubles
from postroad.protocol.imap.mailbox_status import MailboxStatus

COUNTS = MailboxStatus(b"Box", messages=5)
OTHERS = MailboxStatus(b"Box", messages=6)


def test_three_refused_selects_leave_a_mailbox_alone_for_hours() -> None:
    troubles = Troubles()
    for now_s in (0.0, 5.0, 10.0):
        assert troubles.may_look("Box", now_s, COUNTS)
        troubles.note("Box", now_s, is_select=True, status=COUNTS)

    assert not troubles.may_look("Box", LEFT_ALONE_S, COUNTS)
    assert troubles.may_look("Box", 10.0 + LEFT_ALONE_S, COUNTS)
    assert troubles.next_s == 10.0 + LEFT_ALONE_S


def test_other_counts_are_worth_another_try() -> None:
    troubles = Troubles()
    for _ in range(3):
        troubles.note("Box", 0.0, is_select=True, status=COUNTS)

    assert troubles.may_look("Box", 1.0, OTHERS)
    assert not troubles.may_look("Box", 1.0, None)


def test_refused_fetches_are_tried_for_a_day_with_growing_pauses() -> None:
    troubles, now_s, pauses = Troubles(), 0.0, []
    while now_s < FETCH_PATIENCE_S + 120:
        troubles.note("Box", now_s, is_select=False, status=None)
        next_s = troubles.next_s
        assert next_s is not None
        pauses.append(next_s - now_s)
        now_s = next_s

    assert pauses[0] == 1.0
    assert pauses[:20] == sorted(pauses[:20])
    assert max(pauses[:-1]) == pytest.approx(60.0)
    assert pauses[-1] == LEFT_ALONE_S


def test_what_works_again_or_is_not_followed_is_forgotten() -> None:
    troubles = Troubles()
    for path in ("a", "b", "c"):
        troubles.note(path, 0.0, is_select=True, status=None)
    troubles.clear("a")
    troubles.keep({"b"})

    assert troubles
    assert troubles.may_look("a", 0.0, None)
    assert troubles.may_look("c", 0.0, None)
    assert not troubles.may_look("b", 0.0, None)
