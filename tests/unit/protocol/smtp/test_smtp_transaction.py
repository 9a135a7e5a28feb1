from __future__ import annotations

import pytest

from postroad.domain.envelope import Envelope
from postroad.domain.errors import RemoteProtocolError
from postroad.domain.reply import (
    Accepted,
    Deferred,
    Failure,
    FailureKind,
    RefusedRecipient,
    Rejected,
    judge,
)
from postroad.protocol.smtp.extensions import Extensions
from postroad.protocol.smtp.failure import RelayFailure
from postroad.protocol.smtp.transaction import begin, finish, plan_transaction
from support.dialogue import Played, play, reply

PIPELINED = Extensions(pipelining=True)
PLAIN = Extensions()
TWO = Envelope("from@a.example", ("one@b.example", "two@b.example"))

MAIL = b"MAIL FROM:<from@a.example>\r\n"
ONE = b"RCPT TO:<one@b.example>\r\n"
OTHER = b"RCPT TO:<two@b.example>\r\n"
DATA = b"DATA\r\n"


def start(
    offered: Extensions, *replies: str, envelope: Envelope = TWO, reset: bool = False
) -> Played[tuple[RefusedRecipient, ...]]:
    return play(begin(plan_transaction(envelope, offered, octets=100), reset=reset), *replies)


def refusal(envelope: Envelope, offered: Extensions, *, smtputf8: bool = False) -> Failure:
    with pytest.raises(RelayFailure) as caught:
        plan_transaction(envelope, offered, octets=100, smtputf8=smtputf8)
    return caught.value.failure


def test_all_commands_go_out_at_once_where_that_is_offered() -> None:
    played = start(PIPELINED, "250 ok", "250 ok", "250 ok", "354 go")

    assert played.said == [MAIL + ONE + OTHER + DATA]
    assert played.result == ()


def test_each_command_waits_for_its_reply_otherwise() -> None:
    played = start(PLAIN, "250 ok", "250 ok", "251 forwarded", "354 go")

    assert played.said == [MAIL, ONE, OTHER, DATA]
    assert played.result == ()


def test_reset_goes_before_in_the_same_breath() -> None:
    played = start(PIPELINED, "250 reset", "250 ok", "250 ok", "250 ok", "354 go", reset=True)

    assert played.said == [b"RSET\r\n" + MAIL + ONE + OTHER + DATA]


def test_a_refused_reset_says_nothing_about_the_message() -> None:
    failure = start(PIPELINED, "500 what", reset=True).failure

    assert failure is not None and failure.command == "RSET"
    assert isinstance(judge(failure), Deferred)


@pytest.mark.parametrize("offered", [PIPELINED, PLAIN])
def test_the_rest_get_the_message_when_some_are_refused(offered: Extensions) -> None:
    played = start(offered, "250 ok", "550 5.1.1 nobody", "250 ok", "354 go")

    assert played.result == (RefusedRecipient("one@b.example", reply("550 5.1.1 nobody")),)


@pytest.mark.parametrize(
    ("first", "second", "verdict", "code"),
    [
        ("550 no", "550 no", Rejected, 550),
        ("550 no", "450 later", Deferred, 450),
        ("451 later", "550 no", Deferred, 451),
        ("550 no", "503 out of step", Deferred, 503),
    ],
)
@pytest.mark.parametrize(
    ("offered", "ending"),
    [(PIPELINED, ["554 no valid recipients"]), (PIPELINED, ["354 go", "554 nobody"]), (PLAIN, [])],
)
def test_all_refused_is_final_only_if_time_mends_none(
    first: str,
    second: str,
    verdict: type[Deferred] | type[Rejected],
    code: int,
    offered: Extensions,
    ending: list[str],
) -> None:
    failure = start(offered, "250 ok", first, second, *ending).failure

    assert failure is not None and failure.reply is not None
    assert (failure.kind, failure.command) == (FailureKind.ENVELOPE, "RCPT TO")
    assert isinstance(judge(failure), verdict)
    assert failure.reply.code == code


def test_a_354_for_nobody_is_met_with_a_lone_dot() -> None:
    # RFC 2920 §3.1
    played = start(PIPELINED, "250 ok", "550 no", "550 no", "354 go", "250 swallowed")

    assert played.said[-1] == b".\r\n"
    assert played.failure is not None


@pytest.mark.parametrize(
    ("offered", "rest"),
    [
        (PIPELINED, ["503 first MAIL", "503 first MAIL", "503 first MAIL"]),
        (PIPELINED, ["503 first MAIL", "503 first MAIL", "354 go", "503 no"]),
        (PLAIN, []),
    ],
)
def test_a_refused_sender_hears_all_replies_first(offered: Extensions, rest: list[str]) -> None:
    failure = start(offered, "550 5.7.1 not you", *rest).failure

    assert failure is not None and failure.command == "MAIL FROM"
    assert isinstance(judge(failure), Rejected)


