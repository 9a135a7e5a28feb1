"""How reports are told, member by member. Contract, events §2.1 and §2.2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from postroad.domain.sent import Match, MatchedBy, Returned, ReturnedKind, SentMessage
from postroad.engine.returns.told import (
    bounce_data,
    bounce_entry,
    complaint_data,
    delivery_report,
    reply_data,
    submission_data,
)
from postroad.protocol.report import read_report

REPORTS = Path(__file__).parents[3] / "data" / "report"
AT = 1_700_000_000_000
SENT = SentMessage("q1", "a", "<1@x>", ("b@y",), submitted_at=AT, accepted_at=AT + 1)

BOUNCE = b"""\
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; MX.example
X-Postfix-Queue-ID: 4ABC
X-Postfix-Sender: rfc822; me@here.example
Original-Envelope-Id: E1
Arrival-Date: Mon, 23 Nov 2026 02:00:00 +0000

Final-Recipient: rfc822; gone@one.example
Original-Recipient: rfc822;was@here.example
Action: %(action)b
Status: %(status)b
Remote-MTA: dns; Far.example
Diagnostic-Code: smtp; 550 5.1.1 <gone@one.example>: User unknown
Will-Retry-Until: Sat, 28 Nov 2026 02:00:00 +0000

--b
Content-Type: text/rfc822-headers

Message-ID: <1@x>
Subject: Hi
Received: by one
Received: by two
--b--
"""


def test_a_bounce_is_told_as_the_contract_spells_it() -> None:
    report = read_report(BOUNCE % {b"action": b"failed", b"status": b"5.1.1"})

    assert bounce_data(report, report.recipients[0], "gone@one.example", "AAAA") == {
        "bounceMessage": "AAAA",
        "recipient": "gone@one.example",
        "originalRecipient": "was@here.example",
        "action": "failed",
        "response": {
            "source": "smtp",
            "message": "550 5.1.1 <gone@one.example>: User unknown",
            "status": "5.1.1",
            "category": "user_unknown",
            "recommendedAction": "remove",
        },
        "bounce": {
            "type": "hard",
            "reason": "user_unknown",
            "evidence": report.recipients[0].verdict.evidence,
        },
        "mta": "far.example",
        "remoteMta": "far.example",
        "reportingMta": "mx.example",
        "queueId": "4ABC",
        "messageId": "<1@x>",
        "messageHeaders": {
            "message-id": ["<1@x>"],
            "subject": ["Hi"],
            "received": ["by one", "by two"],
        },
    }


def test_a_bounce_without_an_original_says_null() -> None:
    report = read_report((REPORTS / "no-original.eml").read_bytes())

    data = bounce_data(report, report.recipients[0], "x@y", "AAAA")

    assert (data["messageId"], data["messageHeaders"]) == (None, None)
    assert "originalRecipient" not in data


def test_a_delay_is_told_as_a_delivery_report() -> None:
    report = read_report(BOUNCE % {b"action": b"delayed", b"status": b"4.4.1"})

    assert delivery_report(report) == {
        "reportingMta": {"label": "dns", "value": "mx.example"},
        "originalEnvelopeId": "E1",
        "arrivalDate": "2026-11-23T02:00:00.000Z",
        "originalRecipient": {"label": "rfc822", "value": "was@here.example"},
        "finalRecipient": {"label": "rfc822", "value": "gone@one.example"},
        "action": "delayed",
        "status": "4.4.1",
        "remoteMta": {"label": "dns", "value": "far.example"},
        "diagnosticCode": {
            "label": "smtp",
            "value": "550 5.1.1 <gone@one.example>: User unknown",
        },
        "willRetryUntil": "2026-11-28T02:00:00.000Z",
        "xPostfixQueueId": "4ABC",
        "xPostfixSender": {"label": "rfc822", "value": "me@here.example"},
    }


def test_a_complaint_is_told_with_its_fields_and_the_original() -> None:
    report = read_report((REPORTS / "arf-auth-failure.eml").read_bytes())
    assert report.feedback is not None

    data = complaint_data(report, report.feedback, "AAAA")

    arf = data["arf"]
    assert isinstance(arf, dict)
    assert data["complaintMessage"] == "AAAA"
    assert arf["feedbackType"] == "auth-failure"
    assert isinstance(arf["originalRcptTo"], list)
    others = {name: value for name, value in arf.items() if isinstance(value, list)}
    assert all(name[0].islower() and "-" not in name for name in others)


def test_the_headers_of_what_was_complained_of_are_read() -> None:
    octets = (
        b"From: abuse@isp.example\r\nSubject: abuse report\r\n"
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
        b"Original-Rcpt-To: <you@y>\r\nReported-Domain: x\r\nReported-URI: http://x/\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: Me <me@x>\r\nTo: A <a@y>, b@y\r\n"
        b"Subject: =?utf-8?q?gr=C3=BCn?=\r\nDate: Mon, 23 Nov 2026 02:00:00 +0000\r\n"
        b"Message-ID: <1@x>\r\n\r\nz\r\n--b--\r\n"
    )
    report = read_report(octets)
    assert report.feedback is not None

    data = complaint_data(report, report.feedback, "AAAA")

    assert data["headers"] == {
        "messageId": "<1@x>",
        "from": "me@x",
        "to": ["a@y", "b@y"],
        "subject": "grün",
        "date": "2026-11-23T02:00:00.000Z",
    }
    assert data["arf"] == {
        "feedbackType": "abuse",
        "originalRcptTo": ["you@y"],
        "reportedDomain": ["x"],
        "reportedUri": ["http://x/"],
    }


def test_a_reply_is_told_with_what_it_answers() -> None:
    new: dict[str, object] = {"id": "AAAA", "uid": 3, "path": "INBOX", "subject": "Re", "size": 9}

    assert reply_data(new, Match(SENT, MatchedBy.MESSAGE_ID)) == {
        "id": "AAAA",
        "uid": 3,
        "path": "INBOX",
        "subject": "Re",
        "relatedMessageId": "<1@x>",
    }


def test_a_submission_of_another_account_is_named_with_it() -> None:
    match = Match(SENT, MatchedBy.ENVELOPE_ID)
    own = {
        "queueId": "q1",
        "messageId": "<1@x>",
        "submittedAt": "2023-11-14T22:13:20.000Z",
        "matchedBy": "envelopeId",
    }

    assert submission_data(match, "a") == own
    assert submission_data(match, "b") == {**own, "account": "a"}
    marked = replace(match, sent=replace(SENT, tags=("one", "two")))
    assert submission_data(marked, "a") == {**own, "tags": ["one", "two"]}


def test_a_remembered_bounce_is_shown_without_what_is_not_known() -> None:
    row = Returned(
        ReturnedKind.BOUNCE, "a", "a", "AAAA", "<1@x>", "b@y", "failed", None, None, None, None,
        None, AT,
    )  # fmt: skip

    assert bounce_entry(row) == {
        "message": "AAAA",
        "recipient": "b@y",
        "action": "failed",
        "date": "2023-11-14T22:13:20.000Z",
    }
