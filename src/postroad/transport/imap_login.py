"""From a greeting to a session that is secure and ours.

STARTTLS, AUTHENTICATE and LOGIN: RFC 9051 §6.2; SASL-IR: RFC 4959.
"""

from __future__ import annotations

import ssl

from postroad.domain.account import ImapSettings, Login
from postroad.domain.errors import LocalProtocolError
from postroad.domain.reply import FailureKind
from postroad.protocol import sasl
from postroad.protocol.imap import commands
from postroad.protocol.imap.status import Condition, Status
from postroad.transport.dial import DialError, tls_words
from postroad.transport.imap_errors import AuthenticationRefused, login_refusal
from postroad.transport.imap_wire import ImapWire

_LOGIN_COMMAND = "the LOGIN command"


async def start_tls(wire: ImapWire, settings: ImapSettings) -> None:
    """Put TLS under a session that has just begun. Raises :exc:`DialError` of kind TLS."""
    answer = await wire.run(commands.STARTTLS, may_fail=True)
    if answer.status.condition is not Condition.OK:
        raise DialError(
            FailureKind.TLS, f"The server offers STARTTLS and refuses it: {answer.status.line}"
        )
    where = f"{settings.host}:{settings.port}"
    try:
        await wire.start_tls(settings.host, settings.tls)
    except ssl.SSLError as error:
        raise DialError(FailureKind.TLS, f"TLS with {where} failed: {tls_words(error)}") from error
    except TimeoutError:
        raise DialError(FailureKind.TIMEOUT, f"No TLS with {where} in time") from None
    except OSError as error:
        raise DialError(FailureKind.TLS, f"TLS with {where} broke: {error}") from error


async def log_in(
    wire: ImapWire, login: Login | None, *, host: str, port: int, is_encrypted: bool
) -> None:
    """Authenticate with the best way that server and login share.

    Another way is tried only after BAD (the server does not know its own mechanism) and after a
    refused CRAM-MD5, which many servers offer without being able to do it. Raises
    :exc:`AuthenticationRefused`, or :exc:`Unavailable` where the refusal is temporary.
    """
    if login is None or (login.password is None and login.access_token is None):
        raise AuthenticationRefused("The account has no IMAP password or access token")
    ways = _ways(wire, login, is_encrypted=is_encrypted)
    if not ways:
        raise AuthenticationRefused("The server offers no login that fits this account")
    for last, way in zip([False] * (len(ways) - 1) + [True], ways, strict=True):
        try:
            status = await _try(wire, way, login, host=host, port=port)
        except LocalProtocolError as error:
            raise AuthenticationRefused(error.message) from error
        if status.condition is Condition.OK:
            return
        may_go_on = status.condition is Condition.BAD or way == "CRAM-MD5"
        if last or not may_go_on:
            raise login_refusal(status)


def _ways(wire: ImapWire, login: Login, *, is_encrypted: bool) -> list[str]:
    known = wire.session.capabilities or frozenset()
    offered = {name[5:] for name in known if name.startswith("AUTH=")}
    ways = list(sasl.rank_mechanisms(offered, login, is_encrypted=is_encrypted))
    if login.password is not None and login.access_token is None:
        if "LOGINDISABLED" not in known:
            # Better tested than any mechanism but PLAIN, and the only way of older servers.
            at = next((i + 1 for i, way in enumerate(ways) if way == "PLAIN"), 0)
            if "CRAM-MD5" in ways[:1]:
                at = max(at, 1)
            ways.insert(at, _LOGIN_COMMAND)
    return ways


async def _try(wire: ImapWire, way: str, login: Login, *, host: str, port: int) -> Status:
    if way == _LOGIN_COMMAND:
        assert login.password is not None
        password = login.password.reveal()
        return (await wire.run(commands.login(login.user, password), may_fail=True)).status
    exchange = sasl.begin(way, login, host=host, port=port)
    initial = next(exchange)
    if initial is not None and wire.session.can("SASL-IR"):
        command = commands.authenticate(way, initial)
    else:
        command = commands.authenticate(way)
        exchange = _with_initial(exchange, initial)
        next(exchange)
    return (await wire.run(command, exchange=exchange, may_fail=True)).status


def _with_initial(exchange: sasl.Exchange, initial: bytes | None) -> sasl.Exchange:
    """The exchange for a server that cannot take the initial response with the command."""
    challenge = yield None
    if initial is not None:
        challenge = yield initial  # the empty challenge is answered by it. RFC 4959 §1
    while True:
        challenge = yield exchange.send(challenge)
