"""From a fresh socket to an authenticated session: greeting, TLS, login, ID, UTF-8, COMPRESS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from postroad.domain.account import ImapSettings
from postroad.domain.errors import PostroadError
from postroad.domain.secret import Secret
from postroad.protocol.imap import commands
from postroad.protocol.imap.framer import DEFAULT_MAX_SIZE
from postroad.protocol.imap.response import ServerId
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.imap.state import State
from postroad.protocol.imap.status import Condition
from postroad.protocol.imap.tapped import Tap
from postroad.transport.imap_errors import ConnectionLost, no_answer
from postroad.transport.imap_login import log_in, start_tls
from postroad.transport.imap_running import ImapTimeouts
from postroad.transport.imap_wire import ImapWire
from postroad.transport.stream import Endpoint, connect

# Before the login nothing that a server says is long; who says more is no mail server of ours.
BEFORE_LOGIN_BYTES = 64 * 1024


async def open_wire(
    settings: ImapSettings,
    timeouts: ImapTimeouts,
    *,
    proxy: Secret[str] | None,
    local_address: str | None,
    tap: Tap | None,
) -> ImapWire:
    """Dial. Raises :exc:`DialError`."""
    stream = await connect(
        Endpoint(
            host=settings.host,
            port=settings.port,
            tls="implicit" if settings.secure else "none",
            tls_options=settings.tls,
            proxy=proxy,
            local_address=local_address,
            connect_timeout_s=timeouts.connect_s,
        )
    )
    session = ImapSession(
        allows_rev2=not settings.disable_rev2, max_response_bytes=BEFORE_LOGIN_BYTES
    )
    session.tap = tap
    return ImapWire(stream, session, timeouts)


async def begin(
    wire: ImapWire,
    settings: ImapSettings,
    client_id: Mapping[str, str] | None,
    *,
    compress: bool,
    open_s: float,
) -> tuple[bool, Mapping[str, str]]:
    """Bring a session to the authenticated state; tell if it is encrypted, and who serves it.

    Raises :exc:`DialError`, :exc:`AuthenticationRefused`, :exc:`Unavailable` and what
    :meth:`ImapWire.run` raises; then it is closed.
    """
    try:
        async with asyncio.timeout(open_s):
            return await _begin(wire, settings, client_id, compress=compress)
    except TimeoutError as error:
        await wire.close()
        raise no_answer("the login") from error
    except BaseException:
        await wire.close()
        raise


async def _begin(
    wire: ImapWire,
    settings: ImapSettings,
    client_id: Mapping[str, str] | None,
    *,
    compress: bool,
) -> tuple[bool, Mapping[str, str]]:
    session = wire.session
    is_encrypted = settings.secure
    greeting = await wire.greeting()
    if greeting.condition is Condition.BYE:
        raise ConnectionLost(
            f"The IMAP server turned us away: {greeting.line}", code=greeting.code_name
        )
    wire.raise_if_lost()  # a server may say goodbye in the same breath
    await _learn_capabilities(wire)
    if not settings.secure and session.can("STARTTLS"):
        if session.state is State.NOT_AUTHENTICATED:
            await start_tls(wire, settings)
            is_encrypted = True
            await _learn_capabilities(wire)
    if session.state is not State.AUTHENTICATED:
        await log_in(
            wire,
            settings.login,
            host=settings.host,
            port=settings.port,
            is_encrypted=is_encrypted,
        )
        await _learn_capabilities(wire)
    session.max_response_bytes = DEFAULT_MAX_SIZE
    server_id: Mapping[str, str] = {}
    if session.can("ID"):
        answer = await wire.run(commands.client_id(client_id), wants=(ServerId,), may_fail=True)
        for told in answer.told:
            if isinstance(told, ServerId):
                server_id = told.fields
    if session.can("ENABLE") and session.can("UTF8=ACCEPT"):
        # Names, labels and headers as they are: without it a server has to downgrade or to hide
        # what was written to addresses beyond ASCII (RFC 6858). A refusal leaves all as it is.
        await wire.run(commands.enable(["UTF8=ACCEPT"]), may_fail=True)
    if compress and session.can("COMPRESS=DEFLATE"):
        await wire.run(commands.COMPRESS_DEFLATE, may_fail=True)  # a refusal leaves all as it is
    wire.raise_if_lost()
    return is_encrypted, server_id


async def _learn_capabilities(wire: ImapWire) -> None:
    if wire.session.capabilities is None:
        await wire.run(commands.CAPABILITY)


async def log_out(wire: ImapWire, close_s: float) -> None:
    """Say goodbye and close; without a word when a command runs or the server takes too long."""
    try:
        if wire.loss is None and (wire.idler.is_idling or not wire.is_busy):
            wire.expect_end()
            async with asyncio.timeout(close_s):
                await wire.run(commands.LOGOUT, may_fail=True)
    except (TimeoutError, PostroadError):
        pass  # it ends either way
    finally:
        await wire.close()
