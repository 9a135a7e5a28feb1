"""Machine parts as real servers write them, and what is to be read in them all the same."""

from __future__ import annotations

import pytest

from postroad.domain.bounce import (
    Action,
    BounceReason,
    BounceType,
    RecommendedAction,
    Report,
)
from postroad.protocol.report import read_report

_ORIGINAL = "Message-ID: <order-1@sender.example>\nFrom: shop@sender.example\nSubject: Order\n"
_GROUP = "Final-Recipient: rfc822; gone@one.example\nAction: failed\nStatus: 5.1.1\n"


def _read(
    group: str,
    *,
    head: str = 'multipart/report; report-type=delivery-status; boundary="b"',
    kind: str = "message/delivery-status",
    original: str = _ORIGINAL,
    original_kind: str = "message/rfc822",
) -> Report:
    mail = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: shop@sender.example\n"
        f"Subject: Undelivered Mail\nMIME-Version: 1.0\nContent-Type: {head}\n\n"
        "--b\nContent-Type: text/plain\n\nYour message could not be delivered.\n"
        f"--b\nContent-Type: {kind}\n\nReporting-MTA: dns; mx.example\n\n{group}\n"
        f"--b\nContent-Type: {original_kind}\n\n{original}\nHello\n--b--\n"
    )
    return read_report(mail.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    "group",
    [
        _GROUP,
        _GROUP.replace("gone@one.example", "<gone@one.example>"),
        _GROUP.replace("gone@one.example", '"Gone, A." <gone@one.example>'),
        _GROUP.replace("rfc822; ", ""),
        _GROUP.replace("Final", "Original"),
        _GROUP.replace("failed", "FAILED (bad address)"),
        _GROUP.replace("failed", "undeliverable"),
        _GROUP.replace("failed", "bounced"),
        _GROUP.replace("failed", "relayed"),  # with a code of failure
        _GROUP.replace("Action: failed\n", ""),
        _GROUP.replace("5.1.1", "5.1.1 (bad destination mailbox address)"),
        _GROUP.replace("5.1.1", "smtp; 5.1.1"),
        _GROUP.replace("5.1.1", "550 5.1.1"),
        _GROUP.replace("Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 User unknown"),
        _GROUP.replace("5.1.1", "5.0.0\nDiagnostic-Code: smtp; 550 #5.1.1 no"),
        _GROUP.replace("\n", "\n\n"),
        f"{_GROUP}\n{_GROUP}",
        "\n".join(reversed(_GROUP.splitlines())),
        "Final-Recipient: RFC822; |/usr/bin/filter\nX-Actual-Recipient: RFC822; gone@one.example\n"
        "Action: failed\nStatus: 5.1.1\n",
        "Final-Recipient: LOCAL; gone\nOriginal-Recipient: rfc822;gone@one.example\n"
        "Action: failed\nStatus: 5.1.1\n",
        "Final-Recipient: X400; c=us;a= ;p=one;s=gone\n"
        "Original-Recipient: rfc822;gone@one.example\nAction: failed\nStatus: 5.1.1\n",
    ],
)
def test_loose_groups_are_read(group: str) -> None:
    failures = _read(group).failures

    assert [item.recipient for item in failures] == ["gone@one.example"]
    assert failures[0].action is Action.FAILED
    assert failures[0].status == "5.1.1"


@pytest.mark.parametrize(
    "written",
    ['"gone guy"@one.example', "dept/gone@one.example", "gone..x.@one.example", "gone@[192.0.2.1]"],
)
def test_unusual_addresses_come_out_whole(written: str) -> None:
    failures = _read(_GROUP.replace("gone@one.example", written)).failures

    assert [item.recipient for item in failures] == [written]


@pytest.mark.parametrize("word", ["delayed", "Delayed (warning)", "deferred", "transient-failure"])
def test_other_words_for_a_delay_are_known(word: str) -> None:
    group = _GROUP.replace("failed", word).replace("5.1.1", "4.4.1")

    assert _read(group).failures[0].action is Action.DELAYED


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ('multipart/report; boundary="b"', "message/delivery-status"),
        ('multipart/mixed; boundary="b"', "message/delivery-status"),
        (
            'Multipart/Report; Report-Type="Delivery-Status"; Boundary="b"',
            "Message/Delivery-Status",
        ),
        ('multipart/report; report-type=delivery-status; boundary="b"', "text/plain; name=d.txt"),
        ('multipart/report; report-type=delivery-status; boundary="b"', "application/octet-stream"),
        ('multipart/mixed; boundary="b"', "text/plain"),
    ],
)
def test_a_machine_part_under_another_type_is_one(head: str, kind: str) -> None:
    failures = _read(_GROUP, head=head, kind=kind).failures

    assert [(item.recipient, item.status) for item in failures] == [("gone@one.example", "5.1.1")]


