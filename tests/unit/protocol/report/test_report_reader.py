"""The traps: what looks like a bounce and is none, and the other way round."""

from __future__ import annotations

import pytest

from postroad.domain.bounce import Action, BounceReason, BounceType, Report, ReportKind
from postroad.protocol.report import read_report

_ORIGINAL = (
    "From: shop@sender.example\nTo: gone@one.example\nDate: Tue, 11 Mar 2025 10:00:00 +0100\n"
    "Message-ID: <order-1@sender.example>\nReceived: from a by b\nSubject: Your order\n\nHello\n"
)


def _report(groups: str, *, text: str = "Sorry.", original: str = _ORIGINAL) -> bytes:
    mail = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: shop@sender.example\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; "
        f"boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n--b\n"
        f"Content-Type: message/delivery-status\n\n{groups}\n--b\n"
        f"Content-Type: message/rfc822\n\n{original}\n--b--\n"
    )
    return mail.encode()


def _text(body: str, *, head: str = "") -> bytes:
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: shop@sender.example\n"
        f"Subject: Undelivered mail\n{head}Content-Type: text/plain; charset=utf-8\n\n{body}"
    ).encode()


def _first(mail: bytes) -> Report:
    report = read_report(mail)
    assert report.kind is ReportKind.BOUNCE
    return report


def test_each_recipient_group_is_a_recipient() -> None:
    report = _first(
        _report(
            "Reporting-MTA: dns; MX.Example\nX-Postfix-Queue-ID: 4Xyz\n"
            "Original-Envelope-Id: env-7\n\n"
            "Final-Recipient: rfc822; a@one.example\nAction: failed\nStatus: 5.1.1\n\n"
            "Final-Recipient: rfc822; b@one.example\nAction: delayed\nStatus: 4.4.1\n"
            "Will-Retry-Until: Fri, 14 Mar 2025 10:00:00 +0100\n\n"
            "Final-Recipient: rfc822; c@one.example\nAction: delivered\nStatus: 2.0.0\n"
        )
    )

    assert [(item.recipient, item.action) for item in report.failures] == [
        ("a@one.example", Action.FAILED),
        ("b@one.example", Action.DELAYED),
    ]
    assert len(report.recipients) == 3
    assert report.reporting_mta == "mx.example"
    assert report.queue_id == "4Xyz"
    assert report.envelope_id == "env-7"
    assert report.original.message_id == "<order-1@sender.example>"


def test_groups_without_empty_lines_between_are_still_groups() -> None:
    report = _first(
        _report(
            "Reporting-MTA: dns; mx.example\nFinal-Recipient: rfc822; a@one.example\n"
            "Action: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822; b@one.example\n"
            "Action: failed\nStatus: 5.2.2\n"
        )
    )

    assert [(item.recipient, item.status) for item in report.failures] == [
        ("a@one.example", "5.1.1"),
        ("b@one.example", "5.2.2"),
    ]


def test_an_internationalised_report_is_read() -> None:
    report = _first(
        _report(
            "Reporting-MTA: dns; mx.example\n\n"
            "Original-Recipient: utf-8; jürgen@münchen.example\n"
            "Final-Recipient: utf-8; j\\x{FC}rgen@münchen.example\nAction: failed\nStatus: 5.1.1\n"
        ).replace(b"message/delivery-status", b"message/global-delivery-status")
    )

    assert report.failures[0].recipient == "jürgen@münchen.example"


def test_an_original_recipient_keeps_its_tag() -> None:
    report = _first(
        _report(
            "Reporting-MTA: dns; mx.example\n\nOriginal-Recipient: rfc822;a+2Bnews@one.example\n"
            "Final-Recipient: rfc822; a+2025@one.example\nAction: failed\nStatus: 5.1.1\n"
        )
    )

    assert report.failures[0].recipient == "a+2025@one.example"
    assert report.failures[0].original_recipient == "a+news@one.example"


def test_a_bounce_without_any_message_id_is_still_a_bounce() -> None:
    report = _first(
        _report("Final-Recipient: rfc822; a@one.example\nAction: failed\n", original="")
    )

    assert report.original.message_id is None


def test_an_expired_queue_has_failed_whatever_its_code() -> None:
    without_action = "Final-Recipient: rfc822; a@one.example\nStatus: 4.4.7\n"
    body = (
        "Hi. This is the qmail-send program at mx.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
        "<a@one.example>:\n451 4.3.0 Try again\n"
        "I'm not going to try again; this message has been in the queue too long.\n"
    )

    assert _first(_report(without_action)).failures[0].action is Action.FAILED
    assert _first(_text(body)).failures[0].action is Action.FAILED


