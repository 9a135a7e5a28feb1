"""HTTP connections that cannot be held open or filled for nothing.

The HTTP server bounds neither the head of a request nor the time that it may take to arrive, nor
what comes around and behind a body. This does:

- a head beyond :data:`MAX_HEAD_BYTES` is answered with 431, and a connection that has not brought
  a whole head within :data:`HEAD_TIMEOUT_S` seconds of its first octet, or of being opened, is
  closed; so is one whose body is still coming that long after the answer, or that brings nothing
  but blank lines
- trailers are read over, so that none of them passes for a header (RFC 9110 §6.5.1); they and the
  framing of chunks are bounded like a head
- at most :data:`MAX_PIPELINED` requests wait behind one that is being answered
- an upgrade that is asked for and not to be had (``h2c``, as Java's client asks with its first
  request) is passed over, and the request and its body read as they are (RFC 9110 §7.8)
- a client that takes nothing of an answer for :data:`STALL_S` seconds is cut off
- HTTP/1.1 without exactly one Host is refused with 400 (RFC 9112 §3.2)
- requests in front of one that cannot be read get their own answers, in their order

Bodies themselves are bounded in ``request``.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import ClassVar, Final

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from postroad.surfaces.api.errors import error_body
from postroad.surfaces.api.stream import STALL_S

MAX_HEAD_BYTES: Final = 64 * 1024
HEAD_TIMEOUT_S: Final = 30.0
MAX_PIPELINED: Final = 256

_BODY_CREDIT: Final = 16  # octets of framing that each octet of a body may bring with it
_INVALID: Final = "Invalid HTTP request received."


class BoundedHttp(HttpToolsProtocol):
    """The HTTP server's protocol with limits."""

    head_timeout_s: ClassVar[float] = HEAD_TIMEOUT_S
    stall_s: ClassVar[float] = STALL_S

    _stall: asyncio.TimerHandle | None = None
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _framing_bytes = 0  # of what came behind the head and was no body
    _is_in_head = True
    _is_in_message = False
    _is_told = False  # the application has heard of the message under way
    _is_broken = False  # what comes cannot be read any more
    _running: RequestResponseCycle | None = None  # the request that is being answered
    _is_replayed = False  # a head that was told already is being read again

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base does
        super().connection_made(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._stop_watching()
        self._forget_requests()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():  # which waits for the last octet
            self._stop_watching()

    def _stop_watching(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _watch_writing(self, left: int) -> None:
        self._stall = self.loop.call_later(self.stall_s, self._check_writing, left)

    def _check_writing(self, left_before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left >= left_before:
            self.transport.abort()
        else:
            self._watch_writing(left)

    def timeout_keep_alive_handler(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left and self._stall is None:
            self._watch_writing(left)
        super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _refuse(self, status: int, words: str) -> None:
        body = error_body(status, words)
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json; charset=utf-8\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status, HTTPStatus(status).phrase.encode("ascii"), len(body), body)
        )
        self._hang_up()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._is_broken:
            return
        if not self._is_in_head:
            self._framing_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._give_up()
            return
        if self.transport.is_closing():
            return
        if not self._is_in_message and self._is_idle and self._deadline is None:
            self._start_deadline()  # blank lines between requests are nothing to stay open for
        if self._is_in_head:
            if self._deadline is None:
                self._start_deadline()
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, f"The head of the request is larger than {MAX_HEAD_BYTES} octets")
        elif self._framing_bytes > MAX_HEAD_BYTES:
            self._hang_up()

    def _give_up(self) -> None:
        """Read no more; answer what can be answered."""
        self._is_broken = True
        if self.transport.is_closing():
            return
        waiting = [cycle for cycle, _ in self.pipeline]  # the newest comes first
        if self._running is not None and not self._running.response_complete:
            waiting.append(self._running)
        if self._is_in_message and self._is_told:  # the newest is what cannot be read
            if self.pipeline:
                self.pipeline.popleft()
            elif self._running is not None and self._running.response_started:
                self._hang_up()
                return
            waiting = waiting[1:]
        if waiting:
            waiting[0].keep_alive = False  # closes behind its answer
        else:
            self.send_400_response(_INVALID)

    def _hang_up(self) -> None:
        self._forget_requests()
        self.transport.close()

    def _forget_requests(self) -> None:
        """Nobody is left to answer, so that nothing more is written."""
        waiting = [cycle for cycle, _ in self.pipeline]
        self.pipeline.clear()
        if self._running is not None:
            waiting.append(self._running)
        for cycle in waiting:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                # The parser believes that another protocol begins here.
                data = data[stopped.args[0] :]
                self._go_on()

    def _go_on(self) -> None:
        """Read the body of a request whose wish for another protocol is not granted.

        The parser has left the message, so it is led back to the same place by a head with the
        same framing, which is told to nobody.
        """
        framing = [
            name + b": " + value + b"\r\n"
            for name, value in self.headers
            if name in (b"content-length", b"transfer-encoding")
        ]
        if not framing:
            return
        self.cycle.more_body = True
        self._is_in_message = self._is_replayed = True
        try:
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n")
        finally:
            self._is_replayed = False

    def on_message_begin(self) -> None:
        if self._is_replayed:
            return
        super().on_message_begin()
        self._is_in_message = self._is_in_head = True
        self._is_told = False
        self._head_bytes = 0  # most heads come whole, and need no deadline

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_replayed:
            return
        self._is_in_head = False
        self._framing_bytes = 0
        self._stop_deadline()
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise httptools.HttpParserError(f"{hosts} Host fields")
        if len(self.pipeline) >= MAX_PIPELINED:
            self._hang_up()
            raise httptools.HttpParserError("too many requests at once")
        super().on_headers_complete()
        self._is_told = True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._framing_bytes -= _BODY_CREDIT * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_message = False
        if self._deadline is not None:  # the body outlived its answer
            self._stop_deadline()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()  # until those that wait are answered
        elif self._is_in_message and not self._is_in_head and self._deadline is None:
            self._start_deadline()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.head_timeout_s, self._hang_up)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
