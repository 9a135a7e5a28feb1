"""Replies told from what they quote."""

from __future__ import annotations

import pytest

from postroad.protocol.mime.reply import split_reply


@pytest.mark.parametrize(
    ("text", "reply", "quoted"),
    [
        ("Just words.\nMore.", "Just words.\nMore.", ""),
        (
            "Yes.\n\nOn Mon, 5 Jan 2026 at 10:00, Ann <ann@example.com> wrote:\n> Really?\n",
            "Yes.",
            "On Mon, 5 Jan 2026 at 10:00, Ann <ann@example.com> wrote:\n> Really?",
        ),
        (
            "Ja.\n\nAm 05.01.2026 um 10:00 schrieb Ann\n<ann@example.com>:\n\n> Wirklich?",
            "Ja.",
            "Am 05.01.2026 um 10:00 schrieb Ann\n<ann@example.com>:\n\n> Wirklich?",
        ),
        (
            "Oui\n\nLe lun. 5 janv. 2026 à 10:00, Ann <ann@example.com> a écrit :\n> Non",
            "Oui",
            "Le lun. 5 janv. 2026 à 10:00, Ann <ann@example.com> a écrit :\n> Non",
        ),
        (
            "好的\n\nAnn <ann@example.com> 于2026年1月5日周一 写道：\n> 吗",
            "好的",
            "Ann <ann@example.com> 于2026年1月5日周一 写道：\n> 吗",
        ),
        (
            "Ok\n\n-----Original Message-----\nFrom: Ann\nSent: Monday\n\nText",
            "Ok",
            "-----Original Message-----\nFrom: Ann\nSent: Monday\n\nText",
        ),
        (
            "Gut\n\n________________________________\nVon: Ann\nGesendet: Montag\nAn: Bob\n\nText",
            "Gut",
            "________________________________\nVon: Ann\nGesendet: Montag\nAn: Bob\n\nText",
        ),
        (
            "Ok\n\nFrom: Ann <ann@example.com>\nSent: Monday\nTo: Bob\nSubject: x\n\nText",
            "Ok",
            "From: Ann <ann@example.com>\nSent: Monday\nTo: Bob\nSubject: x\n\nText",
        ),
        (
            "On 5 Jan 2026, Ann wrote:\n> One?\nYes.\n> Two?\nNo.\n-- \nBob",
            "Yes.\nNo.\n-- \nBob",
            "On 5 Jan 2026, Ann wrote:\n> One?\n> Two?",
        ),
        ("> all\n> quoted", "", "> all\n> quoted"),
        ("Below\n> quote without an introduction", "Below", "> quote without an introduction"),
        ("From: here to there\nis a long way", "From: here to there\nis a long way", ""),
        ("I wrote:\na letter", "I wrote:\na letter", ""),
        ("", "", ""),
    ],
)
def test_what_the_author_wrote_is_told_from_the_quote(text: str, reply: str, quoted: str) -> None:
    found = split_reply(text)

    assert (found.reply, found.quoted) == (reply, quoted)