def test_only_success_is_a_delivery() -> None:
    for action in ("delivered", "relayed", "expanded"):
        group = f"Final-Recipient: rfc822; a@one.example\nAction: {action}\nStatus: 2.0.0\n"
        report = read_report(_report(group))
        assert report.kind is ReportKind.DELIVERY
        assert not report.failures


def test_a_bounce_is_no_auto_reply() -> None:
    report = _first(_report("Final-Recipient: rfc822; a@one.example\nAction: failed\n"))

    assert not report.is_auto_reply


@pytest.mark.parametrize(
    "said",
    [
        "connect to mx.one.example[5.1.1.20]: Connection refused",
        "550 rejected by 5.7.1.1",
        "Host 4.2.2.2 was not reachable",
        "Exim 4.8.2 could not deliver",
        "Postfix 2.3.4 gave up",
        "since 5.1.2025 the mailbox is closed",
        "at 4.5.99/12",
    ],
)
def test_addresses_versions_and_dates_are_no_status(said: str) -> None:
    body = f"This is the mail system at host mx.example.\n\n<a@one.example>: {said}\n"

    assert _first(_text(body)).failures[0].status is None


def test_a_code_behind_a_reply_code_wins() -> None:
    body = (
        "This is the mail system at host mx.example.\n\n"
        "<a@one.example>: host mx[192.0.2.1] said: 550-5.7.26 Unauthenticated\n"
        "    550 5.7.26 see https://x.example/4.1.1 (in reply to DATA command)\n"
    )

    assert _first(_text(body)).failures[0].status == "5.7.26"


def test_what_the_field_leaves_open_the_remote_says() -> None:
    group = (
        "Final-Recipient: rfc822; a@one.example\nAction: failed\nStatus: 5.0.0 (undefined)\n"
        "Diagnostic-Code: smtp; 552 5.2.2 full\n"
    )

    assert _first(_report(group)).failures[0].status == "5.2.2"


def test_a_machine_part_without_recipients_is_completed_from_the_text() -> None:
    report = _first(
        _report(
            "Reporting-MTA: dns; mx.example\n",
            text="This is the mail system at host mx.\n\n<a@one.example>: 550 5.1.1 no such user",
        )
    )

    assert report.failures[0].recipient == "a@one.example"
    assert report.failures[0].status == "5.1.1"


def test_a_boundary_that_is_not_the_declared_one_is_found() -> None:
    mail = _report("Final-Recipient: rfc822; a@one.example\nAction: failed\nStatus: 5.1.1\n")

    report = _first(mail.replace(b"boundary=b\n", b"boundary=other\n"))

    assert report.failures[0].recipient == "a@one.example"
    assert report.original.message_id == "<order-1@sender.example>"


def test_a_header_line_unfolded_on_the_way_does_not_hide_the_message_id() -> None:
    broken = "Received: from a\n(no blank before this) by b\n" + _ORIGINAL
    group = "Final-Recipient: rfc822; a@one.example\nAction: failed\n"

    report = _first(_report(group, original=broken))

    assert report.original.message_id == "<order-1@sender.example>"


def test_quoted_printable_that_no_head_announces_is_undone() -> None:
    body = (
        "Delivery to the following recipient failed permanently:\n\n     gone@one.exam=\nple\n\n"
        "Technical details of permanent failure:=20\nStorage quota exceeded\n\n"
        "----- Original message -----\n\nX=3D1\n"
    )

    assert _first(_text(body)).failures[0].recipient == "gone@one.example"


def test_a_local_part_alone_is_completed() -> None:
    body = (
        "This message was created automatically by mail delivery software.\n\nA message that you "
        "sent could not be delivered to one or more of its\nrecipients. This is a permanent "
        "error. The following address(es) failed:\n\n  gone\n    unknown user\n"
    )

    report = _first(_text(body, head="X-Failed-Recipients: gone@one.example\n"))

    assert report.failures[0].recipient == "gone@one.example"


def test_a_forwarding_is_told_with_both_addresses() -> None:
    body = (
        "   ----- The following addresses had permanent fatal errors -----\n"
        "new@two.example\n    (expanded from: <old@one.example>)\n\n"
        "   ----- Transcript of session follows -----\n554 Too many hops\n"
    )

    report = _first(_text(body))

    assert report.failures[0].recipient == "new@two.example"
    assert report.failures[0].original_recipient == "old@one.example"


