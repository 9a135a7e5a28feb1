"""Texts in a charset that nobody declared."""

from __future__ import annotations

import pytest

from postroad.domain.bounce import BounceReason, ReportKind
from postroad.protocol.report import read_report

_CHINESE = "您的邮件未能投递到以下收件人：\n\ngone@one.example\n\n原因：用户不存在\n"
_RUSSIAN = "Ваше сообщение не доставлено:\n\ngone@one.example\n\nПричина: пользователь не найден\n"
_JAPANESE = "以下のメールは配信できませんでした。\n\n宛先: gone@one.example\n理由: 存在しません\n"
_KOREAN = "메일이 전송되지 않았습니다.\n\n수신자: gone@one.example\n사유: 존재하지 않는 사용자\n"


def _mail(octets: bytes, declared: str) -> bytes:
    kind = f"Content-Type: text/plain; charset={declared}\n" if declared else ""
    head = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@one.example\nTo: shop@sender.example\n"
        f"Subject: mail\n{kind}\n"
    )
    return (head.encode() + octets).replace(b"\n", b"\r\n")


@pytest.mark.parametrize("declared", ["", "us-ascii"])
@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (_CHINESE, "gb18030"),
        (_RUSSIAN, "koi8_r"),
        (_RUSSIAN, "cp1251"),
        (_JAPANESE, "shift_jis"),
        (_JAPANESE, "euc_jp"),
        (_JAPANESE, "iso2022_jp"),
        (_KOREAN, "euc_kr"),
    ],
)
def test_a_report_is_read_in_the_charset_in_which_it_says_something(
    text: str, charset: str, declared: str
) -> None:
    failures = read_report(_mail(text.encode(charset), declared)).failures

    assert [item.recipient for item in failures] == ["gone@one.example"]
    assert failures[0].verdict.reason is BounceReason.USER_UNKNOWN


def test_western_letters_stay_what_they_are() -> None:
    text = "Nicht zugestellt an gone@one.example: Empfänger existiert nicht für München"

    failure = read_report(_mail(text.encode("latin-1"), "")).failures[0]

    assert failure.response is not None
    assert "München" in failure.response.text


def test_octets_of_no_charset_are_no_report() -> None:
    noise = bytes(range(128, 256)) * 40

    assert read_report(_mail(noise, "")).kind is ReportKind.ORDINARY
