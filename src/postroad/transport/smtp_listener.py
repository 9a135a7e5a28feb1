"""The door of the submission server: sockets, PROXY headers, TLS from the start, and how many
may come in.

Each client that gets through becomes a :class:`Guest` and a task of its own. A client who is one
too many hears 421 and is gone before anything was read from it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from postroad.domain.errors import RemoteProtocolError
from postroad.observe import get_logger, metrics
from postroad.protocol.proxy import MAX_V2_BYTES, ProxyHeader, parse_proxy_header
from postroad.protocol.smtp.server import Reply
from postroad.transport.stream import Stream
from postroad.transport.tls import TlsLayer

log = get_logger(__name__)

BACKLOG = 1024
OPENING_S = 15.0  # for the PROXY header and the TLS handshake

TOO_MANY = Reply(421, "Too many connections, try again later", "4.7.0")


@dataclass(frozen=True, slots=True)
class Guest:
    """A client who has come in."""

    stream: Stream
    address: str  # IP; behind a known proxy the one that it told
    tls: str | None  # version, when TLS began before SMTP; "proxy" when it did so there
    proxy: str | None = None  # the proxy's address


@dataclass(frozen=True, slots=True)
class Door:
    """How clients come in. The functions are asked for every connection."""

    max_sessions: int
    max_sessions_per_address: int
    proxy_networks: tuple[str, ...]
    has_proxy: Callable[[], bool]
    has_tls: Callable[[], bool]  # from the first octet
    tls: Callable[[], ssl.SSLContext | None]


class Listener:
    """A listening socket whose clients are served in tasks of ``group``."""

    def __init__(
        self, group: asyncio.TaskGroup, door: Door, serve: Callable[[Guest], Awaitable[None]]
    ) -> None:
        self._group = group
        self._door = door
        self._serve = serve
        self._server: asyncio.Server | None = None
        self._networks = tuple(ip_network(text) for text in door.proxy_networks)
        self._open = 0
        self._by_address: Counter[str] = Counter()

    async def open(self, host: str, port: int) -> int:
        """Listen, and return the port. Raises :exc:`OSError`."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.setblocking(False)
            self._server = await loop.create_server(
                lambda: Stream(loop, self._welcome), sock=sock, backlog=BACKLOG
            )
        except BaseException:
            sock.close()
            raise
        bound: int = sock.getsockname()[1]
        return bound

    def close(self) -> None:
        """Let nobody in any more. Those who are in stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _welcome(self, stream: Stream) -> None:
        if self._server is None:
            stream.abort()  # was already in the queue of the socket
        elif self._open >= self._door.max_sessions:
            self._turn_away(stream, address_of(stream))
        else:
            self._open += 1
            self._group.create_task(self._attend(stream), name="smtp session")

    def _turn_away(self, stream: Stream, address: str) -> None:
        metrics.smtp_session_ended("turned away")
        log.warning("smtp client turned away", address=address, open=self._open)
        if not self._door.has_tls():
            stream.write(TOO_MANY.encode())
        stream.end()

    async def _attend(self, stream: Stream) -> None:
        """One client from the first octet to the last. The edge of a session."""
        address = address_of(stream)
        metrics.smtp_sessions_open(1)
        try:
            guest = await self._let_in(stream)
            if guest is not None:
                address = guest.address
                await self._seat(guest)
        except RemoteProtocolError as error:
            log.warning("smtp client refused", address=address, reason=error.message)
            metrics.smtp_session_ended("refused")
        except OSError as error:
            log.debug("smtp client lost", address=address, reason=str(error))
            metrics.smtp_session_ended("lost")
        except Exception:
            log.exception("smtp session failed", address=address)
        finally:
            metrics.smtp_sessions_open(-1)
            self._open -= 1
            await stream.close()

    async def _seat(self, guest: Guest) -> None:
        address = guest.address
        self._by_address[address] += 1
        try:
            if self._by_address[address] > self._door.max_sessions_per_address:
                self._turn_away(guest.stream, address)
            else:
                await self._serve(guest)
        finally:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    async def _let_in(self, stream: Stream) -> Guest | None:
        deadline = asyncio.get_running_loop().time() + OPENING_S
        peer = address = address_of(stream)
        tls = proxy = None
        if self._door.has_proxy() and self._is_proxy(peer):
            header = await _read_proxy_header(stream, deadline)
            address, proxy = header.address or peer, peer
            tls = "proxy" if header.is_encrypted else None
        if self._door.has_tls():
            context = self._door.tls()
            if context is None:
                return None  # said in the log when the certificate could not be read
            tls = await begin_tls(stream, context, deadline)
        return Guest(stream, address, tls, proxy)

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def address_of(stream: Stream) -> str:
    """The peer's IP address; one of IPv4 that came mapped into IPv6 is shown as IPv4."""
    peer = stream.peer_name
    if not isinstance(peer, tuple):
        return ""
    return str(peer[0]).partition("%")[0].removeprefix("::ffff:")


async def begin_tls(stream: Stream, context: ssl.SSLContext, deadline: float) -> str:
    """Begin TLS as the server; the version agreed on. Raises :exc:`OSError`."""
    layer = TlsLayer(context, None)
    await stream.shake_hands(layer, deadline=deadline)
    return layer.version or ""


async def _read_proxy_header(stream: Stream, deadline: float) -> ProxyHeader:
    octets = b""
    while True:
        piece = await stream.read_some(MAX_V2_BYTES, deadline=deadline)
        if not piece:
            raise ConnectionResetError(errno.ECONNRESET, "closed before the PROXY header")
        octets += piece
        header = parse_proxy_header(octets)
        if header is not None:
            stream.unread(octets[header.size :])
            return header
