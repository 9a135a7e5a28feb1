from __future__ import annotations

import pytest

from postroad.protocol.smtp.dotstuff import DotStuffer


def stuff(*pieces: bytes) -> bytes:
    stuffer = DotStuffer()
    return b"".join([*(stuffer.feed(piece) for piece in pieces), stuffer.end()])


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"", b".\r\n"),
        (b"text\r\n", b"text\r\n.\r\n"),
        (b"no line end", b"no line end\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n..b\r\n", b"a\r\n...b\r\n.\r\n"),
        (b"a.b\r\n c.\r\n", b"a.b\r\n c.\r\n.\r\n"),
        (b"ends in CR\r", b"ends in CR\r\r\n.\r\n"),
        (b"ends in LF\n", b"ends in LF\n\r\n.\r\n"),
    ],
)
def test_the_content_arrives_and_ends(content: bytes, sent: bytes) -> None:
    assert stuff(content) == sent
    assert stuff(*(content[i : i + 1] for i in range(len(content)))) == sent


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n"]
)
def test_no_line_end_of_any_server_forges_the_end_of_data(end: bytes) -> None:
    sent = stuff(b"before" + end + b"MAIL FROM:<smuggled@example.com>\r\n")

    assert end not in sent.removesuffix(b"\r\n.\r\n")
