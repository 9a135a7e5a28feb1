"""Whole messages cut into the tree that a mail server would tell."""

from __future__ import annotations

import pytest

from postroad.protocol.mime.parser import parse_message


def kinds(octets: bytes) -> list[tuple[str, str]]:
    return [(part.part, part.content_type) for part in parse_message(octets).root.walk()]


# RFC 2046 §5.1.1, the example, with one more part.
SIMPLE = (
    b"From: Nathaniel Borenstein <nsb@bellcore.com>\n"
    b'Content-type: multipart/mixed; boundary="simple boundary"\n\n'
    b"This is the preamble.  It is to be ignored.\n\n"
    b"--simple boundary\n\n"
    b"This is implicitly typed plain US-ASCII text.\nIt does NOT end with a linebreak.\n"
    b"--simple boundary\nContent-type: text/plain; charset=us-ascii\n\n"
    b"This is explicitly typed plain US-ASCII text.\nIt DOES end with a linebreak.\n\n"
    b"--simple boundary--\n\nThis is the epilogue.  It is also to be ignored.\n"
)


def test_the_example_of_the_rfc() -> None:
    parsed = parse_message(SIMPLE)

    assert kinds(SIMPLE) == [("", "multipart/mixed"), ("1", "text/plain"), ("2", "text/plain")]
    first, second = parsed.body("1"), parsed.body("2")
    assert first is not None
    assert first.endswith(b"It does NOT end with a linebreak.")
    assert second is not None
    assert second.endswith(b"It DOES end with a linebreak.\n")
    assert parsed.headers.get("From") == "Nathaniel Borenstein <nsb@bellcore.com>"


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (b"", b""),
        (b"Subject: x\r\n\r\nbody", b"body"),
        (b"Subject: x", b""),
        (b"\r\nbody", b"body"),
        (b"no header at all\r\n\r\nbody", b"no header at all\r\n\r\nbody"),
        (b"From someone Mon Jan  5\nSubject: x\n\nbody", b"body"),
        (b"Subject: x\r\r\n\r\r\nbody", b"body"),
        (b"Subject: x\rTo: y\r\rbody", b"body"),  # line ends of an old Macintosh
        (b'Content-Type: multipart/mixed; boundary=""\n\nbody', b"body"),
        (b"Content-Type: multipart/mixed; boundary=x\n\nnever begins", b"never begins"),
    ],
)
def test_a_message_without_parts_is_part_one(octets: bytes, body: bytes) -> None:
    assert kinds(octets) == [("1", "text/plain")]
    assert parse_message(octets).body("1") == body


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (b"Content-Type: TEXT/HTML", "text/html"),
        (b"Content-Type: text", "text/plain"),
        (b"Content-Type: pdf", "text/plain"),
        (b"Content-Type: ;charset=utf-8", "text/plain"),
        (b"Content-Type: application / pdf", "application/pdf"),
        (b"content-type : image/png", "image/png"),
        (b"Content-Type:\n image/gif", "image/gif"),
        (b"X-Content-Type: image/gif", "text/plain"),
    ],
)
def test_types_are_read_however_they_are_written(field: bytes, kind: str) -> None:
    assert kinds(field + b"\n\nx") == [("1", kind)]


def test_an_encoded_message_inside_is_not_looked_into() -> None:
    octets = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA=="

    assert kinds(octets) == [("1", "message/rfc822")]


def test_the_boundary_of_an_outer_part_ends_the_inner_ones() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=o\n\n--o\n"
        b"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=i\n\n"
        b"--i\n\ncut short\n--o\n\nlast\n--o--\n"
    )

    assert kinds(octets) == [
        ("", "multipart/mixed"),
        ("1", "message/rfc822"),
        ("1", "multipart/mixed"),
        ("1.1", "text/plain"),
        ("2", "text/plain"),
    ]
    assert parse_message(octets).body("1.1") == b"cut short"
    assert parse_message(octets).body("2") == b"last"


def test_a_boundary_that_begins_another_is_not_taken_for_it() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n"
        b"Content-Type: multipart/mixed; boundary=ab\n\n--ab\n\none\n--ab--\n--a--\n"
    )

    assert parse_message(octets).body("1.1") == b"one"


def test_junk_between_header_fields_is_passed_over() -> None:
    octets = b"Subject: x\njunk without a colon\nContent-Type: text/html\n\n<p>"

    assert kinds(octets) == [("1", "text/html")]
    assert parse_message(octets).headers.get("Content-Type") == "text/html"