@pytest.mark.parametrize(
    "head",
    [
        "From: a@lists.example\nSubject: Your post was rejected\nList-Id: <x.lists.example>\n",
        "From: Bank <service@bank.example>\nSubject: Payment failed and was returned\n",
        "From: ci@build.example\nSubject: Build failed: delivery pipeline\nAuto-Submitted"
        ": auto-generated\n",
        "From: b@one.example\nSubject: Re: Undelivered Mail Returned to Sender\nIn-Reply-"
        "To: <x@y>\n",
    ],
)
def test_failure_in_the_subject_makes_no_bounce(head: str) -> None:
    body = "Could not be delivered: 550 5.1.1 user unknown\n\ngone@one.example\n"

    assert read_report((head + "\n" + body).encode()).kind is ReportKind.ORDINARY


def test_bait_about_the_readers_own_mailbox_is_no_bounce() -> None:
    mail = (
        "From: Mail Delivery System <postmaster@bait.example>\nTo: shop@sender.example\n"
        "Subject: Delivery failed\nContent-Type: text/html\n\n"
        "<p>Mail to shop@sender.example could not be delivered. <a href='https://x'>Fix</a></p>"
    )

    assert read_report(mail.encode()).kind is ReportKind.ORDINARY


@pytest.mark.parametrize(
    ("said", "reason", "kind"),
    [
        ("550 5.1.1 User unknown", BounceReason.USER_UNKNOWN, BounceType.HARD),
        ("550 5.1.2 Host unknown", BounceReason.HOST_UNKNOWN, BounceType.HARD),
        ("556 5.1.10 Recipient domain has null MX", BounceReason.NO_MAIL_HOST, BounceType.HARD),
        ("551 5.1.6 User has moved", BounceReason.USER_MOVED, BounceType.HARD),
        ("552 5.2.2 Over quota", BounceReason.MAILBOX_FULL, BounceType.SOFT),
        ("550 5.2.1 The account is disabled", BounceReason.SUSPENDED, BounceType.SOFT),
        ("552 5.3.4 Message size exceeds fixed limit", BounceReason.TOO_LARGE, BounceType.SOFT),
        ("451 4.7.1 Greylisted", BounceReason.GREYLISTED, BounceType.SOFT),
        ("421 4.7.28 rate limit exceeded", BounceReason.RATE_LIMITED, BounceType.SOFT),
        ("554 5.7.1 blocked using zen.spamhaus.org", BounceReason.BLOCKED, BounceType.SOFT),
        ("550 5.7.1 Message rejected as spam", BounceReason.SPAM, BounceType.SOFT),
        ("550 5.7.26 fails DMARC", BounceReason.AUTHENTICATION, BounceType.SOFT),
        ("550 5.7.25 no PTR record", BounceReason.REVERSE_DNS, BounceType.SOFT),
        ("550 5.7.1 Relaying denied", BounceReason.RELAY_DENIED, BounceType.SOFT),
        ("554 virus found: Eicar", BounceReason.VIRUS, BounceType.SOFT),
        ("Connection timed out", BounceReason.NETWORK, BounceType.SOFT),
        ("550 5.7.1 refused by policy", BounceReason.POLICY, BounceType.SOFT),
        ("550 Empfänger unbekannt", BounceReason.USER_UNKNOWN, BounceType.HARD),
        ("552 la boîte est pleine", BounceReason.MAILBOX_FULL, BounceType.SOFT),
        ("550 el usuario no existe", BounceReason.USER_UNKNOWN, BounceType.HARD),
        ("550 пользователь не найден", BounceReason.USER_UNKNOWN, BounceType.HARD),
        ("550 宛先が存在しません", BounceReason.USER_UNKNOWN, BounceType.HARD),
        ("550 用户不存在", BounceReason.USER_UNKNOWN, BounceType.HARD),
    ],
)
def test_reasons(said: str, reason: BounceReason, kind: BounceType) -> None:
    group = f"Final-Recipient: rfc822; a@one.example\nAction: failed\nDiagnostic-Code: smtp; {said}"

    verdict = _first(_report(group)).failures[0].verdict

    assert (verdict.reason, verdict.type) == (reason, kind)
    assert verdict.evidence
    assert verdict.category
    assert verdict.recommended_action


