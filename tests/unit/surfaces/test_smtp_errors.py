from __future__ import annotations

import pytest

from postroad.domain.errors import (
    FieldProblem,
    Forbidden,
    Invalid,
    Limited,
    NotFound,
    PostroadError,
    TooLarge,
    Unavailable,
    Unprocessable,
)
from postroad.domain.suppression import Skipped
from postroad.surfaces.smtp.errors import reply_of, suppressed_reply


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Invalid("bad"), b"554 5.6.0 bad"),
        (Invalid(fields=[FieldProblem("raw", "NUL")]), b"552 5.6.0 raw: NUL"),
        (Invalid(fields=[FieldProblem("a", "x"), FieldProblem("b", "y")]), b"554 5.6.0 a: x; b: y"),
        (Forbidden("no"), b"550 5.7.1 no"),
        (NotFound("gone\r\n250 ok"), b"451 4.3.0 gone 250 ok"),
        (TooLarge("big"), b"552 5.3.4 big"),
        (Unprocessable("other body"), b"554 5.6.0 other body"),
        (Limited("slow", retry_after_s=1), b"451 4.7.0 slow"),
        (Unavailable("store"), b"450 4.3.0 store"),
        (PostroadError("ä" * 999), b"450 4.3.0 " + b" "),
    ],
)
def test_errors_become_replies_of_one_line(error: PostroadError, said: bytes) -> None:
    assert reply_of(error).encode() == said + b"\r\n"


def test_suppressed_recipients_are_told_with_their_list() -> None:
    one, two = Skipped("a@x.test", "user_unknown", "l"), Skipped("ä@x.test", "block", "l")
    assert suppressed_reply([one]).encode() == (
        b"550 5.1.1 a@x.test is on suppression list l (user_unknown)\r\n"
    )
    assert suppressed_reply([two, one]).encode() == (
        b"550 5.1.1  @x.test and 1 more are on suppression list l (block)\r\n"
    )
