from __future__ import annotations

import pytest

from postroad.domain.errors import RemoteProtocolError
from postroad.domain.reply import SmtpReply
from postroad.protocol.smtp.replies import (
    MAX_LINE_BYTES,
    MAX_REPLY_BYTES,
    MAX_REPLY_LINES,
    ReplyParser,
)


def parse(octets: bytes) -> list[SmtpReply]:
    parser = ReplyParser()
    parser.feed(octets)
    replies = []
    while (reply := parser.next_reply()) is not None:
        replies.append(reply)
    return replies


def test_a_reply_of_one_line_is_code_and_text() -> None:
    assert parse(b"250 OK\r\n") == [SmtpReply(250, ("OK",))]


def test_a_reply_of_many_lines_is_one() -> None:
    # RFC 5321 §4.2.1
    octets = (
        b"250-First line\r\n250-Second line\r\n250-234 Text beginning with numbers\r\n250 Last\r\n"
    )

    assert parse(octets) == [
        SmtpReply(250, ("First line", "Second line", "234 Text beginning with numbers", "Last"))
    ]


def test_replies_to_pipelined_commands_come_in_order() -> None:
    replies = parse(b"250 2.1.0 Ok\r\n550 5.1.1 nobody\r\n354 go on\r\n")

    assert [(r.code, r.enhanced) for r in replies] == [(250, "2.1.0"), (550, "5.1.1"), (354, None)]


def test_half_a_reply_waits_for_the_rest() -> None:
    parser = ReplyParser()
    parser.feed(b"250-half")
    assert parser.next_reply() is None
    assert not parser.is_empty
    parser.feed(b" a line\r\n250")
    assert parser.next_reply() is None
    parser.feed(b" done\r\n")

    assert parser.next_reply() == SmtpReply(250, ("half a line", "done"))
    assert parser.is_empty


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"250\r\n", SmtpReply(250, ("",))),
        (b"250 \r\n", SmtpReply(250, ("",))),
        (b"250 bare LF\n", SmtpReply(250, ("bare LF",))),
        (b"250-a\r\n250\r\n", SmtpReply(250, ("a", ""))),
        ("250 Grüße\r\n".encode(), SmtpReply(250, ("Grüße",))),
        (b"250 \xff latin\r\n", SmtpReply(250, ("\\xff latin",))),
        (b"250 bell\x07 and esc\x1b\r\n", SmtpReply(250, ("bell  and esc ",))),
    ],
)
def test_what_servers_really_send_is_understood(line: bytes, reply: SmtpReply) -> None:
    assert parse(line) == [reply]


def test_an_enhanced_status_of_another_class_does_not_count() -> None:
    assert parse(b"250 5.1.1 odd\r\n")[0].enhanced is None


def test_an_enhanced_status_may_stand_alone_but_not_begin_a_word() -> None:
    assert parse(b"250 2.0.0\r\n")[0].enhanced == "2.0.0"
    assert parse(b"250 2.0.0.1 is an address\r\n")[0].enhanced is None


def test_the_last_code_of_a_reply_is_the_one_meant() -> None:
    assert parse(b"250-so far\r\n550 and no\r\n")[0].code == 550


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"25\r\n",
        b"hello\r\n",
        b"150 too low\r\n",
        b"650 too high\r\n",
        b"250_odd\r\n",
        b"2500 long\r\n",
        b"\xff\xfe\r\n",
        b"250-begun\r\nnot a reply\r\n",
        "２５０ wide digits\r\n".encode(),
    ],
)
def test_what_is_no_reply_is_refused(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"2" * (MAX_LINE_BYTES + 1),
        b"250 " + b"x" * MAX_LINE_BYTES + b"\r\n",
        b"250-more\r\n" * (MAX_REPLY_LINES + 1),
        (b"250-" + b"x" * 4000 + b"\r\n") * (MAX_REPLY_BYTES // 4000 + 1),
    ],
)
def test_a_reply_without_end_is_refused(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="without end"):
        parse(octets)


def test_a_refusal_shows_the_foreign_octets_escaped() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(b"<html>\x1b[31m\xff\r\n")

    assert caught.value.message.endswith("<html>\\x1b[31m\\xff")
