"""A byte stream to a server: TCP, TLS from the start or later, proxies, bounded buffers.

:func:`connect` dials and raises :exc:`DialError` for anything that goes wrong. After that,
:class:`Stream` raises :exc:`OSError` only: :exc:`TimeoutError` past a deadline,
:exc:`ConnectionResetError` and its like for a lost connection, :exc:`ssl.SSLError` for broken
TLS. An orderly end is an empty read.

Built on :class:`asyncio.Protocol` because a stream reader costs several times as much CPU for
each small answer; works the same on every event loop.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

from postroad.domain.account import TlsOptions
from postroad.domain.errors import RemoteProtocolError
from postroad.domain.reply import FailureKind
from postroad.protocol.wire import ascii_domain
from postroad.transport.dial import (
    DialError,
    Endpoint,
    HttpProxy,
    dial_error,
    http_proxy,
    open_socks,
    os_words,
    parse_connect_response,
)
from postroad.transport.tcp import open_socket
from postroad.transport.tls import TlsLayer, client_context, server_name

__all__ = ["DialError", "Endpoint", "Stream", "connect"]

MAX_HELD_BYTES = 256 * 1024  # the peer is made to wait beyond this
MAX_UNSENT_BYTES = 256 * 1024  # drain() waits above this
_MAX_CONNECT_HEAD = 16 * 1024
_CLOSE_TIMEOUT_S = 2.0
_OnOpen = Callable[["Stream"], None]


async def connect(endpoint: Endpoint) -> Stream:
    """Dial ``endpoint``, through its proxy if it has one, up to the end of the TLS handshake.

    Raises :exc:`DialError`. Nothing stays open on failure or cancellation.
    """
    try:
        async with asyncio.timeout(endpoint.connect_timeout_s):
            return await _connect(endpoint)
    except (OSError, ValueError, DialError, RemoteProtocolError) as error:
        raise dial_error(error, endpoint) from error


async def _connect(endpoint: Endpoint) -> Stream:
    proxy = http_proxy(endpoint.proxy)
    if endpoint.proxy is None:
        sock = await open_socket(endpoint.host, endpoint.port, local_address=endpoint.local_address)
    else:
        sock = await _open_proxy(endpoint, proxy)
    stream = await Stream.adopt(sock)
    try:
        if proxy is not None:
            await _open_tunnel(stream, proxy, endpoint)
        if endpoint.tls == "implicit":
            # A server that greets in cleartext here makes the handshake fail, as it should.
            await stream._begin_tls(endpoint.host, endpoint.tls_options, None)
    except BaseException:
        stream.abort()
        raise
    return stream


async def _open_proxy(endpoint: Endpoint, proxy: HttpProxy | None) -> socket.socket:
    try:
        if proxy is None:
            return await open_socks(endpoint)
        return await open_socket(proxy.host, proxy.port, local_address=endpoint.local_address)
    except TimeoutError:
        raise
    except OSError as error:
        words = f"Cannot connect to the proxy: {os_words(error)}"
        raise DialError(FailureKind.SOCKET, words) from error


async def _open_tunnel(stream: Stream, proxy: HttpProxy, endpoint: Endpoint) -> None:
    if proxy.uses_tls:
        await stream.start_tls(proxy.host, TlsOptions())
    stream.write(proxy.connect_request(ascii_domain(endpoint.host), endpoint.port))
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await stream.read_some(4096)
        if not piece or len(head) > _MAX_CONNECT_HEAD:
            raise DialError(FailureKind.CONNECTION, "The proxy gave no proper answer to CONNECT")
        head += piece
    head, _, rest = head.partition(b"\r\n\r\n")
    parse_connect_response(head)
    stream.unread(rest)  # a mail server greets at once, perhaps in the same segment


class Stream(asyncio.Protocol):
    """Both directions of one connection. One task reads; any task may write.

    What was read but not taken is held up to about ``MAX_HELD_BYTES``; then the peer has to
    wait. Deadlines are times of the event loop's clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_open: _OnOpen | None = None) -> None:
        self._loop = loop
        self._on_open = on_open  # told once the connection stands, where we accept it
        self._transport: asyncio.Transport | None = None
        self._layers: tuple[TlsLayer, ...] = ()  # outermost first
        self._chunks: deque[bytes] = deque()
        self._held = 0  # octets in _chunks
        self._reading_paused = False
        self._ended = False  # nothing more will come
        self._error: OSError | None = None  # why, if it was not orderly
        self._waiter: asyncio.Future[None] | None = None
        self._read_deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._writing_paused = False
        self._drainers: list[asyncio.Future[None]] = []
        self._closing: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] = loop.create_future()

    @classmethod
    async def adopt(cls, sock: socket.socket) -> Stream:
        """Take over a connected socket."""
        loop = asyncio.get_running_loop()
        try:
            _, stream = await loop.create_connection(lambda: cls(loop), sock=sock)
        except BaseException:
            sock.close()
            raise
        return stream

    # Reading

    async def read_some(self, max_bytes: int = 65536, *, deadline: float | None = None) -> bytes:
        """Return what has arrived, at most ``max_bytes``; wait if that is nothing.

        Empty once the peer has ended the stream. Raises :exc:`OSError`, of which
        :exc:`TimeoutError` leaves the stream usable.
        """
        chunks = self._chunks
        while not chunks:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return b""
            await self._wait(deadline)
        chunk = chunks.popleft()
        if len(chunk) > max_bytes:
            chunks.appendleft(chunk[max_bytes:])
            chunk = chunk[:max_bytes]
        self._held -= len(chunk)
        if self._reading_paused and self._held <= MAX_HELD_BYTES // 2:
            self._reading_paused = False
            if self._transport is not None and not self._ended:
                self._transport.resume_reading()
        return chunk

    def unread(self, data: bytes) -> None:
        """Put back octets that were read too far."""
        if data:
            self._chunks.appendleft(data)
            self._held += len(data)

    @property
    def has_unread(self) -> bool:
        """Whether something has arrived that nobody has read, or the stream has ended."""
        return bool(self._chunks) or self._ended

    @property
    def has_ended(self) -> bool:
        """Whether the peer has ended the stream or the connection is lost."""
        return self._ended

    @property
    def is_open(self) -> bool:
        """Whether the connection still stands, in either direction."""
        return self._transport is not None

    @property
    def peer_name(self) -> object:
        """The peer's socket address; ``None`` once the connection is gone."""
        return self._transport and self._transport.get_extra_info("peername")

    async def _wait(self, deadline: float | None) -> None:
        if self._waiter is not None:
            raise RuntimeError("two tasks read one stream")
        waiter = self._waiter = self._loop.create_future()
        self._read_deadline = deadline
        if deadline is not None and (self._timer is None or self._timer_at > deadline):
            self._set_timer(deadline)
        try:
            await waiter
        finally:
            self._waiter = None

    # One timer serves many reads: it is not moved when an answer comes, only found too early
    # when it fires. That saves making and cancelling one for each answer.

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._read_deadline is None:
            return
        if self._loop.time() < self._read_deadline:
            self._set_timer(self._read_deadline)
        elif not self._waiter.done():
            self._waiter.set_exception(TimeoutError("the server did not answer in time"))

    # Writing

    def write(self, data: bytes) -> None:
        """Send ``data`` in the background; lost without a word once the connection is."""
        if not data or self._transport is None or self._transport.is_closing():
            return
        for layer in reversed(self._layers):
            data = layer.encrypt(data)
        self._transport.write(data)

    async def drain(self, *, deadline: float | None = None) -> None:
        """Wait until the peer has taken enough for more to be written.

        Raises :exc:`OSError` if the connection is lost or the deadline passes.
        """
        if self._closed.done() or self._error is not None:
            raise self._error or ConnectionResetError("the connection is closed")
        if not self._writing_paused:
            return
        drained = self._loop.create_future()
        self._drainers.append(drained)
        async with asyncio.timeout_at(deadline):
            await drained

    # TLS

    async def start_tls(
        self, host: str, options: TlsOptions, *, deadline: float | None = None
    ) -> None:
        """Begin TLS here and now, proving that the peer is ``host`` unless options say no.

        Raises :exc:`RemoteProtocolError` if cleartext has already arrived that was to be read
        as encrypted (RFC 3207 §4.2 and the injection it forgot), :exc:`ssl.SSLError` and
        :exc:`OSError`. The stream is of no use after a failure.
        """
        if self._chunks:
            raise RemoteProtocolError("The server sent cleartext after it agreed to begin TLS")
        await self._begin_tls(host, options, deadline)

    async def _begin_tls(self, host: str, options: TlsOptions, deadline: float | None) -> None:
        try:
            name = ascii_domain(server_name(host, options))
            layer = TlsLayer(client_context(options), name)
        except ValueError as error:
            raise ssl.SSLError(f"bad TLS options, {error}") from error
        await self.shake_hands(layer, deadline=deadline)

    async def shake_hands(self, layer: TlsLayer, *, deadline: float | None = None) -> None:
        """Begin TLS, on either side; what has arrived is part of it. Raises :exc:`OSError`."""
        try:
            while not layer.handshake():
                self.write(layer.take_output())
                data = await self.read_some(deadline=deadline)
                if not data:
                    raise ConnectionResetError("the connection was closed in the TLS handshake")
                layer.feed(data)
        finally:
            self.write(layer.take_output())  # the last flight, or the alert
        self._layers += (layer,)
        rest = b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        self._keep(layer.decrypt(rest))

    # Ending

    def end(self) -> None:
        """End both directions without waiting, by force if the peer does not let us in time."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = self._layers[-1].end() if self._layers else b""
        for layer in reversed(self._layers[:-1]):
            data = layer.encrypt(data)
        if data:
            transport.write(data)
        transport.close()
        self._closing = self._loop.call_later(_CLOSE_TIMEOUT_S, self.abort)

    async def close(self) -> None:
        """End both directions and wait until that is done, two seconds at most."""
        if self._transport is None:
            return
        self.end()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await asyncio.shield(self._closed)
        except TimeoutError:
            self.abort()
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Drop the connection at once, unsent octets included."""
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have all methods of the class and do not derive from it.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        if self._on_open is not None:
            self._on_open(self)

    def data_received(self, data: bytes) -> None:
        for layer in self._layers:
            try:
                data = layer.decrypt(data)
            except ssl.SSLError as error:
                self._finish(error)
                self.abort()
                return
            answer = layer.take_output()
            if answer and self._transport is not None:
                self._reply(layer, answer)
        self._keep(data)
        if self._layers and self._layers[-1].has_ended:
            self._finish(None)

    def _reply(self, layer: TlsLayer, answer: bytes) -> None:
        assert self._transport is not None
        for outer in reversed(self._layers[: self._layers.index(layer)]):
            answer = outer.encrypt(answer)
        self._transport.write(answer)

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._chunks.append(data)
        self._held += len(data)
        if self._held > MAX_HELD_BYTES and not self._reading_paused and self._transport:
            self._reading_paused = True
            self._transport.pause_reading()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _finish(self, error: OSError | None) -> None:
        if self._ended:
            return
        self._ended = True
        self._error = error
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def eof_received(self) -> bool:
        self._finish(None)
        return False  # no protocol here goes on talking to a peer that has hung up

    def connection_lost(self, exc: Exception | None) -> None:
        lost = exc if isinstance(exc, OSError) else None
        self._finish(lost)
        if self._closing is not None:
            self._closing.cancel()
        self._writing_paused = False
        for drained in self._drainers:
            if not drained.done():
                drained.set_exception(lost or ConnectionResetError("the connection is closed"))
        self._drainers.clear()
        if not self._closed.done():
            self._closed.set_result(None)
        self._transport = None

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        for drained in self._drainers:
            if not drained.done():
                drained.set_result(None)
        self._drainers.clear()
