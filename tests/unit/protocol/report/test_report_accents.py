"""Languages with accents, written without."""

from __future__ import annotations

import pytest

from postroad.domain.bounce import BounceReason
from postroad.protocol.report import read_report
from postroad.protocol.report.accents import Pattern


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            "Bardzo nam przykro jednakze nie udalo sie wyslac maila pod wskazany adres:\n\n"
            "<gone@one.example>:\nmaildrop: maildir over quota.",
            BounceReason.MAILBOX_FULL,
        ),
        (
            "Nie mozna dostarczyc wiadomosci do gone@one.example. Skrzynka jest pelna.",
            BounceReason.MAILBOX_FULL,
        ),
        (
            "Ihre Nachricht konnte nicht uebermittelt werden an: gone@one.example\n"
            "Grund: Empfaenger unbekannt",
            BounceReason.USER_UNKNOWN,
        ),
        (
            "Zpravu se nepodarilo dorucit prijemci gone@one.example\nDuvod: uzivatel neexistuje",
            BounceReason.USER_UNKNOWN,
        ),
        (
            "Votre message n'a pas pu etre remis a gone@one.example\n"
            "Motif: boite aux lettres pleine",
            BounceReason.MAILBOX_FULL,
        ),
        (
            "A sua mensagem nao pode ser entregue a gone@one.example\nMotivo: usuario desconhecido",
            BounceReason.USER_UNKNOWN,
        ),
    ],
)
def test_a_text_without_accents_says_what_it_says_with_them(
    words: str, reason: BounceReason
) -> None:
    mail = (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@one.example\r\nTo: shop@sender.example\r\n"
        f"Subject: mail\r\n\r\n{words}\r\n"
    )

    failure = read_report(mail.encode("ascii")).failures[0]

    assert failure.recipient == "gone@one.example"
    assert failure.verdict.reason is reason


def test_an_accent_that_is_written_counts() -> None:
    pattern = Pattern("zurück|łódź")

    assert pattern.search("zurueck") and pattern.search("Zuruck") and pattern.search("lodz")
    assert pattern.search("ZURÜCK") and pattern.search("łódź")
    assert not pattern.search("zuruck nach Köln")
