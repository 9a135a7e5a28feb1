from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postroad.protocol.smtp.dotstuff import DotStuffer

# Octets that matter, more often than chance would have them.
CONTENT = st.lists(
    st.sampled_from([b".", b"\r\n", b"a", b"..", b"\xff", b"text"]), max_size=60
).map(b"".join)
HOSTILE = st.lists(st.sampled_from([b".", b"\r", b"\n", b"a"]), max_size=60).map(b"".join)
CUTS = st.lists(st.integers(0, 7), max_size=60)


def stuff(content: bytes, cuts: list[int]) -> bytes:
    stuffer = DotStuffer()
    sent, rest = b"", content
    for length in cuts:
        sent += stuffer.feed(rest[:length])
        rest = rest[length:]
    return sent + stuffer.feed(rest) + stuffer.end()


def receive(sent: bytes) -> bytes:
    """What a server takes in. RFC 5321 §4.5.2"""
    lines = sent.split(b"\r\n")
    end = lines.index(b".")
    assert lines[end + 1 :] == [b""]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])


@given(CONTENT, CUTS)
def test_the_server_gets_what_we_had(content: bytes, cuts: list[int]) -> None:
    complete = content if content.endswith(b"\r\n") or not content else content + b"\r\n"

    assert receive(stuff(content, cuts)) == complete


@given(HOSTILE, CUTS)
def test_any_chunking_sends_the_same_octets(content: bytes, cuts: list[int]) -> None:
    assert stuff(content, cuts) == stuff(content, [])


@given(HOSTILE, CUTS)
def test_nothing_inside_ends_the_message(content: bytes, cuts: list[int]) -> None:
    sent = stuff(content, cuts)
    inside = sent[: -len(b".\r\n")]

    # A server that takes CR or LF alone for a line end must not see a lone dot either.
    assert b"." not in inside.replace(b"\r", b"\n").split(b"\n")
