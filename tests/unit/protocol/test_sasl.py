from __future__ import annotations

import pytest

from postroad.domain.account import Login
from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.domain.secret import Secret
from postroad.protocol.sasl import begin, rank_mechanisms

PASSWORD = Login("tim", password=Secret("tanstaaftanstaaf"))
TOKEN = Login("user@example.com", access_token=Secret("token"))


def test_plain_is_one_response() -> None:
    exchange = begin("PLAIN", PASSWORD)

    assert next(exchange) == b"\0tim\0tanstaaftanstaaf"  # RFC 4616 §4
    with pytest.raises(RemoteProtocolError):
        exchange.send(b"")


def test_cram_md5_answers_the_challenge() -> None:
    # RFC 2195 §2
    exchange = begin("CRAM-MD5", PASSWORD)

    assert next(exchange) is None
    assert (
        exchange.send(b"<1896.697170952@postoffice.reston.mci.net>")
        == b"tim b913a602c7eda7a495b4e6e7334d3890"
    )


def test_oauthbearer_escapes_the_name() -> None:
    # RFC 7628 §4.1, with a name that needs escaping
    login = Login("a=b,c@example.com", access_token=Secret("token"))

    assert next(begin("OAUTHBEARER", login, host="server.example.com", port=143)) == (
        b"n,a=a=3Db=2Cc@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer token\x01\x01"
    )


@pytest.mark.parametrize(
    ("login", "is_encrypted", "ranked"),
    [
        (PASSWORD, True, ("PLAIN", "LOGIN", "CRAM-MD5")),
        (PASSWORD, False, ("CRAM-MD5", "PLAIN", "LOGIN")),
        (TOKEN, True, ("XOAUTH2", "OAUTHBEARER")),
        (Login("tim"), True, ()),
    ],
)
def test_mechanisms_fit_the_login(
    login: Login, is_encrypted: bool, ranked: tuple[str, ...]
) -> None:
    offered = {"GSSAPI", "LOGIN", "PLAIN", "OAUTHBEARER", "XOAUTH2", "CRAM-MD5"}

    assert rank_mechanisms(offered, login, is_encrypted=is_encrypted) == ranked


@pytest.mark.parametrize(
    ("mechanism", "login"),
    [
        ("PLAIN", TOKEN),
        ("XOAUTH2", PASSWORD),
        ("GSSAPI", PASSWORD),
        ("PLAIN", Login("a\0b", password=Secret("x"))),
        ("LOGIN", Login("tim", password=Secret("x\0"))),
        ("XOAUTH2", Login("a\x01auth=Bearer other", access_token=Secret("x"))),
        ("OAUTHBEARER", Login("tim", access_token=Secret("x\r\n"))),
    ],
)
def test_what_a_mechanism_cannot_carry_is_refused(mechanism: str, login: Login) -> None:
    with pytest.raises(LocalProtocolError):
        begin(mechanism, login)
