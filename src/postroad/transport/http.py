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
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
from python_socks.async_.asyncio import Proxy

from postroad.domain.egress import EgressPolicy
from postroad.domain.errors import RemoteProtocolError
from postroad.domain.secret import Secret
from postroad.protocol.http import HttpReply, HttpUrl, post_head
from postroad.transport.http_connection import HttpConnection

_MAX_IDLE = 256  # connections kept over all origins
_MAX_IDLE_PER_ORIGIN = 32
_ADDRESS_TIMEOUT_S = 10.0  # for one address while another is left to try
_JOIN_BELOW = 64 * 1024  # one write for head and body up to here; beyond it no second copy

_Key = tuple[str, Secret[str] | None]  # origin, proxy
Address = tuple[str, int]  # numeric, perhaps with a scope, and the port


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """Why there was no answer."""

    code: str  # as operators know them from system errors: ECONNREFUSED, ETIMEDOUT, ...
    message: str  # for people, on one line
    is_final: bool = False  # another attempt would end the same way


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
        resolve: Callable[[str, int], Awaitable[list[Address]]] | None = None,
    ) -> None:
        self._policy = policy
        self._tls = tls
        self._idle_s = idle_s
        self._resolve = resolve or system_resolve
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
                opened = await self._open(url, proxy)
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

    # New connections.

    async def _open(self, url: HttpUrl, proxy: Secret[str] | None) -> HttpConnection | HttpFailure:
        try:
            addresses = await self._resolve(url.host, url.port)
        except OSError as error:
            # Behind a proxy only the proxy may know the name.
            if proxy is None:
                return HttpFailure("ENOTFOUND", f"{url.host} cannot be resolved: {error.strerror}")
            addresses = []
        for address, _ in addresses:
            if self._policy.refuses(address):
                return HttpFailure(
                    "EEGRESSBLOCKED",
                    f"{url.host} is at {address}, which the egress policy does not allow",
                    is_final=True,
                )
        try:
            if proxy is not None:
                return await self._open_through(proxy, url)
            return await self._open_directly(url, addresses)
        except ssl.SSLCertVerificationError as error:
            return HttpFailure("ECERT", f"certificate of {url.host}: {error.verify_message}")
        except ssl.SSLError as error:
            return HttpFailure("ETLS", f"TLS with {url.host}: {error.reason or error}")
        except (ProxyError, ProxyConnectionError, ProxyTimeoutError) as error:
            return HttpFailure("EPROXY", f"proxy: {error}")
        except OSError as error:
            return _os_failure(url, error)

    async def _open_directly(self, url: HttpUrl, addresses: Sequence[Address]) -> HttpConnection:
        for position, address in enumerate(addresses):
            is_last = position == len(addresses) - 1
            try:
                async with asyncio.timeout(None if is_last else _ADDRESS_TIMEOUT_S):
                    return await self._connect(url, address)
            except ssl.SSLError:
                raise
            except OSError:  # refused, unreachable, or out of this address's time
                if is_last:
                    raise
        raise OSError("no address")  # getaddrinfo promises at least one

    async def _open_through(self, proxy: Secret[str], url: HttpUrl) -> HttpConnection:
        try:
            way = Proxy.from_url(proxy.reveal())
        except ValueError as error:
            raise ProxyError("the proxy URL cannot be read") from error
        # No timeout of its own: the whole request is under one.
        sock = await way.connect(url.host, url.port, timeout=86_400)
        try:
            return await self._connect(url, sock)
        except BaseException:
            sock.close()
            raise

    async def _connect(self, url: HttpUrl, to: Address | socket.socket) -> HttpConnection:
        loop = asyncio.get_running_loop()
        context = self._context() if url.is_secure else None
        name = url.host if url.is_secure else None
        if isinstance(to, socket.socket):
            _, connection = await loop.create_connection(
                HttpConnection, sock=to, ssl=context, server_hostname=name
            )
        else:
            _, connection = await loop.create_connection(
                HttpConnection, to[0], to[1], ssl=context, server_hostname=name
            )
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


async def system_resolve(host: str, port: int) -> list[Address]:
    """All addresses of a host. Odd spellings of numbers (``0x7f.1``) come out as numbers."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses: dict[Address, None] = {}
    for _, _, _, _, peer in found:
        address = str(peer[0])
        # A link-local address is only good together with its interface.
        if len(peer) == 4 and peer[3] and "%" not in address:
            address = f"{address}%{peer[3]}"
        addresses[address, int(peer[1])] = None
    return list(addresses)


def _os_failure(url: HttpUrl, error: OSError) -> HttpFailure:
    name = errno.errorcode.get(error.errno or 0, "ECONNECTION")
    said = error.strerror or str(error) or type(error).__name__
    return HttpFailure(name, f"{url.host} port {url.port}: {said}")


def _idle_since(connection: HttpConnection) -> float:
    return connection.idle_since_s
