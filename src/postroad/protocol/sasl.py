"""SASL mechanisms for SMTP and IMAP, as exchanges of octets before base64. RFC 4422.

An exchange is a generator: ``next()`` gives the initial response, or ``None`` when the server
has to speak first; each challenge sent in gives the next response. A refusal by the server is
not its business.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Generator

from postroad.domain.account import Login
from postroad.domain.errors import LocalProtocolError, RemoteProtocolError

Exchange = Generator[bytes | None, bytes, None]

_WITH_TOKEN = ("XOAUTH2", "OAUTHBEARER")
_WITH_PASSWORD = ("PLAIN", "LOGIN", "CRAM-MD5")
_WITH_PASSWORD_IN_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")


def rank_mechanisms(
    offered: Collection[str], login: Login, *, is_encrypted: bool
) -> tuple[str, ...]:
    """Those of ``offered`` (in capitals) that fit the login, the best first.

    Under TLS PLAIN is the one that every server gets right; without TLS one that does not show
    the password goes first.
    """
    ours: tuple[str, ...] = ()
    if login.access_token is not None:
        ours = _WITH_TOKEN
    elif login.password is not None:
        ours = _WITH_PASSWORD if is_encrypted else _WITH_PASSWORD_IN_CLEAR
    return tuple(name for name in ours if name in offered)


def begin(mechanism: str, login: Login, *, host: str = "", port: int = 0) -> Exchange:
    """Start an exchange. ``host`` and ``port`` are those dialed; OAUTHBEARER names them.

    Raises :exc:`LocalProtocolError` if the login has not what the mechanism needs, or user or
    password hold a NUL.
    """
    user = login.user
    if mechanism in _WITH_TOKEN:
        if login.access_token is None:
            raise LocalProtocolError(f"{mechanism} needs an access token")
        token = login.access_token.reveal()
        _refuse_controls(user, token)
        if mechanism == "XOAUTH2":
            return _bearer(f"user={user}\x01auth=Bearer {token}\x01\x01", b"")
        name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 §4
        return _bearer(
            f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01", b"\x01"
        )
    if mechanism not in _WITH_PASSWORD or login.password is None:
        raise LocalProtocolError(f"{mechanism} is not possible with this login")
    password = login.password.reveal()
    if "\0" in user or "\0" in password:
        raise LocalProtocolError("User name and password cannot hold a NUL")
    if mechanism == "PLAIN":
        return _plain(user, password)
    if mechanism == "LOGIN":
        return _login(user, password)
    return _cram_md5(user, password)


def _plain(user: str, password: str) -> Exchange:
    """RFC 4616. The user acts for itself, so no authorization identity."""
    yield f"\0{user}\0{password}".encode()
    raise RemoteProtocolError("The server asked for more than PLAIN has")


def _login(user: str, password: str) -> Exchange:
    """The undocumented LOGIN: two questions whose wording differs and does not matter."""
    yield None
    yield user.encode()
    yield password.encode()
    raise RemoteProtocolError("The server asked for more than LOGIN has")


def _cram_md5(user: str, password: str) -> Exchange:
    """RFC 2195 §2."""
    challenge = yield None
    digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
    yield f"{user} {digest}".encode()
    raise RemoteProtocolError("The server asked for more than CRAM-MD5 has")


def _bearer(initial: str, after_error: bytes) -> Exchange:
    """XOAUTH2 and OAUTHBEARER (RFC 7628 §3). A challenge tells the error; a dummy ends it."""
    yield initial.encode()
    yield after_error
    raise RemoteProtocolError("The server asked for more than an access token")


def _refuse_controls(*texts: str) -> None:
    if any(c < " " or c == "\x7f" for text in texts for c in text):
        raise LocalProtocolError("User name and access token cannot hold control characters")
