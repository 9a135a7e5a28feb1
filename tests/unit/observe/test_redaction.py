"""What is named or shaped like a secret is hidden; the rest stays readable and small."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from postroad.domain.secret import Secret
from postroad.observe.redaction import HIDDEN, MAX_CHARS, names_secret, redact


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "smtp_pass",
        "smtpServerPassword",
        "accessToken",
        "access_token",
        "Authorization",
        "X-Api-Key",
        "private_key",
        "serviceSecret",
        "X-EE-Wh-Signature",
        "Set-Cookie",
        "cookie",
        "PASSWORD",
        "EENGINE_SECRET",
    ],
)
def test_names_of_secrets_are_known(key: str) -> None:
    assert names_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "account",
        "queue_id",
        "token_id",
        "idempotency_key",
        "passed",
        "author",
        "key",
        "",
        "compass",
    ],
)
def test_other_names_are_left_alone(key: str) -> None:
    assert not names_secret(key)


def test_numbers_pass_whatever_their_name() -> None:
    assert redact("claim_token", 7) == 7
    assert redact("password", None) is None
    assert redact("has_secret", True) is True


def test_a_secret_prints_as_stars_under_any_name() -> None:
    assert redact("value", Secret("hunter2")) == HIDDEN
    assert redact("values", [Secret("hunter2")]) == [HIDDEN]


def test_nested_members_are_hidden_by_their_own_name() -> None:
    told = redact("account", {"imap": {"auth": {"user": "u", "pass": "p"}, "host": "h"}})

    assert told == {"imap": {"auth": HIDDEN, "host": "h"}}


def test_credentials_are_cut_out_of_urls() -> None:
    text = "no route via socks5://joe:secret@10.0.0.1:1080, tried http://plain.example/a@b"

    assert redact("error", text) == (
        "no route via socks5://***@10.0.0.1:1080, tried http://plain.example/a@b"
    )


def test_long_text_is_cut_and_says_so() -> None:
    told = str(redact("line", "x" * (MAX_CHARS + 1)))

    assert told.endswith(f"... ({MAX_CHARS + 1} characters)")


def test_depth_is_bounded() -> None:
    endless: list[object] = []
    endless.append(endless)

    assert redact("loop", endless) == [[[["..."]]]]


def test_octets_and_times_become_text() -> None:
    assert redact("line", b"caf\xe9\r\n") == "caf\\xe9\r\n"
    assert redact("at", datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00+00:00"
