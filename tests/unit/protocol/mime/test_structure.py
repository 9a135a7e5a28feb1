"""Cutting a message into its parts."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.protocol.mime.parser import MAX_PARTS
from postroad.protocol.mime.structure import decoded, header_block, leaves

MIXED = (
    b"Subject: x\r\n"
    b"Content-Type: multipart/mixed; boundary=outer\r\n"
    b"\r\n"
    b"preamble\r\n"
    b"--outer\r\n"
    b'Content-Type: multipart/alternative; boundary="in ner"\r\n'
    b"\r\n"
    b"--in ner\r\n"
    b"\r\n"
    b"plain\r\n"
    b"--in ner\r\n"
    b"Content-Type: text/HTML\r\n"
    b"\r\n"
    b"<p>rich\r\n"
    b"--in ner--\r\n"
    b"\r\n"
    b"--outer  \r\n"
    b"Content-Type: image/png\r\n"
    b"Content-ID: <a@b>\r\n"
    b"Content-Disposition: Inline; filename*=utf-8''%E2%82%AC.png\r\n"
    b"Content-Transfer-Encoding: BASE64\r\n"
    b"\r\n"
    b"aGVs\r\nbG8=\r\n"
    b"--outer\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n"
    b"Content-Type: multipart/mixed; boundary=deep\r\n\r\n--deep\r\n\r\nx\r\n--deep--\r\n"
    b"--outer--\r\n"
    b"epilogue\r\n"
)


def test_parts_are_numbered_as_imap_numbers_them() -> None:
    found = [(leaf.number, leaf.content_type) for leaf in leaves(MIXED)]
    assert found == [
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "image/png"),
        ("3", "message/rfc822"),
    ]


def test_content_of_a_part_ends_before_the_line_break_of_the_boundary() -> None:
    parts = leaves(MIXED)
    assert decoded(MIXED, parts[0]) == b"plain"
    assert decoded(MIXED, parts[2]) == b"hello"
    assert decoded(MIXED, parts[3]).endswith(b"--deep--")
    assert parts[2].encoded_size == len(b"aGVs\r\nbG8=")


def test_attributes_of_a_part_are_decoded() -> None:
    image = leaves(MIXED)[2]
    assert (image.filename, image.content_id, image.disposition) == ("€.png", "<a@b>", "inline")
    assert [leaf.is_body for leaf in leaves(MIXED)] == [True, True, False, False]
    assert [leaf.is_alternative for leaf in leaves(MIXED)] == [True, True, False, False]


def test_message_without_parts_is_part_one() -> None:
    message = b"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\nc\r\n"
    (leaf,) = leaves(message)
    assert leaf.number == "1"
    assert decoded(message, leaf) == b"a=bc\r\n"


def test_encoded_word_in_a_file_name_is_read() -> None:
    message = b'Content-Disposition: attachment; filename="=?utf-8?q?=E2=82=AC=2Epdf?="\r\n\r\nx'
    assert leaves(message)[0].filename == "€.pdf"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\r\n",
        b"Subject: no empty line",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary parameter",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x--",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nunix\n--x--\n",
    ],
)
def test_broken_message_is_cut_as_far_as_it_goes(message: bytes) -> None:
    for leaf in leaves(message):
        assert 0 <= leaf.start <= leaf.end <= len(message)


def test_flood_of_parts_is_bounded() -> None:
    message = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 5000
    assert len(leaves(message)) == MAX_PARTS - 1  # the multipart counts


def test_header_block_ends_before_the_empty_line() -> None:
    assert header_block(b"A: b\r\nC: d\r\n\r\nbody") == b"A: b\r\nC: d"
    assert header_block(b"\r\nbody") == b""
    assert header_block(b"A: b") == b"A: b"


@given(
    text=st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=200),
    files=st.lists(
        st.tuples(st.binary(max_size=300), st.from_regex(r"[a-z€]{1,12}\.bin", fullmatch=True)),
        max_size=4,
    ),
)
def test_what_the_standard_library_built_is_found_again(
    text: str, files: list[tuple[bytes, str]]
) -> None:
    built = EmailMessage(policy=SMTP)
    built["Subject"] = "x"
    built.set_content(text)
    for data, name in files:
        built.add_attachment(data, maintype="application", subtype="x-test", filename=name)
    message = built.as_bytes()
    found = [leaf for leaf in leaves(message) if leaf.disposition == "attachment"]
    assert [(decoded(message, leaf), leaf.filename) for leaf in found] == files


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_no_octets_hang_or_break_the_walk(head: bytes, tail: bytes) -> None:
    message = b"Content-Type: multipart/mixed; boundary=x\r\n" + head + b"\r\n\r\n--x\r\n" + tail
    for leaf in leaves(message):
        decoded(message, leaf)
