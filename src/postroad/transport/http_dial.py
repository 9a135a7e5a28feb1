"""Opening connections to HTTP servers, past the egress policy and through proxies."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

from postroad.domain.egress import EgressPolicy
from postroad.domain.reply import FailureKind
from postroad.domain.secret import Secret
from postroad.protocol.http import HttpUrl
from postroad.transport.dial import (
    DialError,
    Endpoint,
    HttpProxy,
    http_proxy,
    open_socks,
    parse_connect_response,
    tls_words,
)
from postroad.transport.http_connection import HttpConnection

Address = tuple[str, int]  # numeric, perhaps with a scope, and the port
Resolve = Callable[[str, int], Awaitable[list[Address]]]

_ADDRESS_TIMEOUT_S = 10.0  # for one address while another is left to try
_MAX_CONNECT_HEAD = 16 * 1024
_NO_LIMIT_S = 86_400.0  # where a limit must be named although the caller has set one
_PROXY_FAILURE = FailureKind.CONNECTION


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """Why there was no answer."""

    code: str  # as operators know them from system errors: ECONNREFUSED, ETIMEDOUT, ...
    message: str  # for people, on one line
    is_final: bool = False  # another attempt would end the same way


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


class HttpDialer:
    """Knows the policy, the trust in certificates and how names are resolved."""

    def __init__(self, policy: EgressPolicy, tls: ssl.SSLContext | None, resolve: Resolve) -> None:
        self._policy = policy
        self._tls = tls
        self._resolve = resolve

    async def open(self, url: HttpUrl, proxy: Secret[str] | None) -> HttpConnection | HttpFailure:
        """Connect to the origin of ``url``. Set a timeout around it; it has none of its own."""
        try:
            addresses = await self._resolve(url.host, url.port)
        except (OSError, UnicodeError) as error:  # labels that are too long raise the latter
            # Behind a proxy only the proxy may know the name.
            if proxy is None:
                return HttpFailure("ENOTFOUND", f"{url.host} cannot be resolved: {_words(error)}")
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
        except DialError as error:  # proxies alone raise it here
            return HttpFailure("EPROXY", error.message)
        except ssl.SSLError as error:
            is_certificate = isinstance(error, ssl.SSLCertVerificationError)
            return HttpFailure(
                "ECERT" if is_certificate else "ETLS", f"TLS with {url.host}: {tls_words(error)}"
            )
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "ECONNECTION")
            return HttpFailure(name, f"{url.host} port {url.port}: {_words(error)}")

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
        raise OSError("no address")  # resolvers promise at least one

    async def _open_through(self, proxy: Secret[str], url: HttpUrl) -> HttpConnection:
        way = http_proxy(proxy)
        try:
            if way is not None:
                return await self._connect_in(await self._open_tunnel(way, url), url)
            sock = await open_socks(
                Endpoint(url.host, url.port, proxy=proxy, connect_timeout_s=_NO_LIMIT_S)
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            raise DialError(
                _PROXY_FAILURE, f"The proxy cannot be reached: {_words(error)}"
            ) from error
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

    async def _open_tunnel(self, way: HttpProxy, url: HttpUrl) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        transport, tunnel = await loop.create_connection(
            _TunnelMouth,
            way.host,
            way.port,
            ssl=self._context() if way.uses_tls else None,
            server_hostname=way.host if way.uses_tls else None,
        )
        try:
            transport.write(way.connect_request(url.host, url.port))
            parse_connect_response(await tunnel.head)
        except BaseException:
            transport.abort()
            raise
        return transport

    async def _connect_in(self, tunnel: asyncio.Transport, url: HttpUrl) -> HttpConnection:
        """Speak through a tunnel that is open, with TLS of its own for https."""
        connection = HttpConnection()
        transport: asyncio.Transport | None = tunnel
        if url.is_secure:
            try:
                transport = await asyncio.get_running_loop().start_tls(
                    tunnel, connection, self._context(), server_hostname=url.host
                )
            except BaseException:
                tunnel.abort()
                raise
        else:
            tunnel.set_protocol(connection)
        connection.connection_made(cast(asyncio.Transport, transport))
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class _TunnelMouth(asyncio.Protocol):
    """Waits for the head of a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, _ = self._read.partition(b"\r\n\r\n")
        if not self.head.done() and (end or len(self._read) > _MAX_CONNECT_HEAD):
            self.head.set_result(head)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.head.done():
            self.head.set_result(b"")


def _words(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__