@pytest.mark.parametrize(
    ("kind", "original"),
    [
        ("message/rfc822", "Message-ID: order-1@sender.example\nFrom: a@b.example\n"),
        ("message/rfc822", "Message-ID:\n <order-1@sender.example>\nFrom: a@b.example\n"),
        ("message/rfc822", f"\n\n{_ORIGINAL}"),
        ("message/rfc822", f"From shop@sender.example Mon Mar  2 10:00:00 2020\n{_ORIGINAL}"),
        ("text/rfc822-headers", _ORIGINAL),
        ("text/plain", f"Return-Path: <shop@sender.example>\nReceived: from x\n{_ORIGINAL}"),
        (
            "text/rfc822-headers\nContent-Transfer-Encoding: quoted-printable",
            "Message-ID: <order-1=40sender.example>\nFrom: a=40b.example\n",
        ),
    ],
)
def test_the_original_is_found_however_it_came_back(kind: str, original: str) -> None:
    report = _read(_GROUP, original=original, original_kind=kind)

    assert report.original.message_id == "<order-1@sender.example>"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("Status: 5.0.0\nX-PowerMTA-BounceCategory: quota-issues", BounceReason.MAILBOX_FULL),
        ("Status: 5.0.0\nX-PowerMTA-BounceCategory: bad-mailbox", BounceReason.USER_UNKNOWN),
        (
            "Status: 5.0.0\nDiagnostic-Code: smtp; 550 mailbox full\n"
            "X-PowerMTA-BounceCategory: bad-mailbox",
            BounceReason.MAILBOX_FULL,  # the refusing side's words come first
        ),
        ("Status: 5.3.0\nDiagnostic-Code: X-Unix; 67", BounceReason.USER_UNKNOWN),
        ("Status: 5.3.0\nDiagnostic-Code: X-Unix; 255", BounceReason.MAILER),
    ],
)
def test_a_reason_that_the_reporting_side_names_serves_where_words_do_not(
    fields: str, reason: BounceReason
) -> None:
    group = f"Final-Recipient: rfc822; gone@one.example\nAction: failed\n{fields}\n"

    assert _read(group).failures[0].verdict.reason is reason


@pytest.mark.parametrize(
    "said",
    [
        "Status: 4.1.1\nDiagnostic-Code: smtp; 450 4.1.1 <gone@one.example>: User unknown",
        "Status: 4.4.3\nDiagnostic-Code: smtp; 451 Domain does not exist",
        "Status: 4.0.0\nX-PowerMTA-BounceCategory: bad-mailbox",
    ],
)
def test_no_address_is_given_up_while_a_server_still_tries(said: str) -> None:
    group = f"Final-Recipient: rfc822; gone@one.example\nAction: {{}}\n{said}\n"

    tried, given_up = (
        _read(group.format(action)).failures[0].verdict for action in ("delayed", "failed")
    )

    assert (tried.type, tried.recommended_action) == (BounceType.SOFT, RecommendedAction.RETRY)
    assert given_up.type is BounceType.HARD
    assert tried.reason is given_up.reason


def test_groups_without_addresses_are_about_those_that_the_text_names() -> None:
    mail = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: shop@sender.example\n"
        "Subject: Undelivered Mail\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nYour message could not be delivered to:\n\n"
        "<gone@one.example>: user unknown\n<full@two.example>: mailbox full\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        "Action: failed\nStatus: 5.1.1\n\nAction: failed\nStatus: 5.2.2\n--b--\n"
    )
    failures = read_report(mail.replace("\n", "\r\n").encode()).failures

    assert [(item.recipient, item.status) for item in failures] == [
        ("gone@one.example", "5.1.1"),
        ("full@two.example", "5.2.2"),
    ]


def test_further_fields_are_kept_with_their_types_and_bounded() -> None:
    many = "".join(f"X-Field-{n}: rfc822; {'v' * 2000}\n" for n in range(100))

    report = _read(f"{_GROUP}Final-Log-ID: 4711\n{many}")

    assert report.others[0] == ("final-log-id", "", "4711")
    assert report.others[1] == ("x-field-0", "rfc822", "v" * 1000)
    assert len(report.others) == 50
