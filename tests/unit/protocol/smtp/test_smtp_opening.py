from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from postroad.domain.account import Login
from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.domain.reply import Deferred, FailureKind, Rejected, judge
from postroad.domain.secret import Secret
from postroad.protocol.smtp.extensions import Extensions
from postroad.protocol.smtp.opening import authenticate, goodbye, greet, hello, simple, starttls
from support.dialogue import Played, play, reply

PASSWORD = Login("tim", password=Secret("tanstaaftanstaaf"))
TOKEN = Login(
    "someuser@example.com", access_token=Secret("vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
)


def log_in(login: Login, mechanisms: str, *replies: str, is_encrypted: bool = True) -> Played[None]:
    offered = Extensions(auth=frozenset(mechanisms.split()))
    dialogue = authenticate(
        login, offered, is_encrypted=is_encrypted, host="server.example.com", port=587
    )
    return play(dialogue, *replies)


def b64(octets: bytes) -> str:
    return b64encode(octets).decode()


def test_the_greeting_comes_before_anything_is_said() -> None:
    assert play(greet(), "220 mail.example ESMTP") == Played([], reply("220 mail.example ESMTP"))


@pytest.mark.parametrize(("greeting", "verdict"), [("421 busy", Deferred), ("554 no", Rejected)])
def test_a_greeting_that_refuses_is_judged_by_its_code(
    greeting: str, verdict: type[Deferred] | type[Rejected]
) -> None:
    failure = play(greet(), greeting).failure

    assert failure is not None and failure.command == "CONN"
    assert isinstance(judge(failure), verdict)


def test_ehlo_brings_what_is_offered() -> None:
    played = play(hello("us.example"), "250-them\n250 DSN")

    assert played.said == [b"EHLO us.example\r\n"]
    assert played.result == Extensions(dsn=True)


def test_helo_follows_where_ehlo_is_unknown() -> None:
    played = play(hello("us.example"), "500 what?", "250 them")

    assert played.said == [b"EHLO us.example\r\n", b"HELO us.example\r\n"]
    assert played.result == Extensions()


def test_helo_does_not_follow_a_matter_of_time() -> None:
    failure = play(hello("us.example"), "451 later").failure

    assert failure is not None and failure.command == "EHLO"
    assert isinstance(judge(failure), Deferred)


def test_neither_hello_is_final() -> None:
    failure = play(hello("us.example"), "550 no", "550 no").failure

    assert failure is not None and (failure.kind, failure.command) == (FailureKind.PROTOCOL, "HELO")
    assert isinstance(judge(failure), Rejected)


@pytest.mark.parametrize("name", ["[192.0.2.1]", "[IPv6:2001:db8::1]", "host_1", "bücher.example"])
def test_names_and_literals_introduce_us(name: str) -> None:
    said = play(hello(name), "250 hi").said[0]

    assert said.isascii() and said.startswith(b"EHLO ") and said.endswith(b"\r\n")


@pytest.mark.parametrize("name", ["", "two words", "x\r\nQUIT", "x\n", "[a b]", "<x>"])
def test_a_name_that_could_say_more_is_refused(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        play(hello(name))


def test_starttls_begins_with_220_only() -> None:
    assert play(starttls(), "220 go").failure is None
    refusal = play(starttls(), "454 4.7.0 no entropy").failure
    assert refusal is not None and refusal.kind is FailureKind.TLS
    assert isinstance(judge(refusal), Deferred)


def test_plain_under_tls_goes_in_one_line() -> None:
    played = log_in(PASSWORD, "CRAM-MD5 LOGIN PLAIN", "235 ok")

    assert played.said == [b"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"]  # RFC 4616 §4
    assert played.failure is None


def test_the_password_is_not_shown_without_tls_if_that_can_be_helped() -> None:
    # RFC 2195 §2
    played = log_in(
        PASSWORD,
        "LOGIN PLAIN CRAM-MD5",
        "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
        "235 ok",
        is_encrypted=False,
    )

    assert played.said == [
        b"AUTH CRAM-MD5\r\n",
        b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n",
    ]


def test_login_answers_two_questions_whatever_their_words() -> None:
    played = log_in(PASSWORD, "LOGIN", "334 VXNlciBOYW1lAA==", "334 UGFzc3dvcmQA", "235 ok")

    assert played.said == [b"AUTH LOGIN\r\n", b"dGlt\r\n", b"dGFuc3RhYWZ0YW5zdGFhZg==\r\n"]


def test_a_token_goes_by_xoauth2() -> None:
    played = log_in(TOKEN, "PLAIN OAUTHBEARER XOAUTH2", "235 ok")

    assert played.said[0].startswith(b"AUTH XOAUTH2 ")
    assert b64decode(played.said[0].split()[2]) == (
        b"user=someuser@example.com\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
    )


def test_an_error_challenge_is_answered_and_told() -> None:
    challenge = b64(b'{"status":"400","scope":"https://mail.example/"}')
    played = log_in(TOKEN, "XOAUTH2", f"334 {challenge}", "535 5.7.8 bad token")

    assert played.said[1] == b"\r\n"
    assert played.failure is not None and played.failure.kind is FailureKind.AUTH
    assert '"status":"400"' in played.failure.message
    assert isinstance(judge(played.failure), Rejected)


def test_oauthbearer_names_the_server_dialed() -> None:
    played = log_in(TOKEN, "OAUTHBEARER", "334 e30=", "535 no")

    initial = b64(
        b"n,a=someuser@example.com,\x01host=server.example.com\x01port=587\x01"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
    )
    assert played.said == [f"AUTH OAUTHBEARER {initial}\r\n".encode(), b"AQ==\r\n"]


def test_a_long_token_waits_for_the_challenge() -> None:
    # RFC 4954 §4: the command line stays within 512 octets.
    token = Login("u@example.com", access_token=Secret("t" * 2000))
    played = log_in(token, "XOAUTH2", "334 ", "235 ok")

    assert played.said[0] == b"AUTH XOAUTH2\r\n"
    assert len(played.said[1]) > 2000


def test_another_mechanism_follows_a_refused_mechanism() -> None:
    played = log_in(PASSWORD, "PLAIN LOGIN", "504 5.5.4 not here", "334 ", "334 ", "235 ok")

    assert played.failure is None
    assert played.said[1] == b"AUTH LOGIN\r\n"


def test_nothing_follows_a_refused_password() -> None:
    played = log_in(PASSWORD, "PLAIN LOGIN", "535 5.7.8 no")

    assert played.failure is not None and played.failure.command == "AUTH"
    assert isinstance(judge(played.failure), Rejected)


def test_a_login_that_fails_for_now_is_deferred() -> None:
    failure = log_in(PASSWORD, "PLAIN", "454 4.7.0 database away").failure

    assert failure is not None and failure.kind is FailureKind.AUTH
    assert isinstance(judge(failure), Deferred)


@pytest.mark.parametrize("mechanisms", ["", "GSSAPI NTLM", "XOAUTH2"])
def test_no_common_mechanism_is_a_failed_login(mechanisms: str) -> None:
    failure = log_in(PASSWORD, mechanisms).failure

    assert failure is not None and failure.kind is FailureKind.AUTH
    assert isinstance(judge(failure), Rejected)


def test_a_login_without_secrets_is_a_gap_of_ours() -> None:
    failure = log_in(Login("tim"), "PLAIN").failure

    assert failure is not None and failure.kind is FailureKind.NO_AUTH


def test_a_nul_in_the_password_never_reaches_the_wire() -> None:
    failure = log_in(Login("tim", password=Secret("a\0b")), "PLAIN").failure

    assert failure is not None and failure.kind is FailureKind.AUTH


@pytest.mark.parametrize(
    ("mechanisms", "replies"),
    [
        ("CRAM-MD5", ["334 not base64!", "501 cancelled"]),
        ("PLAIN", ["334 bW9yZQ==", "501 cancelled"]),
        ("LOGIN", ["334 ", "334 ", "334 ", "501 cancelled"]),
    ],
)
def test_an_exchange_that_makes_no_sense_is_called_off(mechanisms: str, replies: list[str]) -> None:
    with pytest.raises(RemoteProtocolError):
        log_in(PASSWORD, mechanisms, *replies)


def test_the_secret_is_in_no_failure() -> None:
    failure = log_in(PASSWORD, "PLAIN", "535 no").failure

    assert "tanstaaf" not in repr(failure)


def test_goodbye_does_not_mind_the_answer() -> None:
    assert play(goodbye(), "500 stay").failure is None


def test_a_refused_noop_means_a_bad_connection() -> None:
    assert play(simple("NOOP"), "250 ok").said == [b"NOOP\r\n"]
    assert play(simple("NOOP"), "500 no").failure is not None
