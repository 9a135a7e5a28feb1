from __future__ import annotations

import pytest

from postroad.protocol.imap.envelope import ImapAddress, ImapEnvelope
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.response import parse_response


def fetched(items: bytes) -> Fetched:
    response = parse_response(b"* 12 FETCH (" + items + b")")
    assert isinstance(response, Fetched)
    return response


def test_flags_size_and_date() -> None:
    got = fetched(
        b'UID 7 FLAGS (\\Seen) RFC822.SIZE 44827 INTERNALDATE "17-Jul-1996 02:44:25 -0700"'
    )
    assert got == Fetched(12, 7, ("\\Seen",), 44827, 837596665000)


def test_the_envelope_of_the_rfc() -> None:
    gray = (ImapAddress(b"Terry Gray", b"gray", b"cac.washington.edu"),)
    got = fetched(
        b'ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US") '
        b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
        b'"<B27397-0100000@cac.washington.edu>")'
    )
    assert got.envelope == ImapEnvelope(
        date=b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
        subject=b"IMAP4rev2 WG mtg summary",
        from_=gray,
        sender=gray,
        reply_to=gray,
        to=(ImapAddress(None, b"imap", b"cac.washington.edu"),),
        cc=(
            ImapAddress(None, b"minutes", b"CNRI.Reston.VA.US"),
            ImapAddress(b"John Klensin", b"KLENSIN", b"MIT.EDU"),
        ),
        bcc=(),
        in_reply_to=None,
        message_id=b"<B27397-0100000@cac.washington.edu>",
    )


def test_a_short_envelope_and_empty_lists_count_as_nil() -> None:
    got = fetched(b'ENVELOPE (NIL {2}\r\nhi () "" NIL)')
    assert got.envelope is not None
    assert got.envelope.subject == b"hi"
    assert got.envelope.from_ == got.envelope.sender == ()


def test_group_markers_are_kept() -> None:
    got = fetched(b'ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "team" NIL)(NIL NIL NIL NIL)))')
    assert got.envelope is not None
    assert got.envelope.to == (ImapAddress(None, b"team", None), ImapAddress(None, None, None))


@pytest.mark.parametrize(
    ("items", "section", "content"),
    [
        (b"BODY[] {3}\r\na\r\n", "", b"a\r\n"),
        (b"BODY[HEADER] NIL", "HEADER", None),
        (b'BODY[2.1] "x\\"y"', "2.1", b'x"y'),
        (b"body[1.mime] {0}\r\n", "1.MIME", b""),
        (b"BODY[2]<10> {1}\r\nz", "2<10>", b"z"),
        (b"BINARY[2] ~{2}\r\n\x00\x01", "2", b"\x00\x01"),
        (b"BODY[HEADER.FIELDS (Subject To)] {1}\r\nz", "HEADER.FIELDS (SUBJECT TO)", b"z"),
        (b'BODY[HEADER.FIELDS ("X-A" B)] {1}\r\nz', "HEADER.FIELDS (X-A B)", b"z"),
        (b"BODY[HEADER.FIELDS ({3}\r\nX-A)]<5> {1}\r\nz", "HEADER.FIELDS (X-A)<5>", b"z"),
        (b"RFC822 {1}\r\nz", "", b"z"),
        (b"RFC822.HEADER {1}\r\nz", "HEADER", b"z"),
    ],
)
def test_sections_are_found_under_their_names(
    items: bytes, section: str, content: bytes | None
) -> None:
    assert fetched(items + b" UID 9").sections == {section: content}


def test_ids_of_objectid_and_of_gmail() -> None:
    assert fetched(b"EMAILID (M6d99) THREADID NIL MODSEQ (65402)") == Fetched(
        12, modseq=65402, email_id="M6d99"
    )
    assert fetched(b'X-GM-MSGID 12 X-GM-THRID 13 X-GM-LABELS (\\Sent "a b" NIL)').unread == (
        "X-GM-LABELS",
    )
    got = fetched(b'X-GM-MSGID 12 X-GM-THRID 13 X-GM-LABELS (\\Sent "a b")')
    assert (got.email_id, got.thread_id, got.labels) == ("12", "13", ("\\Sent", "a b"))


def test_an_item_that_cannot_be_read_costs_only_itself() -> None:
    got = fetched(b'UID 5 INTERNALDATE "31-Feb-2020 00:00:00 +0000" BODYSTRUCTURE x FLAGS ()')
    assert got == Fetched(12, 5, (), unread=("INTERNALDATE", "BODYSTRUCTURE"))


def test_unknown_items_are_passed_over() -> None:
    assert fetched(b'X-NEW (a (b "c")) UID 5') == Fetched(12, 5)


def test_an_item_that_is_nested_too_deep_costs_nothing_but_itself() -> None:
    deep = b"(" * 120 + b'"text" "a)\\"b" {3}\r\n)(\\' + b")" * 120
    row = fetched(b'UID 7 BODYSTRUCTURE %b BODY[HEADER] "a: b" FLAGS (\\Seen)' % deep)
    assert (row.uid, row.flags, row.sections) == (7, ("\\Seen",), {"HEADER": b"a: b"})
    assert row.structure is None
    assert row.unread == ("BODYSTRUCTURE",)
