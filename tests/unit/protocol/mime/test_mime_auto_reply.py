"""Machines that answer. Contract B-199."""

from __future__ import annotations

import pytest

from postroad.protocol.mime.auto_reply import is_auto_reply
from postroad.protocol.mime.headers import parse_headers


@pytest.mark.parametrize(
    ("subject", "in_reply_to", "header", "is_one"),
    [
        ("Auto Reply: hello", None, "", True),
        ("Automatic reply: hello", None, "", True),
        ("AutoResponse: hello", None, "", True),
        ("Out of the Office until Monday", None, "", True),
        ("Out of Office: x", None, "", True),
        ("OOF: x", None, "", True),
        ("OOO: x", None, "", True),
        ("Auto: x", "<a@b>", "", True),
        ("Auto: x", None, "", False),
        ("An auto reply is a reply", None, "", False),
        ("Autopilot replies", None, "", False),
        ("x", None, "Precedence: auto_reply", True),
        ("x", None, "Precedence: bulk", False),
        ("x", None, "Auto-Submitted: auto-replied (vacation)", True),
        ("x", None, "Auto-Submitted: no", False),
        ("x", None, "Auto-Submitted: auto-generated", False),
        ("x", None, "X-Auto-Response-Suppress: All", True),
        ("x", None, "X-Autoreply: yes", True),
        (None, None, "", False),
    ],
)
def test_an_answer_of_a_machine_is_known_by_its_signs(
    subject: str | None, in_reply_to: str | None, header: str, is_one: bool
) -> None:
    headers = parse_headers(header.encode() + b"\r\n")

    assert is_auto_reply(subject, in_reply_to, headers) is is_one


def test_without_headers_the_subject_alone_speaks() -> None:
    assert is_auto_reply("OOO: away", None, None)
    assert not is_auto_reply("hello", "<a@b>", None)
