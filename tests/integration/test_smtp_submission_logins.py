"""Who may send: the shared password, tokens and all that narrows them. Contract B-175, B-176."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.road import Road
from support.scripted_relay import ScriptedRelay
from support.submission import PASSWORD, Line, plain, submission

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Road, int]]:
    folder = tmp_path_factory.mktemp("logins")
    with ScriptedRelay() as relay, submission(folder) as (on_road, port):
        on_road.account("example", relay)
        on_road.account("other", relay)
        yield on_road, port


def token(on_road: Road, account: str = "example", **more: Any) -> str:
    body = {"account": account, "description": "x", "scopes": ["smtp"], **more}
    return str(on_road.server.ok("POST", "/v1/token", body)["token"])


def log_in(smtp: tuple[Road, int], user: str, password: str) -> str:
    with Line(smtp[1]) as line:
        line.hear()
        line.say(b"EHLO foo\r\n")
        return line.say(plain(user, password))


def test_the_shared_password_opens_every_account(smtp: tuple[Road, int]) -> None:
    for account in ("example", "other"):
        assert log_in(smtp, account, PASSWORD) == "235 Authentication successful"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "235 Authentication successful"),
        ({"scopes": ["api", "smtp"]}, "235 Authentication successful"),
        ({"permissions": {"actions": ["send"]}}, "235 Authentication successful"),
        ({"restrictions": {"addresses": ["127.0.0.0/8"]}}, "235 Authentication successful"),
        ({"account": "other"}, "535 5.7.8 Unauthorized account"),
        ({"scopes": ["api"]}, "535 5.7.8 Unauthorized scope"),
        ({"permissions": {"actions": ["read"]}}, "535 5.7.8 Unauthorized permission"),
        ({"restrictions": {"addresses": ["192.0.2.1"]}}, "535 5.7.8 Unauthorized address"),
    ],
)
def test_a_token_opens_what_it_was_made_for(
    smtp: tuple[Road, int], more: dict[str, Any], said: str
) -> None:
    assert log_in(smtp, "example", token(smtp[0], **more)) == said


@pytest.mark.parametrize(
    ("user", "password"),
    [("nobody", PASSWORD), ("example", "wrong"), ("example", ""), ("example", "0" * 64)],
)
def test_everything_else_is_refused_in_the_same_words(
    smtp: tuple[Road, int], user: str, password: str
) -> None:
    assert log_in(smtp, user, password) == "535 5.7.8 Authentication failed"


def test_a_revoked_token_sends_nothing_more_in_an_old_session(smtp: tuple[Road, int]) -> None:
    value = token(smtp[0])
    with Line(smtp[1]) as line:
        line.log_in(plain("example", value))
        assert line.mail(b"x: y\r\n\r\nx\r\n.\r\n").startswith("250 ")
        smtp[0].server.ok("DELETE", f"/v1/token/{value}")
        assert line.mail(b"x: y\r\n\r\nx\r\n.\r\n") == "550 5.7.1 Bad token"


def test_a_rate_limit_puts_messages_off(smtp: tuple[Road, int]) -> None:
    rate = {"maxRequests": 1, "timeWindow": 60}
    with Line(smtp[1]) as line:
        line.log_in(plain("example", token(smtp[0], restrictions={"rateLimit": rate})))
        assert line.mail(b"x: y\r\n\r\nx\r\n.\r\n").startswith("250 ")
        assert line.mail(b"x: y\r\n\r\nx\r\n.\r\n").startswith("451 4.7.0 Rate limit exceeded")


def test_guessing_becomes_slow_and_who_was_in_before_gets_in(tmp_path: Path) -> None:
    with ScriptedRelay() as relay, submission(tmp_path) as smtp:
        smtp[0].account("example", relay)
        assert log_in(smtp, "example", PASSWORD).startswith("235 ")
        began_at = time.monotonic()
        for _ in range(4):
            assert log_in(smtp, "example", "guess").startswith("535 ")
        guessed_s = time.monotonic() - began_at
        began_at = time.monotonic()
        assert log_in(smtp, "example", PASSWORD).startswith("235 ")
        assert time.monotonic() - began_at < 0.5 < 1.9 < guessed_s


def test_three_wrong_logins_end_the_session(tmp_path: Path) -> None:
    with submission(tmp_path) as (_, port), Line(port) as line:
        line.hear()
        line.say(b"EHLO foo\r\n")
        for _ in range(3):
            assert line.say(plain("example", "guess")).startswith("535 ")
        assert line.hear().startswith("421 4.7.0 ")
        assert line.is_closed()
