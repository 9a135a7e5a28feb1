"""A delay is no failure, an expired queue is no delay: told by the text in many languages."""

from __future__ import annotations

import pytest

from postroad.domain.bounce import Action
from postroad.protocol.report import read_report


def _action(subject: str, words: str) -> Action:
    mail = (
        "Return-Path: <>\nFrom: Postmaster <postmaster@one.example>\nTo: shop@sender.example\n"
        f"Subject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{words}\n"
    )
    failures = read_report(mail.replace("\n", "\r\n").encode()).failures
    assert [item.recipient for item in failures] == ["slow@one.example"]
    return failures[0].action


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (
            "Delivery delayed",
            "Delivery is delayed to these recipients:\n\nslow@one.example\n\n"
            "This message hasn't been delivered yet. Delivery will continue to be attempted.",
        ),
        (
            "delivery status",
            "I'm afraid I haven't been able to deliver your message to these addresses yet.\n"
            "I'll keep trying.\n\n<slow@one.example>:\n451 try later",
        ),
        (
            "Zustellung verzögert: Bestellung",
            "Die Zustellung an folgende Empfänger verzögert sich:\n\nslow@one.example",
        ),
        (
            "Remise différée : commande",
            "La remise aux destinataires suivants est différée :\n\nslow@one.example\n\n"
            "Ce message n'a pas encore été remis.",
        ),
        (
            "Recapito ritardato: ordine",
            "Il recapito ai seguenti destinatari è in ritardo:\n\nslow@one.example",
        ),
        (
            "Entrega atrasada: pedido",
            "A entrega está atrasada para estes destinatários:\n\nslow@one.example",
        ),
        (
            "Entrega retrasada: pedido",
            "Se ha retrasado la entrega a:\n\nslow@one.example\n\nSe seguirá intentando.",
        ),
        ("Bezorging vertraagd", "De bezorging aan deze geadresseerden:\n\nslow@one.example"),
        (
            "Leverans försenad",
            "Meddelandet har inte levererats ännu till:\n\nslow@one.example",
        ),
        (
            "Dostarczenie opóźnione",
            "Wiadomość nie została jeszcze dostarczona do:\n\nslow@one.example",
        ),
        ("Доставка отложена", "Доставка следующим получателям:\n\nslow@one.example"),
        (
            "配信の遅延: 注文",
            "次の受信者への配信が遅延しています:\n\nslow@one.example\n\nまだ配信されていません。",
        ),
        ("邮件传递延迟", "此邮件尚未送达:\n\nslow@one.example\n\n将继续尝试传递。"),
    ],
)
def test_a_text_that_says_that_the_server_still_tries_is_a_delay(subject: str, words: str) -> None:
    assert _action(subject, words) is Action.DELAYED


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (
            "Delivery failed",
            "The message has been in the queue for 4 days and could not be delivered to:\n\n"
            "slow@one.example\n\n451 try again later. No more attempts will be made.",
        ),
        (
            "Undeliverable",
            "Delivery to slow@one.example has been delayed for 5 days. Giving up.",
        ),
        (
            "Kan inte levereras",
            "Det gick inte att leverera till:\n\nslow@one.example\n\nFörsök ännu en gång.",
        ),
    ],
)
def test_a_text_that_says_that_the_server_gave_up_is_a_failure(subject: str, words: str) -> None:
    assert _action(subject, words) is Action.FAILED
