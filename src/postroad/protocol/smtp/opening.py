"""Greeting, EHLO, STARTTLS, AUTH and QUIT as dialogues. All raise :exc:`RelayFailure`."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from postroad.domain.account import Login
from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.domain.reply import Failure, FailureKind, SmtpReply
from postroad.protocol import sasl
from postroad.protocol.smtp.extensions import Extensions, parse_extensions
from postroad.protocol.smtp.failure import Dialogue, RelayFailure, refused, require
from postroad.protocol.wire import ascii_domain, shorten

_MAX_COMMAND_BYTES = 512  # CRLF included. RFC 5321 §4.5.3.1.4
_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}|\[[A-Za-z0-9.:-]{1,64}\]")

# Codes that refuse the mechanism and say nothing about the password. RFC 4954 §4, §6
_TRY_ANOTHER = frozenset({504, 534})


def greet() -> Dialogue[SmtpReply]:
    """Wait for the server to open. RFC 5321 §3.1."""
    reply = yield "CONN", b""
    if reply.code != 220:
        raise refused(FailureKind.PROTOCOL, "CONN", reply)
    return reply


def hello(name: str) -> Dialogue[Extensions]:
    """Introduce ourselves as ``name``, with HELO where EHLO is not known. RFC 5321 §3.2.

    ``name`` is a domain or an address literal; :exc:`LocalProtocolError` otherwise.
    """
    try:
        name = ascii_domain(name)
    except ValueError as error:
        raise LocalProtocolError(f"Not a name to say EHLO with: {name!r}") from error
    if _NAME.fullmatch(name) is None:
        raise LocalProtocolError(f"Not a name to say EHLO with: {name!r}")
    reply = yield "EHLO", f"EHLO {name}\r\n".encode("ascii")
    if 200 <= reply.code < 300:
        return parse_extensions(reply)
    if reply.code < 500:
        raise refused(FailureKind.PROTOCOL, "EHLO", reply)
    reply = yield "HELO", f"HELO {name}\r\n".encode("ascii")
    if not 200 <= reply.code < 300:
        raise refused(FailureKind.PROTOCOL, "HELO", reply)
    return Extensions()


def starttls() -> Dialogue[None]:
    """Ask for TLS; it begins with the very next octet. RFC 3207 §4."""
    reply = yield "STARTTLS", b"STARTTLS\r\n"
    if reply.code != 220:
        raise refused(FailureKind.TLS, "STARTTLS", reply)


def authenticate(
    login: Login, offered: Extensions, *, is_encrypted: bool, host: str, port: int
) -> Dialogue[None]:
    """Log in with the best mechanism that both sides have. RFC 4954 §4.

    The next one is tried only if the server refuses the mechanism, never after a refused
    password. A refusal keeps its reply, so that a 4xx is a matter of time and a 5xx is final.
    """
    if login.access_token is None and login.password is None:
        raise RelayFailure(
            Failure(FailureKind.NO_AUTH, "The account has no password or access token", "AUTH")
        )
    mechanisms = sasl.rank_mechanisms(offered.auth, login, is_encrypted=is_encrypted)
    if not mechanisms:
        shown = " ".join(sorted(offered.auth)) or "none"
        words = f"The relay offers no way to log in that fits the account (offered: {shown})"
        raise RelayFailure(Failure(FailureKind.AUTH, words, "AUTH"))
    for mechanism in mechanisms:
        try:
            exchange = sasl.begin(mechanism, login, host=host, port=port)
        except LocalProtocolError as error:
            raise RelayFailure(Failure(FailureKind.AUTH, error.message, "AUTH")) from error
        reply, detail = yield from _attempt(mechanism, exchange)
        if 200 <= reply.code < 300:
            return
        if reply.code not in _TRY_ANOTHER or mechanism == mechanisms[-1]:
            failure = refused(FailureKind.AUTH, "AUTH", reply).failure
            words = f"{failure.message} ({detail})" if detail else failure.message
            raise RelayFailure(Failure(failure.kind, words, "AUTH", reply))


def _attempt(mechanism: str, exchange: sasl.Exchange) -> Dialogue[tuple[SmtpReply, str]]:
    """Carry one exchange; gives the last reply and what an error challenge said (RFC 7628)."""
    initial = next(exchange)
    command = b"AUTH " + mechanism.encode("ascii")
    if initial is not None:
        inline = command + b" " + (b64encode(initial) or b"=")
        if len(inline) + 2 <= _MAX_COMMAND_BYTES:
            command, initial = inline, None
    reply = yield "AUTH", command + b"\r\n"
    detail = ""
    while reply.code == 334:
        try:
            if initial is not None:  # too long for the command, so it answers the empty challenge
                response, initial = initial, None
            else:
                challenge = b64decode(reply.lines[-1], validate=True)
                if challenge.startswith(b"{"):
                    detail = shorten(challenge, 300)
                response = exchange.send(challenge) or b""
        except (Base64Error, ValueError, RemoteProtocolError) as error:
            yield "AUTH", b"*\r\n"  # calls the exchange off. RFC 4954 §4
            raise RemoteProtocolError(f"AUTH {mechanism} went wrong: {error}") from error
        reply = yield "AUTH", b64encode(response) + b"\r\n"
    require(not 300 <= reply.code < 400, "AUTH", reply)
    return reply, detail


def goodbye() -> Dialogue[None]:
    """Take leave; what the server says to that changes nothing. RFC 5321 §4.1.1.10."""
    yield "QUIT", b"QUIT\r\n"


def simple(verb: str) -> Dialogue[SmtpReply]:
    """RSET or NOOP: 250 or something is wrong with the connection."""
    reply = yield verb, f"{verb}\r\n".encode("ascii")
    if not 200 <= reply.code < 300:
        raise refused(FailureKind.PROTOCOL, verb, reply)
    return reply
