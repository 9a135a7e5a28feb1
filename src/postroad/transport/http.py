"""Posting small bodies to many servers, over connections that stay open.

An :class:`HttpClient` keeps idle connections per origin and gives the most recent one to the
next request. Certificates are verified, redirects are not followed, bodies of answers are
dropped, and everything is bounded in octets and seconds. The egress policy is asked for every
address that the host resolves to, and the address that was asked about is the one dialed, so a
name that changes its mind between the two gains nothing.

What goes wrong with a peer is a value, :class:`HttpFailure`, as is any answer; nothing is raised.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from functools import partial

from postroad.domain.egress import EgressPolicy
from postroad.domain.errors import RemoteProtocolError
from postroad.domain.secret import Secret
from postroad.protocol.http import HttpReply, HttpUrl, post_head
from postroad.transport.http_connection import HttpConnection
from postroad.transport.http_dial import HttpDialer, HttpFailure, Resolve, system_resolve

__all__ = ["HttpClient", "HttpFailure"]

_MAX_IDLE = 256  # connections kept over all origins
_MAX_IDLE_PER_ORIGIN = 32
_JOIN_BELOW = 64 * 1024  # one write for head and body up to here; beyond it no second copy

_Key = tuple[str, Secret[str] | None]  # origin, proxy


class HttpClient:
    """A pool of connections for POST requests. One event loop, any number of callers.

    ``policy`` forbids addresses (contract: events §5); through a proxy it is applied to what
    the host resolves to here, while the proxy does the dialing. ``tls`` replaces the default
    context, which verifies against the system's authorities. ``idle_s`` is how long an unused
    connection is kept. ``resolve`` turns a host and a port into all addresses, or raises
    :exc:`OSError`.
    """

    def __init__(
        self,
        *,
        policy: EgressPolicy = EgressPolicy.LINK_LOCAL,
        tls: ssl.SSLContext | None = None,
        idle_s: float = 15.0,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._dialer = HttpDialer(policy, tls, resolve)
        self._idle_s = idle_s
        self._idle: dict[_Key, list[HttpConnection]] = {}
        self._idle_count = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def post(
        self,
        url: HttpUrl,
        lines: bytes,
        body: bytes,
        *,
        timeout_s: float,
        proxy: Secret[str] | None = None,
    ) -> HttpReply | HttpFailure:
        """Send one request and read its answer, all within ``timeout_s`` seconds.

        ``lines`` are header fields from :func:`~postroad.protocol.http.header_lines`, Host
        among them. ``proxy`` is an ``http``, ``socks4`` or ``socks5`` URL.

        A kept connection that turns out closed before any octet of an answer came is replaced
        by a new one, once: the server has dropped it while idle, and most likely never saw the
        request. If it did see it, the caller's event id tells the two apart.
        """
        head = post_head(url, lines, len(body))
        pieces = [head + body] if len(body) < _JOIN_BELOW else [head, body]
        key = (url.origin, proxy)
        try:
            async with asyncio.timeout(timeout_s):
                connection = self._take_idle(key)
                if connection is not None:
                    reply = await self._exchange(connection, key, pieces)
                    if reply is not None:
                        return reply
                opened = await self._dialer.open(url, proxy)
                if isinstance(opened, HttpFailure):
                    return opened
                reply = await self._exchange(opened, key, pieces)
        except TimeoutError:
            return HttpFailure("ETIMEDOUT", f"no answer within {timeout_s:g} s")
        except RemoteProtocolError as error:
            return HttpFailure("EPROTO", error.message)
        return reply or HttpFailure("ECONNRESET", "the server closed the connection unanswered")

    async def close(self) -> None:
        """Close idle connections at once; those in use close after their answer."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in [c for kept in self._idle.values() for c in kept]:
            connection.close()

    # One exchange.

    async def _exchange(
        self, connection: HttpConnection, key: _Key, pieces: Sequence[bytes]
    ) -> HttpReply | None:
        """The reply, or ``None`` if the connection ended before any octet of one."""
        is_kept = False
        try:
            reply = await connection.exchange(pieces)
            if reply is not None and reply.keep_alive:
                is_kept = self._keep(key, connection)
            return reply
        finally:
            if not is_kept:
                connection.close()

    # Idle connections.

    def _take_idle(self, key: _Key) -> HttpConnection | None:
        kept = self._idle.get(key)
        while kept:
            connection = kept[-1]
            self._forget(key, connection)
            if connection.is_open:
                return connection
        return None

    def _keep(self, key: _Key, connection: HttpConnection) -> bool:
        kept = self._idle.setdefault(key, [])
        if self._is_closed or not connection.is_open or len(kept) >= _MAX_IDLE_PER_ORIGIN:
            return False
        if self._idle_count >= _MAX_IDLE:
            self._drop_oldest()
        loop = asyncio.get_running_loop()
        connection.idle_since_s = loop.time()
        connection.on_idle_end = partial(self._forget, key, connection)
        self._idle.setdefault(key, kept).append(connection)
        self._idle_count += 1
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._idle_s, self._sweep)
        return True

    def _forget(self, key: _Key, connection: HttpConnection) -> None:
        connection.on_idle_end = None
        kept = self._idle.get(key)
        if kept is None or connection not in kept:
            return
        kept.remove(connection)
        self._idle_count -= 1
        if not kept:
            del self._idle[key]

    def _drop_oldest(self) -> None:
        oldest = min((kept[0] for kept in self._idle.values() if kept), key=_idle_since)
        oldest.close()

    def _sweep(self) -> None:
        """Close what has been idle for too long, and come back while anything is left."""
        self._sweeper = None
        loop = asyncio.get_running_loop()
        limit = loop.time() - self._idle_s
        for kept in list(self._idle.values()):
            for connection in [c for c in kept if c.idle_since_s <= limit]:
                connection.close()
        if self._idle_count:
            oldest = min(kept[0].idle_since_s for kept in self._idle.values() if kept)
            self._sweeper = loop.call_at(oldest + self._idle_s, self._sweep)


def _idle_since(connection: HttpConnection) -> float:
    return connection.idle_since_s
