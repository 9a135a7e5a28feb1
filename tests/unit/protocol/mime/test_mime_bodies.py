from __future__ import annotations

import base64
import quopri
from collections.abc import Callable

import pytest

from postroad.protocol.mime.bodies import Body, file_body, message_body, text_body
from postroad.protocol.mime.lines import CHUNK, gather


def _octets(body: Body) -> bytes:
    return b"".join(body.pieces)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", "7bit"),
        ("plain\nASCII\twith tab\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("Schöne Grüße aus dem schönen Süden\n", "quoted-printable"),
        ("日本語のメール", "base64"),
        ("bell \x07", "quoted-printable"),
        ("nul \0", "quoted-printable"),
        ("form feed \x0c", "quoted-printable"),
    ],
)
def test_encoding_follows_the_text(text: str, encoding: str) -> None:
    body = text_body(text)
    assert body.encoding == encoding
    decode: dict[str, Callable[[bytes], bytes]] = {
        "7bit": bytes,
        "quoted-printable": quopri.decodestring,
        "base64": base64.b64decode,
    }
    assert decode[encoding](_octets(body)) == text.replace("\n", "\r\n").encode()
    assert all(len(line) <= 998 for line in _octets(body).split(b"\r\n"))


def test_all_line_ends_become_crlf() -> None:
    assert _octets(text_body("a\nb\rc\r\nd")) == b"a\r\nb\r\nc\r\nd"
    assert _octets(text_body("ä\nb\rc\r\n")) == b"=C3=A4\r\nb\r\nc\r\n"


def test_blanks_at_line_ends_are_guarded_when_quoted() -> None:
    assert _octets(text_body("ä \nb\t\nc ")) == b"=C3=A4=20\r\nb=09\r\nc=20"


def test_long_quoted_lines_break_with_crlf_even_without_any_line_end() -> None:
    raw = _octets(text_body("ä" + "x" * 500))
    assert b"=\r\n" in raw
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("size", [0, 1, 57, 58, 57 * 4096, 57 * 4096 + 1, 500_000])
def test_files_are_base64_in_lines_of_76_across_blocks(size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    raw = _octets(file_body(data))
    assert raw == base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


def test_messages_are_embedded_as_they_are() -> None:
    body = message_body(b"Subject: x\n\nhi\n")
    assert body is not None
    assert (body.encoding, _octets(body)) == ("7bit", b"Subject: x\r\n\r\nhi\r\n")
    body = message_body(b"Subject: x\r\n\r\n\xc3\xa4")
    assert body is not None
    assert body.encoding == "8bit"


@pytest.mark.parametrize("data", [b"a\0b", b"x" * 999, b"a\rb", b"ok\n" + b"x" * 999 + b"\n"])
def test_messages_that_would_not_survive_are_not_embedded(data: bytes) -> None:
    assert message_body(data) is None


def test_small_pieces_are_joined_and_large_ones_left() -> None:
    big = bytes(CHUNK)
    assert gather(iter([b"a", b"b", big, b"c", b"d"])) == [b"ab", big, b"cd"]
    assert gather(iter([])) == []
