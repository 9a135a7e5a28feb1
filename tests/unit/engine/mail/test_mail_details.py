"""What lists and details show of a message. Contract B-048 to B-061."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postroad.domain.address import Address
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import MessageSummary, UnreadMessage
from postroad.engine.mail.details import details_of, entry_of, message_use, summary_of
from postroad.protocol.imap.envelope import ImapAddress, ImapEnvelope
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.part import BodyPart
from support.reading import MESSAGE, row_of

ANN = ImapAddress(b"=?utf-8?q?=C3=84nn?=", b"ann", b"example.com")
ENVELOPE = ImapEnvelope(
    date=b"Mon, 5 Jan 2026 10:00:00 +0100",
    subject=b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    from_=(ANN,),
    sender=(ANN,),
    reply_to=(ANN,),
    to=(ImapAddress(None, b"bob", b"example.net"),),
    cc=(),
    bcc=(),
    in_reply_to=b"<first@example.com> <second@example.com>",
    message_id=b"bare@example.com",
)
ROW = Fetched(
    3,
    uid=7,
    flags=("\\Seen", "\\Recent"),
    size=99,
    internal_date=1,
    envelope=ENVELOPE,
    structure=BodyPart("1", "text", "plain", size=5),
)


def summary(row: Fetched, special_use: SpecialUse | None = None) -> MessageSummary:
    return summary_of(row, message=MESSAGE, path="INBOX", special_use=special_use)


def test_an_envelope_is_decoded() -> None:
    found = summary(ROW)

    assert found.subject == "Grüße"
    assert found.from_ == Address("ann@example.com", "Änn")
    assert found.to == (Address("bob@example.net"),)
    assert (found.message_id, found.in_reply_to) == ("<bare@example.com>", "<first@example.com>")
    assert found.date == 1_767_603_600_000
    assert found.flags == ("\\Seen",)
    assert found.text is not None
    assert (found.text.plain_size, found.text.html_size) == (5, None)


def test_a_date_that_is_none_gives_way_to_the_arrival() -> None:
    for date in (b"yesterday", b"", None, b"Mon, 1 Jan 99999 00:00:00 +0000"):
        assert summary(replace(ROW, envelope=replace(ENVELOPE, date=date))).date == 1


@pytest.mark.parametrize("host", [b"MISSING_DOMAIN", b"SYNTAX_ERROR"])
def test_addresses_that_the_server_lost_are_recovered_from_the_headers(host: bytes) -> None:
    broken = replace(ENVELOPE, from_=(ImapAddress(b"x", b"x", host),), to=(), cc=())
    headers = {
        "HEADER.FIELDS (FROM TO)": b"From: Ann <ann@example.com>\r\nTo: b@example.net\r\n\r\n"
    }
    found = summary(replace(ROW, envelope=broken, sections=headers))

    assert found.from_ == Address("ann@example.com", "Ann")
    assert found.to == (Address("b@example.net"),)
    assert summary(replace(ROW, envelope=broken)).from_ is None


def test_markers_of_groups_are_no_addresses() -> None:
    group = (
        ImapAddress(None, b"Team", None),
        ImapAddress(None, b"bob", b"example.net"),
        ImapAddress(None, None, None),
    )

    assert summary(replace(ROW, envelope=replace(ENVELOPE, to=group))).to == (
        Address("bob@example.net"),
    )


def test_headers_alone_say_the_same_as_an_envelope() -> None:
    found = summary(
        row_of(
            b"From: =?utf-8?q?=C3=84nn?= <ann@example.com>\r\nTo: bob@example.net\r\n"
            b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 5 Jan 2026 10:00:00 +0100\r\n"
            b"Message-ID: <bare@example.com>\r\n"
            b"In-Reply-To: <first@example.com> <second@example.com>\r\n\r\nhello",
            flags=("\\Seen",),
        )
    )

    assert found == replace(summary(ROW), size=found.size)


def test_a_message_that_cannot_be_described_is_listed_all_the_same() -> None:
    row = Fetched(3, uid=7, flags=(), unread=("ENVELOPE", "BODYSTRUCTURE"))

    found = entry_of(row, message=MESSAGE, path="INBOX")
    assert isinstance(found, UnreadMessage)
    assert found.uid == 7
    assert "ENVELOPE" in found.error
    half = entry_of(replace(ROW, structure=None), message=MESSAGE, path="INBOX")
    assert isinstance(half, MessageSummary)


def test_details_have_every_header_as_written() -> None:
    details = details_of(
        row_of(b"Received: a\r\n\tb\r\nSubject: =?utf-8?q?x?=\r\nreceived: c\r\n\r\n"),
        message=MESSAGE,
        path="INBOX",
        special_use=SpecialUse.INBOX,
    )

    assert details.headers == {"received": ("a\tb", "c"), "subject": ("=?utf-8?q?x?=",)}
    assert details.summary.message_special_use is SpecialUse.INBOX


def test_labels_tell_the_use_of_a_message() -> None:
    assert message_use(SpecialUse.ALL, ["\\Inbox", "\\Sent"]) is SpecialUse.SENT
    assert message_use(SpecialUse.ALL, ["\\Draft", "work"]) is SpecialUse.DRAFTS
    assert message_use(SpecialUse.ARCHIVE, None) is None
    assert summary(replace(ROW, labels=("&APw-ber", "\\Inbox"))).labels == ("über", "\\Inbox")
