from __future__ import annotations

import pytest

from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.fetch import Fetched, msg_att
from postroad.protocol.imap.known_structures import read_structure
from postroad.protocol.imap.listed_rows import listed_row
from postroad.protocol.imap.response import parse_response
from postroad.protocol.imap.structure import body

ENVELOPE = (
    b'ENVELOPE ("Mon, 5 Jan 2026 10:00:00 +0100" "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=" '
    b'(("Ann \\"A\\" B" NIL "ann" "example.com")) (("Ann" NIL "ann" "example.com")) '
    b'(("Ann" NIL "ann" "example.com")) (("Bob" NIL "bob" "example.net")'
    b'(NIL NIL "carl" "example.net")) NIL NIL NIL "<1@example.com>")'
)
STRUCTURE = (
    b'((("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" %d 30 NIL NIL NIL NIL)'
    b'("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" %d 90 NIL NIL NIL NIL) '
    b'"alternative" ("boundary" "%b") NIL NIL NIL)("application" "pdf" ("name" "invoice.pdf") NIL '
    b'NIL "base64" %d NIL ("attachment" ("filename" "invoice.pdf")) NIL NIL) "mixed" '
    b'("BOUNDARY" "%b") NIL NIL NIL)'
)


def long_way(frame: bytes) -> Fetched:
    """A second space behind FETCH is nothing that the short way knows."""
    head, _, rest = frame.partition(b" FETCH ")
    return msg_att(Cursor(rest), int(head.removeprefix(b"* ")))


def row_of(*items: bytes) -> bytes:
    return b"* 3 FETCH (" + b" ".join(items) + b")"


@pytest.mark.parametrize(
    "frame",
    [
        row_of(b"UID 7", b"FLAGS (\\Seen)", b"RFC822.SIZE 9", ENVELOPE),
        row_of(ENVELOPE, b"UID 7"),
        row_of(b"UID 7", ENVELOPE, b"BODYSTRUCTURE " + STRUCTURE % (1, 2, b"x", 3, b"y")),
        row_of(b"BODYSTRUCTURE " + STRUCTURE % (1, 2, b"x", 3, b"y"), b"FLAGS ()", b"UID 7"),
        row_of(b"UID 7", b'BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 0 0)'),
        row_of(b"UID 7", b"EMAILID (M1)", b"X-GM-LABELS (a)", ENVELOPE),
    ],
)
def test_a_row_of_a_list_is_read_in_one_stroke(frame: bytes) -> None:
    row = listed_row(frame)

    assert row is not None
    assert row == long_way(frame)
    assert parse_response(frame) == row


@pytest.mark.parametrize(
    "frame",
    [
        row_of(b"UID 0", ENVELOPE),
        row_of(b"UID 7", ENVELOPE.replace(b'"<1@example.com>"', b"{1}\r\nx")),
        row_of(b"UID 7", ENVELOPE.replace(b' "<1@example.com>"', b"")),
        row_of(b"UID 7", b"ENVELOPE NIL"),
        row_of(b"UID 7", ENVELOPE, b"BODY[1] NIL"),
        row_of(b"UID 7", b"BODYSTRUCTURE ()"),
        row_of(b"UID 7", b"BODYSTRUCTURE (NIL"),
        row_of(b"UID 7", b"BODYSTRUCTURE " + b"(" * 30 + b'"a"' + b")" * 30),
        b"* 1 EXISTS",
        b"",
    ],
)
def test_all_else_is_left_to_the_long_way(frame: bytes) -> None:
    assert listed_row(frame) is None


@pytest.mark.parametrize(
    "frame",
    [
        b"* 1 FETCH (UID 7 BODYSTRUCTURE " + b"(" * 100_000,
        b"* 1 FETCH (UID 7 BODYSTRUCTURE (" + b'"a" ' * 100_000,
        b"* 1 FETCH (UID 7 BODYSTRUCTURE (" + b"((((1) 2) 3) 4) " * 50_000 + b"{",
        b'* 1 FETCH (ENVELOPE ("a" "b" (' + b'("a" NIL "b" "c")' * 50_000 + b"(",
    ],
)
def test_a_row_that_does_not_fit_fails_at_once(frame: bytes) -> None:
    assert listed_row(frame) is None


def test_a_known_structure_comes_with_the_sizes_and_without_the_boundaries_of_its_own() -> None:
    read_structure(STRUCTURE % (1, 2, b"x", 3, b"y"))

    root = read_structure(STRUCTURE % (111, 0, b"other", 333, b"one"))

    assert [node.size for node in root.walk()] == [0, 0, 111, 0, 333]
    assert root == body(Cursor(STRUCTURE % (111, 0, b"", 333, b"")).value())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # A number inside a string is part of it.
        (
            b'("text" "plain" ("name" " 12 b") NIL NIL "7bit" 5 1)',
            b'("text" "plain" ("name" " 13 b") NIL NIL "7bit" 5 1)',
        ),
        # What follows the word is a boundary only if the word is a name.
        (
            b'("text" "plain" ("x" "boundary" "charset" "utf-8") NIL NIL "7bit" 5 1)',
            b'("text" "plain" ("x" "boundary" "format" "utf-8") NIL NIL "7bit" 5 1)',
        ),
        # A number that is no size.
        (
            b'("text" "plain" ("x" 12 "y" "z") NIL NIL "7bit" 5 1)',
            b'("text" "plain" ("x" 13 "y" "z") NIL NIL "7bit" 5 1)',
        ),
        # Lines shift what comes behind them.
        (
            b'("text" "plain" NIL NIL NIL "7bit" 5 1 NIL ("inline" NIL))',
            b'("text" "plain" NIL NIL NIL "7bit" 5 NIL ("inline" NIL))',
        ),
        (
            b'("text" "plain" ("name" "a\\" 12 b") NIL NIL "7bit" 5 1)',
            b'("text" "plain" ("name" "a\\" 13 b") NIL NIL "7bit" 5 1)',
        ),
        (
            b'("text" "plain" ("name" "=_of some message_=") NIL NIL "7bit" 5 1)',
            b'("text" "plain" ("name" "=_of some message_=") NIL NIL "7bit" 6 1)',
        ),
        (
            b'("text" "plain" NIL NIL NIL NIL 100000000000000000 1)',
            b'("text" "plain" NIL NIL NIL NIL 100000000000000001 1)',
        ),
    ],
)
def test_structures_that_look_alike_are_told_apart(first: bytes, second: bytes) -> None:
    for octets in (first, second, first):
        assert read_structure(octets) == body(Cursor(octets).value())
