"""Reports that strangers made on purpose: bounded in time and memory, and never a failure."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postroad.domain.bounce import Report, ReportKind
from postroad.protocol.report import read_report
from postroad.protocol.report.fields import MAX_RECIPIENTS

_HEAD = (
    b"From: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nReturn-Path: <>\r\n"
    b"Subject: Undelivered Mail Returned to Sender\r\nTo: <shop@sender.example>\r\n"
)
_REPORT = _HEAD + (
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\n"
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
)
_GROUP = b"Final-Recipient: rfc822; u%d@one.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
_WORDS = [
    "<a@b.example>:", "550 5.1.1", "User unknown", "said:", "--- Below this line", "\n", "\n\n",
    "Final-Recipient: rfc822; a@b.example", "Action: failed", "Message-ID: <x@y>", "--b", ">",
    "could not be delivered", "@", "a@b", "Received: from x", "was not delivered to:", "because:",
    "----- Transcript of session follows -----", "recipients", "Content-Type: message/rfc822",
    "\u3042\u3044", "=3D", "<<< 550", "RCPT TO:<a@b.example>", "{", '"notificationType":"Bounce"',
]  # fmt: skip


def _shapes(size: int) -> dict[str, bytes]:
    """Mails of about ``size`` octets, each made to be slow for some careless reader."""

    def fill(piece: bytes) -> bytes:
        return (piece * (size // len(piece) + 1))[:size]

    text = _HEAD + b"Content-Type: text/plain\r\n\r\n"
    html = _HEAD + b"Content-Type: text/html\r\n\r\n"
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n" % (n, n)
        for n in range(size // 60)
    )
    listed = b"----- The following addresses had permanent fatal errors -----\r\n"
    gmail = b"Delivery to the following recipient failed permanently:\r\n"
    encoded = b"\r\nContent-Transfer-Encoding: base64\r\n\r\n="
    failed = text + b"This is the mail system at host x. I'm sorry to have to inform you that\r\n"
    return {
        "recipient groups": _REPORT + b"".join(_GROUP % n for n in range(size // 70)),
        "one endless field": _REPORT + b"Diagnostic-Code: smtp; " + fill(b"550 5.1.1 no "),
        "folded field": _REPORT + b"Diagnostic-Code: smtp; 550\r\n" + fill(b" word\r\n"),
        "huge header": b"X: " + fill(b"a@b.example <") + b"\r\n" + _REPORT,
        "many headers": fill(b"X-Failed-Recipients: a@b.example\r\n") + _REPORT,
        "many received": _HEAD + fill(b"Received: from x by y;\r\n") + b"\r\nSorry.\r\n",
        "nested multiparts": _HEAD + nested,
        "many parts": _HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + fill(b"--b\r\n\r\nx\r\n"),
        "boundary look-alikes": _HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + fill(b"\r\n--bb\r\n--b b"),
        "delimiter guesses": text + fill(b"--x\r\nContent-Type: text/plain\r\n--y\r\n"),
        "addresses": failed + fill(b"<a@b.example>: 550 5.1.1 no\r\n"),
        "no breaks": failed + fill(b"a"),
        "at signs": failed + fill(b"@"),
        "dots": failed + fill(b"5.1."),
        "digits": failed + fill(b"550 "),
        "angles": failed + fill(b"<"),
        "quotes": failed + fill(b'"'),
        "rules": failed + fill(b"-"),
        "blanks": failed + fill(b" \t"),
        "empty lines": failed + fill(b"\r\n"),
        "field names": failed + fill(b"From: x\r\nTo: y\r\n\r\n"),
        "words": failed + fill(b"user mailbox account address is was been has not "),
        "negations": failed + fill(b"recipient address could not be "),
        "exchange": text + b"Generating server: x\r\n" + fill(b"a@b.example\r\n\r\n"),
        "domino": text + fill(b"was not delivered to:\r\na@b.example\r\n"),
        "sendmail": text + fill(listed),
        "gmail": text + gmail + fill(b"a@b@"),
        "james": text + b"James mail server " + fill(b"Failed recipient(s):\r\n"),
        "courier": text + b"Courier mail server\r\n" + fill(b"<abc>:\r\n"),
        "marshal": text
        + fill(b"could not be delivered because following recipients were affected:"),
        "html": html + fill(b"<div><p>could not be delivered to "),
        "returned": text + b"x\r\n" + fill(b"Received: x\r\n a\r\n"),
        "json": text + b'{"notificationType":"Bounce",' + fill(b'{"a":['),
        "base64": _REPORT.replace(b"\r\n\r\nReporting", encoded)
        + fill(b"QUFB"),
        "encoded words": b"Subject: " + fill(b"=?utf-8?q?a?= ") + b"\r\n" + _HEAD + b"\r\nx",
        "content type": b"Content-Type: multipart/mixed; " + fill(b'a="b; ') + b"\r\n" + _HEAD,
        "feedback": _HEAD
        + b"Content-Type: message/feedback-report\r\n\r\n"
        + fill(b"Original-Rcpt-To: a@b.example\r\n"),
    }  # fmt: skip


_SMALL, _LARGE = _shapes(256 * 1024), _shapes(1024 * 1024)


def _cpu_s(work: Callable[[], Report]) -> float:
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("shape", _SMALL)
def test_time_grows_no_faster_than_size(shape: str) -> None:
    small = _cpu_s(lambda: read_report(_SMALL[shape]))
    large = _cpu_s(lambda: read_report(_LARGE[shape]))

    assert large < 8 * small + 0.05
    assert large < 1.0


def test_ten_thousand_recipients_are_bounded_and_the_rest_counted() -> None:
    report = read_report(_REPORT + b"".join(_GROUP % n for n in range(10_000)))

    assert report.kind is ReportKind.BOUNCE
    assert len(report.recipients) == MAX_RECIPIENTS
    assert report.dropped == 10_000 - MAX_RECIPIENTS


def test_a_mail_of_25_mib_costs_no_more_than_its_boundaries() -> None:
    original = b"From: a@b.example\r\nMessage-ID: <big@b.example>\r\n\r\n"
    mail = (
        _REPORT
        + _GROUP % 1
        + b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + original
        + b"x" * 76
        + (b"A" * 76 + b"\r\n") * (25 * 1024 * 1024 // 78)
        + b"--b--\r\n"
    )

    assert _cpu_s(lambda: read_report(mail)) < 0.5
    report = read_report(mail)
    assert report.failures[0].recipient == "u1@one.example"
    assert report.original.message_id == "<big@b.example>"


def test_reports_inside_reports_are_not_opened() -> None:
    mail = _REPORT + _GROUP % 1
    for depth in range(200):
        mail = _HEAD + (
            b"Content-Type: multipart/mixed; boundary=d%d\r\n\r\n--d%d\r\n"
            b"Content-Type: message/rfc822\r\n\r\n" % (depth, depth)
        ) + mail  # fmt: skip

    recipients = [item.recipient for item in read_report(mail).recipients]
    assert "u1@one.example" not in recipients


@given(st.binary(max_size=2000))
@example(b"")
@example(b"\r\n")
@example(b"From:")
def test_no_octets_make_it_fail(octets: bytes) -> None:
    read_report(octets)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(_WORDS) | st.text(max_size=20), max_size=60))
def test_no_arrangement_of_report_words_makes_it_fail(words: list[str]) -> None:
    body = " ".join(words).encode("utf-8", "replace")

    read_report(_HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body)
    read_report(_REPORT + body)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(_WORDS) | st.text(max_size=20), max_size=60))
def test_a_code_is_never_made_up(words: list[str]) -> None:
    body = " ".join(words).encode("utf-8", "replace")
    mail = _HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body

    for item in read_report(mail).recipients:
        assert item.status is None or item.status.encode() in body
