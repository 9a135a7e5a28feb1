"""From a request and what it refers to, to octets and an envelope."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage

import pytest

from postroad.domain.account import Account
from postroad.domain.address import Address
from postroad.domain.envelope import Envelope
from postroad.domain.errors import Invalid
from postroad.domain.message import PartContent, PartInfo, ReferencedMessage
from postroad.domain.submission import Flagging, ReferenceAction
from postroad.engine.submit.compose import Prepared, is_large, prepare
from postroad.engine.submit.refer import Referral
from postroad.engine.submit.request import (
    AttachmentRequest,
    ReferenceRequest,
    ReferenceResult,
    SubmitRequest,
)

NOW = 1_629_126_286_161
ACCOUNT = Account(account="a", name="Ann Owner", email="ann@example.com", created_at=0)
TO = (Address("bob@example.net", "Bob"),)
ORIGINAL = (
    b"From: Bob <bob@example.net>\r\nTo: ann@example.com, Carol <carol@example.org>\r\n"
    b"Cc: dave@example.org\r\nSubject: Lunch\r\nMessage-ID: <lunch@example.net>\r\n"
    b"References: <first@example.net>\r\n"
)


def referral(flags: tuple[str, ...] = ()) -> Referral:
    message = ReferencedMessage("AAAAAQAAAAE", ORIGINAL, flags)
    return Referral(message=message, result=ReferenceResult("AAAAAQAAAAE", True))


def reply(action: ReferenceAction = ReferenceAction.REPLY) -> ReferenceRequest:
    return ReferenceRequest("AAAAAQAAAAE", action=action)


def parsed(prepared: Prepared) -> EmailMessage:
    mail = email.message_from_bytes(b"".join(prepared.pieces), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def test_a_missing_from_is_the_account() -> None:
    prepared = prepare(SubmitRequest(to=TO, text="hi"), ACCOUNT, Referral(), now=NOW)
    assert parsed(prepared)["From"] == "Ann Owner <ann@example.com>"
    assert prepared.envelope == Envelope("ann@example.com", ("bob@example.net",))


def test_an_account_without_address_needs_a_from() -> None:
    with pytest.raises(Invalid) as caught:
        prepare(SubmitRequest(to=TO), replace(ACCOUNT, email=None), Referral(), now=NOW)
    assert [problem.key for problem in caught.value.fields] == ["from"]


def test_each_recipient_is_in_the_envelope_once() -> None:
    request = SubmitRequest(to=TO, cc=(Address("BOB@example.net"),), bcc=(Address("eve@x.org"),))
    prepared = prepare(request, ACCOUNT, Referral(), now=NOW)
    assert prepared.envelope.rcpt_to == ("bob@example.net", "eve@x.org")


def test_the_bcc_field_is_where_the_span_says() -> None:
    request = SubmitRequest(to=TO, bcc=(Address("eve@x.org"),), text="hi")
    prepared = prepare(request, ACCOUNT, Referral(), now=NOW)
    octets = b"".join(prepared.pieces)
    assert octets[prepared.bcc_start : prepared.bcc_end] == b"Bcc: eve@x.org\r\n"


def test_a_given_envelope_wins() -> None:
    envelope = Envelope("", ("only@example.org",))
    prepared = prepare(SubmitRequest(to=TO, envelope=envelope), ACCOUNT, Referral(), now=NOW)
    assert prepared.envelope == envelope


def test_the_message_id_is_under_the_domain_of_the_sender() -> None:
    request = SubmitRequest(from_=Address("x@sender.example"), to=TO)
    assert prepare(request, ACCOUNT, Referral(), now=NOW).message_id.endswith("@sender.example>")


def test_a_given_message_id_gets_one_pair_of_brackets() -> None:
    request = SubmitRequest(to=TO, message_id="<<mine@example.com>>")
    assert prepare(request, ACCOUNT, Referral(), now=NOW).message_id == "<mine@example.com>"


def test_text_is_made_from_html_and_data_images_become_parts() -> None:
    pixel = "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
    html = f'<p>Hello</p><img src="data:image/gif;base64,{pixel}">'
    mail = parsed(prepare(SubmitRequest(to=TO, html=html), ACCOUNT, Referral(), now=NOW))
    plain = mail.get_body(("plain",))
    rich = mail.get_body(("html",))
    assert plain is not None
    assert plain.get_content().strip().startswith("Hello")
    assert rich is not None
    assert "cid:" in rich.get_content()
    assert [p.get_filename() for p in mail.walk() if p.get_filename()] == ["image-1.gif"]


def test_a_future_send_time_is_the_date() -> None:
    later = NOW + 3_600_000
    prepared = prepare(SubmitRequest(to=TO, send_at=later), ACCOUNT, Referral(), now=NOW)
    assert parsed(prepared)["Date"] == "Mon, 16 Aug 2021 16:04:46 +0000"
    past = prepare(SubmitRequest(to=TO, send_at=5), ACCOUNT, Referral(), now=NOW)
    assert parsed(past)["Date"] == "Mon, 16 Aug 2021 15:04:46 +0000"


def test_a_reply_takes_subject_thread_and_recipient_from_the_original() -> None:
    prepared = prepare(SubmitRequest(reference=reply(), text="yes"), ACCOUNT, referral(), now=NOW)
    mail = parsed(prepared)
    assert mail["Subject"] == "Re: Lunch"
    assert mail["In-Reply-To"] == "<lunch@example.net>"
    assert mail["References"].split() == ["<lunch@example.net>", "<first@example.net>"]
    assert prepared.envelope.rcpt_to == ("bob@example.net",)
    assert prepared.flagging == Flagging("AAAAAQAAAAE", ("\\Answered",))


def test_a_reply_to_all_leaves_the_sender_out() -> None:
    request = SubmitRequest(reference=reply(ReferenceAction.REPLY_ALL), text="yes")
    prepared = prepare(request, ACCOUNT, referral(), now=NOW)
    assert prepared.envelope.rcpt_to == (
        "bob@example.net", "carol@example.org", "dave@example.org",
    )  # fmt: skip


def test_a_forward_flags_both_and_carries_the_attachments() -> None:
    part = PartContent(PartInfo("2", "image/png", "dot.png", "attachment", None, 4), b"\x89PNG")
    found = replace(referral(), forwarded=(part,))
    request = SubmitRequest(to=TO, reference=reply(ReferenceAction.FORWARD), text="see")
    prepared = prepare(request, ACCOUNT, found, now=NOW)
    mail = parsed(prepared)
    assert mail["Subject"] == "Fwd: Lunch"
    assert mail["In-Reply-To"] is None
    assert [a.get_content() for a in mail.iter_attachments()] == [b"\x89PNG"]
    assert prepared.flagging == Flagging("AAAAAQAAAAE", ("\\Answered", "$Forwarded"))


def test_an_answered_original_is_not_flagged_again() -> None:
    request = SubmitRequest(reference=reply(), text="yes")
    assert prepare(request, ACCOUNT, referral(("\\Answered",)), now=NOW).flagging is None


def test_an_attachment_by_reference_keeps_what_the_caller_does_not_say() -> None:
    part = PartContent(PartInfo("2", "application/pdf", "bill.pdf", "attachment"), b"%PDF")
    request = SubmitRequest(
        to=TO, attachments=(AttachmentRequest(filename="renamed.pdf", reference="x"),)
    )
    mail = parsed(prepare(request, ACCOUNT, Referral(attached=(part,)), now=NOW))
    attachment = next(iter(mail.iter_attachments()))
    assert attachment.get_filename() == "renamed.pdf"
    assert attachment.get_content_type() == "application/pdf"


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("dot.png", "image/png"),
        ("REPORT.PDF", "application/pdf"),
        ("archive.tar.gz", "application/octet-stream"),
        (None, "application/octet-stream"),
    ],
)
def test_a_file_name_suggests_the_media_type(filename: str | None, expected: str) -> None:
    attachment = AttachmentRequest(filename=filename, data=b"x")
    request = SubmitRequest(to=TO, attachments=(attachment,))
    mail = parsed(prepare(request, ACCOUNT, Referral(), now=NOW))
    assert next(iter(mail.iter_attachments())).get_content_type() == expected


def test_a_raw_message_keeps_its_octets_and_gives_the_envelope() -> None:
    raw = b"From: ann@example.com\r\nTo: b@example.net\r\nsubject:  as  is\r\n\r\nbody\r\n"
    prepared = prepare(SubmitRequest(raw=raw), ACCOUNT, Referral(), now=NOW)
    octets = b"".join(prepared.pieces)
    assert b"subject:  as  is\r\n" in octets
    assert prepared.envelope == Envelope("ann@example.com", ("b@example.net",))


def test_control_fields_of_a_raw_message_are_obeyed_and_removed() -> None:
    raw = (
        b"To: b@example.net\r\nX-EE-Send-At: 2031-01-01T00:00:00.000Z\r\n"
        b"X-EE-Delivery-Attempts: 3\r\n\r\nbody\r\n"
    )
    prepared = prepare(SubmitRequest(raw=raw), ACCOUNT, Referral(), now=NOW)
    assert b"X-EE" not in b"".join(prepared.pieces)
    assert prepared.send_at == 1_924_992_000_000
    assert prepared.delivery_attempts == 3


def test_a_gateway_asked_for_in_a_raw_message_is_refused() -> None:
    raw = b"To: b@example.net\r\nX-EE-Gateway: fast\r\n\r\nbody\r\n"
    with pytest.raises(Invalid) as caught:
        prepare(SubmitRequest(raw=raw), ACCOUNT, Referral(), now=NOW)
    assert [problem.key for problem in caught.value.fields] == ["X-EE-Gateway"]


def test_tags_come_with_the_request_or_in_the_message_itself_which_counts_more() -> None:
    raw = b"To: b@example.net\r\nX-EE-Tags: one, two\r\n\r\nbody\r\n"
    parts = prepare(SubmitRequest(to=TO, text="x", tags=("a",)), ACCOUNT, Referral(), now=NOW)
    both = prepare(SubmitRequest(raw=raw, tags=("a",)), ACCOUNT, Referral(), now=NOW)
    bare = SubmitRequest(raw=b"To: b@example.net\r\n\r\nbody\r\n", tags=("a",))
    assert parts.tags == prepare(bare, ACCOUNT, Referral(), now=NOW).tags == ("a",)
    assert both.tags == ("one", "two")
    assert b"X-EE" not in b"".join(both.pieces)


@pytest.mark.parametrize("value", ["x" * 65, ", ".join("abcdefghijk"), "ok, =?utf-8?Q?a=1B[2J?="])
def test_bad_tags_in_a_raw_message_are_refused_by_name(value: str) -> None:
    raw = f"To: b@example.net\r\nX-EE-Tags: {value}\r\n\r\nbody\r\n".encode()
    with pytest.raises(Invalid) as caught:
        prepare(SubmitRequest(raw=raw), ACCOUNT, Referral(), now=NOW)
    assert [problem.key for problem in caught.value.fields] == ["X-EE-Tags"]


def test_a_local_part_beyond_ascii_needs_smtputf8_and_a_domain_does_not() -> None:
    local = prepare(SubmitRequest(to=(Address("jüri@example.com"),)), ACCOUNT, Referral(), now=NOW)
    domain = prepare(SubmitRequest(to=(Address("j@exämple.com"),)), ACCOUNT, Referral(), now=NOW)
    assert local.smtputf8
    assert not domain.smtputf8


def test_what_is_big_is_composed_off_the_event_loop() -> None:
    big = AttachmentRequest(data=b"x" * 300_000)
    assert is_large(SubmitRequest(attachments=(big,)), Referral())
    assert is_large(SubmitRequest(headers=(("X-Long", "x" * 300_000),)), Referral())
    assert is_large(SubmitRequest(bcc=(Address("a@example.com"),) * 10_000), Referral())
    assert not is_large(SubmitRequest(text="small"), Referral())
