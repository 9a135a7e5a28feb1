"""Texts of parts: transfer encodings, flowed paragraphs, charsets of pages."""

from __future__ import annotations

import pytest

from postroad.protocol.mime.flowed import unflow
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.text import decode_text, octets_needed
from postroad.protocol.mime.transfer import decode_transfer


@pytest.mark.parametrize(
    ("octets", "encoding", "content"),
    [
        (b"aGVsbG8=", "base64", b"hello"),
        (b"aGVs\r\nbG8", "base64", b"hello"),
        (b"aGVsbG8=IHdvcmxk", "base64", b"hello world"),
        (b"aGVsb", "base64", b"hel"),
        (b"a*G-V_s!", "base64", b"hel"),
        (b"===", "base64", b""),
        (b"a=3Db=\r\nc =E2=82=AC", "quoted-printable", b"a=bc \xe2\x82\xac"),
        (b"bad =XY and =", "quoted-printable", b"bad =XY and "),
        (b"begin 644 a\n%:&5L;&\\\n`\nend\n", "x-uuencode", b"hello"),
        (b"no begin", "x-uuencode", b"no begin"),
        (b"\xff\x00", "x-unheard-of", b"\xff\x00"),
    ],
)
def test_transfer_encodings_are_removed_as_far_as_they_go(
    octets: bytes, encoding: str, content: bytes
) -> None:
    assert decode_transfer(octets, encoding) == content


@pytest.mark.parametrize(
    ("text", "deletes_space", "unflowed"),
    [
        ("one \ntwo\n\nthree", False, "one two\n\nthree"),
        ("eins\u0020\nzwei", True, "einszwei"),
        (" stuffed\n From", False, "stuffed\nFrom"),
        ("> a \n> b\n>> c \n> d", False, "> a b\n>> c \n> d"),
        ("text \n-- \nAnn", False, "text \n-- \nAnn"),
        (">\n> x", False, ">\n> x"),
        ("ends soft ", False, "ends soft "),
    ],
)
def test_flowed_lines_become_paragraphs(text: str, deletes_space: bool, unflowed: str) -> None:
    assert unflow(text, deletes_space=deletes_space) == unflowed


def test_a_page_is_believed_where_its_header_says_nothing() -> None:
    page = '<meta charset="koi8-r"><p>Привет'.encode("koi8-r")

    assert decode_text(page, BodyPart("1", "text", "html")).endswith("Привет")
    labelled = BodyPart("1", "text", "html", parameters={"charset": b"us-ascii"})
    assert decode_text(page, labelled).endswith("Привет")


def test_line_ends_become_line_feeds_and_nul_goes() -> None:
    octets = b"a\r\nb\rc\r\r\nd\ne\x00"

    assert decode_text(octets, BodyPart("1", "text", "plain")) == "a\nb\nc\nd\ne"


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_enough_is_fetched_for_the_characters_that_are_wanted(encoding: str) -> None:
    text = "\U0001f600" * 3000
    octets = text.encode()
    encoded = {
        "7bit": octets,
        "base64": _base64(octets),
        "quoted-printable": _quoted(octets),
    }[encoding]
    part = BodyPart("1", "text", "plain", parameters={"charset": b"utf-8"}, encoding=encoding)

    cut = encoded[: octets_needed(1000, part)]
    assert decode_text(cut, part)[:1000] == text[:1000]


def _base64(octets: bytes) -> bytes:
    from base64 import encodebytes

    return encodebytes(octets).replace(b"\n", b"\r\n")


def _quoted(octets: bytes) -> bytes:
    from binascii import b2a_qp

    return b2a_qp(octets).replace(b"\n", b"\r\n")
