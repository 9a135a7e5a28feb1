from __future__ import annotations

from postroad.protocol.mime.headers import message_ids, parse_headers, split_fields

_BLOCK = (
    b"Received: from x\r\n\tby y\r\n"
    b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?Q?_aus_K=C3=B6ln?=\r\n"
    b"To : a@x.test\r\nTO: B <b@x.test>,\r\n c@x.test\r\n"
    b"X-Raw: \xc3\xa4\r\nX-Latin: \xe4\r\n\r\nbody: no\r\n"
)


def test_fields_are_unfolded_decoded_and_found_without_case() -> None:
    headers = parse_headers(_BLOCK)
    assert headers.get("SUBJECT") == "Grüße aus Köln"
    assert headers.raw("subject") == "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?utf-8?Q?_aus_K=C3=B6ln?="
    assert headers.get("received") == "from x\tby y"
    assert headers.get_all("to") == ["a@x.test", "B <b@x.test>, c@x.test"]
    assert [a.address for a in headers.addresses("to")] == ["a@x.test", "b@x.test", "c@x.test"]
    assert headers.get("x-raw") == headers.get("x-latin") == "ä"
    assert headers.get("body") is None
    assert "Subject" in headers
    assert "cc" not in headers


def test_any_line_end_will_do() -> None:
    for line_end in (b"\n", b"\r", b"\r\r\n"):
        headers = parse_headers(_BLOCK.replace(b"\r\n", line_end))
        assert [f.octets for f in headers] == [f.octets for f in parse_headers(_BLOCK)]


def test_a_line_that_is_no_field_ends_the_block() -> None:
    octets = b"A: b\r\nthis is text\r\nC: d\r\n"
    fields, body_at = split_fields(octets)
    assert [field.key for field in fields] == ["a"]
    assert octets[body_at:] == b"this is text\r\nC: d\r\n"


def test_a_blank_continuation_is_part_of_its_field() -> None:
    assert parse_headers(b"A: b\r\n \r\n\tc\r\nD: e\r\n").get_all("d") == ["e"]


def test_body_begins_behind_the_empty_line() -> None:
    _, body_at = split_fields(_BLOCK)
    assert _BLOCK[body_at:] == b"body: no\r\n"
    assert split_fields(b"") == ([], 0)
    assert split_fields(b"\r\nbody")[1] == 2


def test_message_ids_come_bracketed_and_unwritable_ones_are_left_out() -> None:
    assert message_ids("<a@b>\t<c@d> (comment) <e f@g> <ä@h> <>") == ["<a@b>", "<c@d>"]
    assert message_ids("bare@host") == ["<bare@host>"]
    assert message_ids("Message of Monday from Ann") == []
    assert message_ids(f"<{'x' * 991}>") == []
