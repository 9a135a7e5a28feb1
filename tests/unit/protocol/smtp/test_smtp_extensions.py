from __future__ import annotations

import pytest

from postroad.protocol.smtp.extensions import Extensions, parse_extensions
from support.dialogue import reply


def offered(*lines: str) -> Extensions:
    return parse_extensions(reply("\n".join([*(f"250-{line}" for line in lines), "250 HELP"])))


def test_postfix_offers_what_it_says() -> None:
    # A Postfix 3.7 with TLS and SASL.
    extensions = offered(
        "mail.example",
        "PIPELINING",
        "SIZE 10240000",
        "VRFY",
        "ETRN",
        "STARTTLS",
        "AUTH PLAIN LOGIN",
        "AUTH=PLAIN LOGIN",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
        "DSN",
        "SMTPUTF8",
        "CHUNKING",
    )

    assert extensions == Extensions(
        pipelining=True,
        eight_bit=True,
        smtputf8=True,
        dsn=True,
        starttls=True,
        enhanced=True,
        size=True,
        max_bytes=10240000,
        auth=frozenset({"PLAIN", "LOGIN"}),
    )


def test_the_name_of_the_server_offers_nothing() -> None:
    assert offered("PIPELINING greets you") == Extensions()


def test_keywords_are_case_insensitive() -> None:
    assert offered("x", "pipelining", "Auth plain") == Extensions(
        pipelining=True, auth=frozenset({"PLAIN"})
    )


def test_the_old_form_of_auth_is_read() -> None:
    assert offered("x", "AUTH=LOGIN CRAM-MD5").auth == {"LOGIN", "CRAM-MD5"}


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("SIZE", None),
        ("SIZE 0", None),
        ("SIZE lots", None),
        ("SIZE -5", None),
        ("SIZE ²", None),
        ("SIZE 99999999999999999999999999", None),
        ("SIZE 35882577", 35882577),
    ],
)
def test_a_limit_counts_only_if_it_is_a_number_above_zero(line: str, limit: int | None) -> None:
    extensions = offered("x", line)

    assert extensions.size
    assert extensions.max_bytes == limit


def test_empty_lines_are_passed_over() -> None:
    assert offered("x", "", "  ", "DSN").dsn
