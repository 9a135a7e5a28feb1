"""Whatever arrives, and however it is cut: the same transactions, the same replies, no fault."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from postroad.protocol.smtp.server import (
    Ended,
    Event,
    Login,
    MailWanted,
    Octets,
    RcptWanted,
    Received,
    Reply,
    ServerSession,
    Spoiled,
    Terms,
    TlsWanted,
)

_WORDS = [
    b"EHLO c\r\n", b"HELO c\n", b"MAIL FROM:<a@x.test>\r\n", b"MAIL FROM:<>\n", b"RSET\r\n",
    b"RCPT TO:<b@x.test>\r\n", b"RCPT TO:<b@x.test> NOTIFY=NEVER\r\n",
    b"RCPT TO:<no@x.test>\r\n", b"DATA\r\n", b"DATA\n",
    b".\r\n", b"\r\n.\r\n", b"\n.\n", b"\r.\r\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"..\r\n",
    b"text\r\n", b"text\n", b"\r", b"\n", b".", b"\r\r\n", b"BDAT 5\r\n", b"BDAT 5 LAST\r\n",
    b"BDAT 0 LAST\r\n", b"AUTH LOGIN\r\n", b"AUTH PLAIN AHUAcA==\r\n", b"dQ==\r\n", b"*\r\n",
    b"NOOP\r\n", b"QUIT\r\n", b"GET / HTTP/1.1\r\n", b"x" * 50, b"\0", b"\xff",
]  # fmt: skip
_STREAM = st.lists(st.one_of(st.sampled_from(_WORDS), st.binary(max_size=8)), max_size=30).map(
    b"".join
)
_TALKATIVE = st.lists(st.sampled_from(_WORDS), max_size=12).map(
    lambda words: (
        b"EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n" + b"".join(words)
    )
)


def _answer(event: Event) -> Reply:
    match event:
        case Login():
            return Reply(235, "Authentication successful")
        case TlsWanted():
            return Reply(454, "not now", "4.7.0")
        case RcptWanted(rcpt) if rcpt.path.startswith("no"):
            return Reply(550, "not to him", "5.1.1")
    return Reply(250, "Accepted")


def run(terms: Terms, pieces: list[bytes]) -> tuple[bytes, list[tuple[str, bytes]], bool]:
    """What was said, the messages that came out, and whether the session ended."""
    session = ServerSession(terms)
    said, content = b"", b""
    messages: list[tuple[str, bytes]] = []
    for piece in pieces:
        session.feed(piece)
        while (event := session.next_event()) is not None:
            match event:
                case Octets(octets):
                    content += octets
                case Spoiled():
                    content = b""
                case Ended():
                    return said + session.take_output(), messages, True
                case Received(mail, _):
                    messages.append((mail.path, content))
                    content = b""
                    session.answer(_answer(event))
                case MailWanted() | RcptWanted() | Login() | TlsWanted():
                    session.answer(_answer(event))
        said += session.take_output()
    return said, messages, False


def _cut(stream: bytes, at: list[int]) -> list[bytes]:
    places = sorted({place % (len(stream) + 1) for place in at})
    borders = [0, *places, len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(borders)]


@given(
    st.one_of(_STREAM, _TALKATIVE),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_any_cutting_gives_the_same_session(
    stream: bytes, at: list[int], normalises: bool, has_login: bool
) -> None:
    terms = Terms("h.test", max_octets=60, has_login=has_login, normalises=normalises)
    assert run(terms, _cut(stream, at)) == run(terms, [stream])


@given(st.one_of(_STREAM, _TALKATIVE), st.booleans())
def test_no_message_holds_a_line_end_that_others_could_read_differently(
    stream: bytes, normalises: bool
) -> None:
    terms = Terms("h.test", max_octets=1000, has_login=False, normalises=normalises)
    for _, content in run(terms, [stream])[1]:
        rest = content.replace(b"\r\n", b"")
        assert b"\r" not in rest
        assert b"\n" not in rest
        assert content.endswith(b"\r\n") or not content
        assert len(content) <= 1000


@given(st.lists(st.sampled_from([b".", b"..", b".a", b"a", b"", b"\xc3\xa4"]), max_size=12))
def test_content_comes_out_as_it_was_before_the_dots_were_doubled(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    doubled = b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines)
    stream = b"EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n" + doubled + b".\r\n"
    terms = Terms("h.test", max_octets=1000, has_login=False)
    assert run(terms, [stream])[1] == [("a@x", content)]
