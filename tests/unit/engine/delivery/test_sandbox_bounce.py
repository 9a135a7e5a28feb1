"""The report that the sandbox's bounce@ sends back, as two independent parsers see it."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import mailparser
import pytest

from postroad.engine.delivery.sandbox_bounce import Bounced, report
from postroad.protocol.mime.structure import leaves

HEADERS = b"Subject: Hello\r\nMessage-ID: <a@b>\r\n"


def bounced(*recipients: str, headers: bytes = HEADERS, envid: str | None = None) -> Bounced:
    return Bounced(
        report_id="18c0ffee-1",
        sender="me@sandbox.test",
        recipients=recipients,
        headers=headers,
        envelope_id=envid,
        at_ms=1_700_000_000_000,
    )


def test_report_names_each_recipient_with_action_and_status() -> None:
    parsed = message_from_bytes(report(bounced("bounce@a.test", "bounce@b.test")), policy=default)
    assert not parsed.defects
    assert parsed.get_content_type() == "multipart/report"
    assert parsed["Content-Type"].params["report-type"] == "delivery-status"
    _, _, status, whole, *recipients, _ = parsed.walk()
    assert status.get_content_type() == "message/delivery-status"
    assert whole["Reporting-MTA"].startswith("dns; ")
    assert [who["Final-Recipient"] for who in recipients] == [
        "rfc822; bounce@a.test",
        "rfc822; bounce@b.test",
    ]
    assert {(who["Action"], who["Status"]) for who in recipients} == {("failed", "5.1.1")}


def test_report_brings_the_headers_of_the_original_back() -> None:
    octets = report(bounced("bounce@a.test"))
    part = leaves(octets)[2]
    assert part.content_type == "text/rfc822-headers"
    assert octets[part.start : part.end] == HEADERS.rstrip()


def test_second_parser_finds_no_fault() -> None:
    parsed = mailparser.parse_from_bytes(report(bounced("bounce@a.test")))
    assert parsed.defects == []
    assert parsed.message_id == "<18c0ffee-1@sandbox.postroad.invalid>"


def test_envelope_id_of_the_sender_is_told() -> None:
    assert b"Original-Envelope-Id: abc\r\n" in report(bounced("bounce@a.test", envid="abc"))


def test_report_about_an_address_that_is_not_ascii_takes_the_global_form() -> None:
    octets = report(bounced("bounce@ü.test"))
    assert b"message/global-delivery-status" in octets
    assert "Final-Recipient: utf-8; bounce@ü.test\r\n".encode() in octets


@pytest.mark.parametrize("recipient", ["bounce@a\r\nBcc: evil@x", "bounce@a\nX: y", "bounce@\x00"])
def test_line_breaks_in_an_address_make_no_new_field(recipient: str) -> None:
    lines = report(bounced(recipient)).split(b"\r\n")
    assert not any(line.startswith((b"Bcc:", b"X:")) for line in lines)
    assert all(b"\n" not in line and b"\0" not in line for line in lines)


def test_lines_stay_within_the_limit_for_long_addresses() -> None:
    octets = report(bounced("bounce@" + "a" * 200 + ".test"))
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
