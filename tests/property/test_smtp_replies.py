from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.errors import RemoteProtocolError
from postroad.domain.reply import SmtpReply
from postroad.protocol.smtp.replies import (
    MAX_LINE_BYTES,
    MAX_REPLY_BYTES,
    MAX_REPLY_LINES,
    ReplyParser,
)

TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
CUTS = st.lists(st.integers(1, 40), max_size=40)


@st.composite
def wire_reply(draw: st.DrawFn) -> bytes:
    code = str(draw(st.integers(200, 599))).encode()
    lines = [line.encode() for line in draw(st.lists(TEXT, min_size=1, max_size=5))]
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    head = b"".join(code + b"-" + line + end for line in lines[:-1])
    return head + code + b" " + lines[-1] + end


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    cut, rest = [], octets
    for length in cuts:
        cut.append(rest[:length])
        rest = rest[length:]
    return [*cut, rest]


def read_all(parser: ReplyParser) -> list[SmtpReply]:
    replies = []
    while (reply := parser.next_reply()) is not None:
        replies.append(reply)
    return replies


@given(st.lists(wire_reply(), min_size=1, max_size=6), CUTS)
def test_any_split_of_the_stream_gives_the_same_replies(
    replies: list[bytes], cuts: list[int]
) -> None:
    octets = b"".join(replies)
    whole = ReplyParser()
    whole.feed(octets)
    split = ReplyParser()
    got = []
    for piece in pieces(octets, cuts):
        split.feed(piece)
        got += read_all(split)

    assert got == read_all(whole)
    assert len(got) == len(replies)
    assert split.is_empty


@given(st.lists(st.binary(max_size=200) | wire_reply(), max_size=20))
def test_no_octets_hang_the_parser_or_break_it_otherwise(fed: list[bytes]) -> None:
    parser = ReplyParser()
    try:
        for piece in fed:
            parser.feed(piece)
            for reply in read_all(parser):
                assert 200 <= reply.code <= 599
                assert all(line.isprintable() for line in reply.lines)
                assert "\n" not in reply.text
    except RemoteProtocolError:
        pass


@given(st.sampled_from([b"2", b"250-", b"250-x\r\n", b"250 ", b"\xff"]), st.integers(1, 5000))
def test_what_never_ends_is_refused_within_the_limits(unit: bytes, step: int) -> None:
    parser = ReplyParser()
    piece = unit * step
    limit = MAX_REPLY_BYTES + MAX_LINE_BYTES + MAX_REPLY_LINES * 16
    fed = 0
    try:
        while fed <= limit + len(piece):
            parser.feed(piece)
            fed += len(piece)
            assert parser.next_reply() is None
    except RemoteProtocolError:
        return
    raise AssertionError("took it without end")