@pytest.mark.parametrize("offered", [PIPELINED, PLAIN])
def test_refused_data_is_about_the_message(offered: Extensions) -> None:
    failure = start(offered, "250 ok", "250 ok", "250 ok", "451 4.3.0 disk full").failure

    assert failure is not None
    assert (failure.kind, failure.command) == (FailureKind.MESSAGE, "DATA")
    assert isinstance(judge(failure), Deferred)


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("offered", [PIPELINED, PLAIN])
def test_421_ends_it_wherever_it_comes(before: int, offered: Extensions) -> None:
    replies = ["250 reset", "250 ok", "250 ok", "250 ok", "354 go"][:before]
    failure = start(offered, *replies, "421 4.3.2 shutting down", reset=True).failure

    assert failure is not None and failure.kind is FailureKind.CONNECTION
    assert isinstance(judge(failure), Deferred)


@pytest.mark.parametrize(
    "replies", [["334 what"], ["250 ok", "354 early"], ["250 ok", "250 ok", "250 ok", "250 go"]]
)
def test_replies_out_of_order_are_not_guessed_at(replies: list[str]) -> None:
    with pytest.raises(RemoteProtocolError, match="out of order"):
        start(PLAIN, *replies)


def test_many_recipients_are_told_in_portions() -> None:
    many = Envelope("from@a.example", tuple(f"r{n}@b.example" for n in range(250)))
    replies = ["250 ok"] * 251 + ["354 go"]
    played = start(PIPELINED, *replies, envelope=many)

    assert [said.count(b"RCPT") for said in played.said] == [100, 100, 50]
    assert [said.endswith(DATA) for said in played.said] == [False, False, True]


def test_no_more_portions_follow_a_refused_sender() -> None:
    many = Envelope("from@a.example", tuple(f"r{n}@b.example" for n in range(250)))
    played = start(PIPELINED, "550 no", *["503 no"] * 100, envelope=many)

    assert len(played.said) == 1
    assert played.failure is not None and played.failure.command == "MAIL FROM"


def test_the_last_word_is_the_relays() -> None:
    refused = (RefusedRecipient("one@b.example", reply("550 no")),)

    assert play(finish(refused), "250 2.0.0 queued").result == Accepted(
        reply("250 2.0.0 queued"), refused
    )


@pytest.mark.parametrize(("last", "verdict"), [("451 later", Deferred), ("554 spam", Rejected)])
def test_a_refused_message_is_judged_by_its_code(
    last: str, verdict: type[Deferred] | type[Rejected]
) -> None:
    failure = play(finish(()), last).failure

    assert failure is not None
    assert (failure.kind, failure.command) == (FailureKind.MESSAGE, "DATA")
    assert isinstance(judge(failure), verdict)


def test_a_second_354_is_no_last_word() -> None:
    with pytest.raises(RemoteProtocolError):
        play(finish(()), "354 more")


def test_the_null_sender_is_empty_brackets() -> None:
    bounce = Envelope("", ("one@b.example",))

    assert plan_transaction(bounce, PLAIN, octets=1).mail == b"MAIL FROM:<>\r\n"


def test_no_recipients_is_a_failed_envelope() -> None:
    failure = refusal(Envelope("from@a.example", ()), PLAIN)

    assert failure.kind is FailureKind.ENVELOPE
    assert isinstance(judge(failure), Rejected)


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope("a@b.example>\r\nRCPT TO:<c@d.example", ("one@b.example",)),
        Envelope("from@a.example", ("one@b.example\r\nDATA",)),
        Envelope("from@a.example", ("good@b.example", "a b@c.example")),
    ],
)
def test_an_address_that_would_say_more_fails_the_envelope(envelope: Envelope) -> None:
    failure = refusal(envelope, PIPELINED)

    assert failure.kind is FailureKind.ENVELOPE
    assert "\n" not in failure.message


def test_a_message_above_the_limit_is_not_even_begun() -> None:
    failure = refusal(TWO, Extensions(size=True, max_bytes=99))

    assert failure.kind is FailureKind.MESSAGE
    assert isinstance(judge(failure), Rejected)


def test_a_message_at_the_limit_goes() -> None:
    plan = plan_transaction(TWO, Extensions(size=True, max_bytes=100), octets=100)

    assert plan.mail == b"MAIL FROM:<from@a.example> SIZE=100\r\n"


def test_utf8_addresses_need_smtputf8() -> None:
    envelope = Envelope("from@a.example", ("jüri@exämple.com",))

    assert refusal(envelope, PLAIN).kind is FailureKind.ENVELOPE
    plan = plan_transaction(envelope, Extensions(smtputf8=True), octets=1)
    assert plan.mail.endswith(b" SMTPUTF8\r\n")


def test_utf8_headers_need_smtputf8() -> None:
    assert refusal(TWO, PLAIN, smtputf8=True).kind is FailureKind.MESSAGE


def test_a_unicode_domain_alone_needs_no_smtputf8() -> None:
    plan = plan_transaction(Envelope("a@bücher.example", ("b@bücher.example",)), PLAIN, octets=1)

    assert plan.mail == b"MAIL FROM:<a@xn--bcher-kva.example>\r\n"