def test_a_named_blocklist_and_a_named_time_are_told() -> None:
    def verdict_of(said: str) -> tuple[str | None, int | None]:
        group = f"Final-Recipient: rfc822; a@one.example\nDiagnostic-Code: smtp; {said}"
        verdict = _first(_report(group)).failures[0].verdict
        return verdict.blocklist, verdict.retry_after_s

    assert verdict_of("554 5.7.1 blocked using zen.spamhaus.org") == ("spamhaus", None)
    assert verdict_of("451 4.7.1 Greylisted, try again in 5 minutes") == (None, 300)


def test_without_a_reason_nothing_is_claimed() -> None:
    verdict = _first(_report("Final-Recipient: rfc822; a@one.example\nAction: failed\n")).failures[
        0
    ]

    assert verdict.status is None
    assert verdict.response is None
    assert verdict.verdict.type is BounceType.UNDETERMINED
    assert verdict.verdict.category is None


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Out of Office: back on Monday\n",
        "Subject: Automatic reply: Your order\n",
        "Subject: Abwesenheitsnotiz: Ihre Bestellung\n",
        "Subject: OOO: away\n",
        "Subject: auto: Your order\nIn-Reply-To: <x@y.example>\n",
        "Subject: Hi\nPrecedence: auto_reply\n",
        "Subject: Hi\nAuto-Submitted: auto-replied (vacation)\n",
        "Subject: Hi\nIn-Reply-To: <a@sender.example>\nX-Auto-Response-Suppress: All\n",
        "Subject: Hi\nX-Autoreply: yes\n",
        "Subject: Hi\nX-Autoresponder: 1\n",
    ],
)
def test_auto_replies(head: str) -> None:
    mail = f"From: Mia <mia@one.example>\nTo: shop@sender.example\n{head}\nI am away.\n"

    assert read_report(mail.encode()).is_auto_reply


@pytest.mark.parametrize(
    "head",
    [
        "Subject: auto: new cars for sale\n",
        "Subject: Backup done\nAuto-Submitted: auto-generated\n",
        "Subject: Hi\nAuto-Submitted: no\n",
        "Subject: News\nList-Unsubscribe: <https://x>\nX-Auto-Response-Suppress: All\n",
    ],
)
def test_machines_that_answer_nobody_make_no_auto_reply(head: str) -> None:
    mail = f"From: Mia <mia@one.example>\nTo: shop@sender.example\n{head}\nHello.\n"

    assert read_report(mail.encode()).kind is ReportKind.ORDINARY


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("Returned mail: User unknown", BounceReason.USER_UNKNOWN),
        ("DELIVERY FAILURE: mailbox full", BounceReason.MAILBOX_FULL),
        ("Undeliverable: Your mailbox is full of love", BounceReason.UNDETERMINED),
    ],
)
def test_a_reason_in_the_subject_serves_when_the_text_has_none(
    subject: str, reason: BounceReason
) -> None:
    mail = (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: shop@sender.example\n"
        f"Subject: {subject}\n\nNot delivered:\n\ngone@one.example\n"
    )

    assert read_report(mail.encode()).failures[0].verdict.reason is reason


def test_a_mail_that_nobody_was_to_get_comes_back_without_recipients() -> None:
    mail = (
        b"Return-Path: <>\r\nFrom: Mail Delivery System <Mailer-Daemon@mx.sender.example>\r\n"
        b"To: shop@sender.example\r\nSubject: Mail failure - no recipient addresses\r\n\r\n"
        b"A message that you sent contained no recipient addresses, and therefore no\r\n"
        b"delivery could be attempted.\r\n\r\n"
        b"------ This is a copy of your message, including all the headers. ------\r\n"
        b"Message-ID: <nobody@sender.example>\r\nDate: Tue, 11 Mar 2025 14:00:00 +0100\r\n"
        b"From: Shop <shop@sender.example>\r\nSubject: Hello\r\n\r\nx\r\n"
    )
    report = read_report(mail)

    assert report.kind is ReportKind.BOUNCE
    assert report.failures == ()
    assert report.original.message_id == "<nobody@sender.example>"


def test_a_code_that_stands_apart_from_the_only_recipient_is_about_him() -> None:
    words = (
        "   --- The following addresses had delivery problems ---\n\n"
        "<gone@one.example>   (No such person)\n\n"
        "   --- Details ---\n\nRejected by host 192.0.2.1: 550 5.1.1 unknown user\n"
    )

    (alone,) = _first(_text(words)).failures
    several = _first(_text(words.replace("\n\n   --- D", "\n<b@two.example> (Full)\n\n   --- D")))

    assert (alone.recipient, alone.status) == ("gone@one.example", "5.1.1")
    assert [item.status for item in several.failures] == [None, None]
