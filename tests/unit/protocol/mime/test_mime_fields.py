from __future__ import annotations

import pytest

from postroad.domain.errors import Invalid
from postroad.protocol.mime.faults import Faults
from postroad.protocol.mime.fields import format_custom


def _lines(*headers: tuple[str, str]) -> list[str]:
    faults = Faults()
    lines, _ = format_custom(headers, faults)
    faults.settle()
    return lines


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("X-Mailer", " ours ", "X-Mailer: ours\r\n"),
        ("X-Pre", "=?utf-8?Q?already?=", "X-Pre: =?utf-8?Q?already?=\r\n"),
        ("X-Name", "Jürgen", "X-Name: =?utf-8?Q?J=C3=BCrgen?=\r\n"),
        ("X-Tab", "a\tb", "X-Tab: a\tb\r\n"),
        ("X-Bell", "a\x07", "X-Bell: =?utf-8?Q?a=07?=\r\n"),
        ("X-Empty", "", "X-Empty: \r\n"),
        (
            "Sender",
            "Jürgen <j@exämple.com>",
            "Sender: =?utf-8?Q?J=C3=BCrgen?= <j@xn--exmple-cua.com>\r\n",
        ),
        ("Reply-To", "a@b.example", "Reply-To: a@b.example\r\n"),
        (
            "List-Id",
            "Café <cafe.lists.example>",
            "List-Id: =?utf-8?B?Q2Fmw6k=?= <cafe.lists.example>\r\n",
        ),
        ("date", "Fri, 21 Nov 1997 09:55:06 -0600", "date: Fri, 21 Nov 1997 09:55:06 -0600\r\n"),
    ],
)
def test_values(name: str, value: str, line: str) -> None:
    assert _lines((name, value)) == [line]


def test_an_ascii_value_is_folded_at_spaces_and_never_encoded() -> None:
    token = "t" * 300
    assert _lines(("X-Token", f"a {token} b")) == [f"X-Token: a\r\n {token}\r\n b\r\n"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Bcc", "x@y"), ("BCC", "x@y"), ("Resent-Bcc", "x@y"), ("From", "x@y"), ("To", "x@y"),
        ("Cc", "x@y"), ("Subject", "x"), ("Message-ID", "<x@y>"), ("MIME-Version", "1.0"),
        ("Content-Type", "text/html"), ("Content-Transfer-Encoding", "8bit"), ("", "x"),
        ("X-EE-Tags", "a"), ("x-postroad-SEND-AT", "2099-01-01T00:00:00Z"),
        ("X Y", "x"), ("X:Y", "x"), ("X\r\nBcc", "x"), ("Ü", "x"), ("X" * 77, "x"),
        ("X-A", "a\r\nBcc: x@y"), ("X-A", "a\0"), ("X-A", "\ud800"), ("X-A", "x" * 998),
        ("List-Unsubscribe", "<https://exämple.com>"), ("List-Id", "Café"), ("References", "ä"),
        ("DKIM-Signature", "v=1; d=ä"), ("Date", "yesterday"), ("Auto-Submitted", "a\x07"),
    ],
)  # fmt: skip
def test_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        _lines((name, value))
    assert [problem.key for problem in caught.value.fields] == ["headers"]


def test_fields_that_exist_once_are_given_once() -> None:
    with pytest.raises(Invalid):
        _lines(("In-Reply-To", "<a@b>"), ("in-reply-to", "<c@d>"))
    assert len(_lines(("X-A", "1"), ("X-A", "2"))) == 2
