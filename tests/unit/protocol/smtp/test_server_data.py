"""Message content out of the stream, above all where it could be read in two ways."""

from __future__ import annotations

import pytest

from postroad.protocol.smtp.server.data import ChunkReader, DataReader

# What some server somewhere takes for the end of a message, or makes one of.
LOOKALIKES = [
    b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r.\n",
]  # fmt: skip


def read(*pieces: bytes, normalises: bool = False) -> tuple[bytes, DataReader]:
    reader = DataReader(normalises=normalises)
    return b"".join(reader.feed(piece) for piece in pieces), reader


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...a\r\n..b\r\nc.\r\n.\r\n", b"..a\r\n.b\r\nc.\r\n"),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\0\xff\r\n.\r\n", b"a\0\xff\r\n"),
    ],
)
@pytest.mark.parametrize("normalises", [False, True])
def test_dots_are_taken_out_and_all_else_is_kept(
    stream: bytes, content: bytes, normalises: bool
) -> None:
    whole, reader = read(stream + b"RSET\r\n", normalises=normalises)
    assert (whole, reader.rest) == (content, b"RSET\r\n")
    single, reader = read(*(stream[i : i + 1] for i in range(len(stream))), normalises=normalises)
    assert (single, reader.rest, reader.has_bare) == (content, b"", False)


@pytest.mark.parametrize("lookalike", LOOKALIKES)
@pytest.mark.parametrize("cut", range(1, 9))
def test_only_crlf_dot_crlf_ends_a_message(lookalike: bytes, cut: int) -> None:
    stream = b"a" + lookalike + b"MAIL FROM:<evil@x.test>\r\n"
    _, reader = read(stream[:cut], stream[cut:])
    assert reader.rest is None
    assert (reader.has_bare, reader.has_lookalike) == (True, True)


@pytest.mark.parametrize("lookalike", LOOKALIKES)
def test_what_looks_like_an_end_becomes_harmless_lines(lookalike: bytes) -> None:
    stream = b"a" + lookalike + b"MAIL FROM:<evil@x.test>\r\n.\r\n"
    content, reader = read(stream, normalises=True)
    assert reader.rest == b""
    assert content.replace(b"\r\n", b"").count(b"\r") == 0
    assert content.replace(b"\r\n", b"").count(b"\n") == 0
    assert b"MAIL FROM:<evil@x.test>" in content
    assert read(*(stream[i : i + 1] for i in range(len(stream))), normalises=True)[0] == content


def test_a_lone_line_feed_without_a_dot_spoils_the_message_but_not_the_session() -> None:
    _, reader = read(b"a\nb\r\n.\r\nNOOP\r\n")
    assert (reader.has_bare, reader.has_lookalike, reader.rest) == (True, False, b"NOOP\r\n")


def test_a_line_break_cut_by_the_border_of_chunks_is_whole() -> None:
    reader = ChunkReader(normalises=False)
    assert reader.feed(b"a\r") + reader.feed(b"\nb") + reader.end() == b"a\r\nb\r\n"
    assert not reader.has_bare


def test_a_carriage_return_at_the_end_of_chunks_stands_alone() -> None:
    reader = ChunkReader(normalises=False)
    reader.feed(b"a\r")
    reader.end()
    assert reader.has_bare
