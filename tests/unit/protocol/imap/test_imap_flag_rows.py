from __future__ import annotations

import pytest

from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.fetch import Fetched, msg_att
from postroad.protocol.imap.flag_rows import flag_row


def long_way(frame: bytes) -> Fetched:
    head, _, rest = frame.partition(b" FETCH ")
    return msg_att(Cursor(rest), int(head.removeprefix(b"* ")))


@pytest.mark.parametrize(
    ("frame", "row"),
    [
        (b"* 1 FETCH (UID 7)", Fetched(1, 7)),
        (b"* 2 FETCH (FLAGS () UID 7)", Fetched(2, 7, ())),
        (
            b"* 3 FETCH (UID 7 FLAGS (\\Seen $Forwarded) MODSEQ (9))",
            Fetched(3, 7, ("\\Seen", "$Forwarded"), modseq=9),
        ),
        (
            b'* 4 FETCH (UID 7 RFC822.SIZE 44 INTERNALDATE "17-Jul-1996 02:44:25 -0700")',
            Fetched(4, 7, size=44, internal_date=837_596_665_000),
        ),
        (
            b"* 5 FETCH (EMAILID (M1) THREADID (T_2-x) UID 8)",
            Fetched(5, 8, email_id="M1", thread_id="T_2-x"),
        ),
        (
            b'* 6 FETCH (X-GM-MSGID 12 X-GM-THRID 34 X-GM-LABELS ("\\\\Inbox" \\Sent "b c") UID 8)',
            Fetched(6, 8, email_id="12", thread_id="34", labels=("\\Inbox", "\\Sent", "b c")),
        ),
    ],
)
def test_a_row_of_short_items_is_read_in_one_stroke(frame: bytes, row: Fetched) -> None:
    assert flag_row(frame) == row
    assert long_way(frame) == row


@pytest.mark.parametrize(
    "frame",
    [
        b"* 1 FETCH (UID 0)",
        b"* 0 FETCH (UID 1)",
        b"* 1 FETCH (UID 4294967296)",
        b"* 1 FETCH (MODSEQ (9999999999999999999))",
        b'* 1 FETCH (INTERNALDATE "31-Feb-1996 02:44:25 -0700")',
        b"* 1 FETCH (FLAGS (NIL))",
        b"* 1 FETCH (EMAILID (NIL))",
        b"* 1 FETCH (UID 1 ENVELOPE NIL)",
        b"* 1 FETCH (UID 1",
        b"* 1 FETCH (UID 1) ",
        b"* 1 FETCH (UID 1FLAGS ())",
        b"* 1 FETCH ()",
        b'* 1 FETCH (X-GM-LABELS ("a\\"b"))',
        b"* 1 FETCH (X-GM-LABELS ({1}\r\na))",
        b"* 1 EXISTS",
        b"",
    ],
)
def test_all_else_is_left_to_the_long_way(frame: bytes) -> None:
    assert flag_row(frame) is None


def test_messages_with_the_same_flags_share_them() -> None:
    one, other = (
        flag_row(b"* 1 FETCH (FLAGS (\\Seen a))"),
        flag_row(b"* 2 FETCH (FLAGS (\\Seen a))"),
    )

    assert one is not None
    assert other is not None
    assert one.flags is other.flags


def test_a_row_that_does_not_fit_fails_at_once() -> None:
    frame = b"* 1 FETCH (" + b"UID 1 " * 100_000 + b"X"

    assert flag_row(frame) is None
