from __future__ import annotations

import pytest

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.structure import BodyPart, body


def tree(text: bytes) -> BodyPart:
    return body(Cursor(text).value())


def test_a_lone_text_part_of_the_rfc_is_part_one() -> None:
    part = tree(b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92)')
    assert part == BodyPart(
        "1", "text", "plain", parameters={"charset": b"US-ASCII"}, encoding="7bit", size=3028
    )


def test_the_multipart_of_the_rfc() -> None:
    root = tree(
        b'(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)'
        b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") '
        b'"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 4554 73) "MIXED")'
    )
    assert (root.part, root.content_type, root.is_multipart) == ("", "multipart/mixed", True)
    diff = root.find("2")
    assert diff is not None
    assert diff.parameters["name"] == b"cc.diff"
    assert diff.content_id == b"<960723163407.20117h@cac.washington.edu>"
    assert (diff.encoding, diff.size) == ("base64", 4554)


def test_dispositions_stand_behind_the_fields_of_each_type() -> None:
    root = tree(
        b'((("text" "plain" NIL NIL NIL "7bit" 1 1 NIL ("inline" NIL) NIL NIL)'
        b'("text" "html" NIL NIL NIL "7bit" 1 1 NIL NIL) "alternative" ("boundary" "x") NIL)'
        b'("image" "png" ("name" "a.png") "<i@x>" NIL "base64" 99 NIL '
        b'("attachment" ("filename" "b.png")) NIL NIL) '
        b'"mixed" ("boundary" "y") ("inline" ("x" "y")) NIL NIL)'
    )
    assert [node.part for node in root.walk()] == ["", "1", "1.1", "1.2", "2"]
    image = root.children[1]
    assert (image.disposition, image.disposition_parameters) == (
        "attachment",
        {"filename": b"b.png"},
    )
    assert root.children[0].children[0].disposition == "inline"
    assert (root.disposition, root.parameters) == ("inline", {})


def test_parts_of_an_enclosed_message_are_numbered_below_it() -> None:
    # The message of RFC 9051 §6.4.5.1, parts 4 and below.
    text = b'("text" "plain" NIL NIL NIL "7bit" 1 1)'
    rfc822 = (
        b'("message" "rfc822" NIL NIL NIL "7bit" 500 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) '
    )
    root = tree(
        b"("
        + text
        + rfc822
        + b"("
        + text
        + text
        + b' "mixed") 20 NIL ("attachment" NIL))'
        + rfc822
        + text
        + b' 9) "mixed")'
    )
    assert [node.part for node in root.walk()] == ["", "1", "2", "2", "2.1", "2.2", "3", "3.1"]
    enclosed = root.find("2")
    assert enclosed is not None
    assert enclosed.is_message
    assert (enclosed.size, enclosed.disposition) == (500, "attachment")


@pytest.mark.parametrize(
    ("text", "content_type", "size"),
    [
        (b"()", "text/plain", 0),
        (b'("image" "png")', "image/png", 0),
        (b'("image" "png" NIL NIL NIL NIL NIL)', "image/png", 0),
        (b'("image" "png" "odd" NIL NIL "8BIT" "12")', "image/png", 12),
        (b'("message" "rfc822" NIL NIL NIL "7bit" 9 NIL ("inline" NIL))', "message/rfc822", 9),
    ],
)
def test_what_servers_leave_out_counts_as_nil(text: bytes, content_type: str, size: int) -> None:
    part = tree(text)
    assert (part.content_type, part.size) == (content_type, size)


@pytest.mark.parametrize("text", [b"NIL", b"x", b'"x"'])
def test_what_is_no_structure_is_refused(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        tree(text)


def test_a_million_parts_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="more than"):
        tree(b"(" + b'("a" "b")' * 20_000 + b' "mixed")')


def test_a_report_with_a_disposition_is_not_taken_for_a_message() -> None:
    part = tree(
        b'("message" "delivery-status" NIL NIL "Report" "7bit" 377 NIL ("inline" NIL) NIL NIL)'
    )
    assert part.children == ()
    assert (part.disposition, part.size) == ("inline", 377)
