"""Mails written after what each software prints, and what is to be read in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from postroad.domain.bounce import BounceType, ReportKind
from postroad.protocol.report import read_report
from postroad.protocol.report.folklore import DIALECTS

DATA = Path(__file__).parents[3] / "data" / "report"
EXPECTED: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "expected.jsonl").read_text("utf-8").splitlines()
]

each_sample = pytest.mark.parametrize("expected", EXPECTED, ids=lambda one: one["file"])
each_bounce = pytest.mark.parametrize(
    "expected",
    [one for one in EXPECTED if one["kind"] == "bounce"],
    ids=lambda one: one["file"],
)


def _octets(expected: dict[str, Any]) -> bytes:
    return (DATA / str(expected["file"])).read_bytes()


def test_every_sample_says_what_is_expected_of_it() -> None:
    assert {path.name for path in DATA.glob("*.eml")} == {one["file"] for one in EXPECTED}


@each_sample
def test_a_mail_is_told_by_its_kind(expected: dict[str, Any]) -> None:
    assert read_report(_octets(expected)).kind.value == expected["kind"]


@each_bounce
def test_a_bounce_names_its_recipients_and_what_became_of_them(expected: dict[str, Any]) -> None:
    failures = read_report(_octets(expected)).failures

    assert [item.recipient for item in failures] == expected["recipients"]
    assert failures[0].action.value == expected["action"]
    assert failures[0].status == expected["status"]


@each_bounce
def test_a_bounce_leads_back_to_the_message_that_was_sent(expected: dict[str, Any]) -> None:
    assert read_report(_octets(expected)).original.message_id == expected["messageId"]


@pytest.mark.parametrize(
    "expected",
    [one for one in EXPECTED if one.get("reason")],
    ids=lambda one: one["file"],
)
def test_a_reason_is_read_from_what_was_said(expected: dict[str, Any]) -> None:
    verdict = read_report(_octets(expected)).failures[0].verdict

    assert verdict.reason.value == expected["reason"]
    assert verdict.evidence


@pytest.mark.parametrize(
    "expected",
    [one for one in EXPECTED if "hard" in one],
    ids=lambda one: one["file"],
)
def test_an_address_that_does_not_work_is_told_from_one_that_may(expected: dict[str, Any]) -> None:
    verdict = read_report(_octets(expected)).failures[0].verdict

    assert (verdict.type is BounceType.HARD) == expected["hard"]


@pytest.mark.parametrize(
    "expected",
    [one for one in EXPECTED if one.get("reasons")],
    ids=lambda one: one["file"],
)
def test_each_of_several_recipients_has_a_reason_of_its_own(expected: dict[str, Any]) -> None:
    read = [item.verdict.reason.value for item in read_report(_octets(expected)).failures]

    wanted = [told or found for told, found in zip(expected["reasons"], read, strict=True)]
    assert read == wanted


@pytest.mark.parametrize(
    "expected",
    [one for one in EXPECTED if one["kind"] == "complaint"],
    ids=lambda one: one["file"],
)
def test_a_complaint_names_who_complained_and_about_what(expected: dict[str, Any]) -> None:
    report = read_report(_octets(expected))

    assert report.feedback is not None
    assert list(report.feedback.recipients) == expected["recipients"]
    assert report.feedback.feedback_type == expected.get("feedbackType", "abuse")
    assert report.original.message_id


@each_sample
def test_line_ends_do_not_matter(expected: dict[str, Any]) -> None:
    octets = _octets(expected)

    assert read_report(octets.replace(b"\r\n", b"\n")) == read_report(octets)


@each_bounce
def test_a_forwarded_bounce_is_no_bounce(expected: dict[str, Any]) -> None:
    forwarded = (
        b"From: Rita <rita@friends.example>\r\nSubject: Fwd: what is this?\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer-0815\r\n\r\n"
        b"--outer-0815\r\nContent-Type: text/plain\r\n\r\nWhat does it mean?\r\n"
        b"--outer-0815\r\nContent-Type: message/rfc822\r\n\r\n"
        + _octets(expected)
        + b"\r\n--outer-0815--\r\n"
    )

    assert read_report(forwarded).kind is ReportKind.ORDINARY


@each_bounce
def test_a_quoted_bounce_is_no_bounce(expected: dict[str, Any]) -> None:
    quoted = b"".join(b"> " + line + b"\r\n" for line in _octets(expected).splitlines())
    answer = (
        b"From: Rita <rita@friends.example>\r\nSubject: Re: Undeliverable\r\n"
        b"In-Reply-To: <a@b.example>\r\n\r\nThis came back:\r\n\r\n" + quoted
    )

    assert read_report(answer).kind is ReportKind.ORDINARY


@each_bounce
def test_a_bounce_that_a_person_pasted_is_no_bounce(expected: dict[str, Any]) -> None:
    head, _, body = _octets(expected).partition(b"\r\n\r\n")
    subject = re.search(rb"^subject:[^\r\n]*", head, re.I | re.M)
    pasted = (
        b"From: Rita <rita@friends.example>\r\nTo: bob@friends.example\r\n"
        + (subject[0] if subject else b"Subject: Undelivered Mail")
        + b"\r\n\r\nHi Bob, look what came back:\r\n\r\n"
        + body
    )

    assert read_report(pasted).kind is ReportKind.ORDINARY


@each_bounce
def test_a_postmaster_who_answers_is_a_person(expected: dict[str, Any]) -> None:
    body = _octets(expected).partition(b"\r\n\r\n")[2]
    answer = (
        b"From: Postmaster <postmaster@one.example>\r\nTo: rita@friends.example\r\n"
        b"Subject: Re: Undelivered Mail Returned to Sender\r\nIn-Reply-To: <a@b.example>\r\n\r\n"
        b"Hello Rita, the address is wrong.\r\n\r\n"
        + b"".join(b"> " + line + b"\r\n" for line in body.splitlines())
    )

    assert read_report(answer).kind is ReportKind.ORDINARY


def test_every_dialect_reads_a_sample_or_is_named_by_one() -> None:
    read = {report.dialect for one in EXPECTED if (report := read_report(_octets(one))).dialect}

    # Postfix is read by its machine part in the samples; its text has a test of its own.
    assert {dialect.name for dialect in DIALECTS} - read <= {"postfix"}
