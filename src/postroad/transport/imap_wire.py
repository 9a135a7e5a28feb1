"""Commands over one stream: who waits for which answer, and for how long.

The session (sans-IO) knows the protocol; this module gives it a socket, a reader and deadlines.
The reader is a task of its own because a connection has to notice its end while nobody asks; it
is owned by :class:`ImapWire` and ends with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from postroad.domain.account import TlsOptions
from postroad.domain.errors import (
    LocalProtocolError,
    PostroadError,
    RemoteProtocolError,
    TimedOut,
)
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.events import (
    Challenge,
    Completed,
    Event,
    GoAhead,
    Greeted,
    StreamWanted,
    Told,
)
from postroad.protocol.imap.response import Untagged
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.imap.state import State
from postroad.protocol.imap.status import Status
from postroad.protocol.sasl import Exchange
from postroad.transport.imap_errors import ConnectionLost, no_answer
from postroad.transport.stream import Stream

_WRITE_BYTES = 64 * 1024
_EVENTS_AT_A_TIME = 256  # then other tasks get their turn
_MAX_ROWS = 500_000  # responses that one command may collect
DEFAULT_MAX_ANSWER_BYTES = 64 * 1024 * 1024


class Content(Protocol):
    """Octets of known length that can be read from the beginning."""

    @property
    def size(self) -> int: ...
    @property
    def open(self) -> Callable[[], AsyncIterator[bytes]]: ...


@dataclass(frozen=True, slots=True)
class ImapTimeouts:
    """How long a server may take. All in seconds."""

    connect_s: float = 30.0  # DNS, TCP, proxy and TLS together
    open_s: float = 90.0  # from the greeting to the end of the login
    silence_s: float = 60.0  # without an octet in either direction while a command runs
    command_s: float = 900.0  # one command in all, however busy
    close_s: float = 3.0  # LOGOUT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command brought: its untagged responses of the wanted kinds and its end."""

    status: Status
    told: list[Untagged | Status]


@dataclass(slots=True)
class _Running:
    command: Command
    wants: tuple[type, ...]
    contents: deque[Content]
    limit: asyncio.Timeout
    hard_at: float  # event loop time
    max_octets: int  # of session.octets_received, when it has gone too far
    told: list[Untagged | Status] = field(default_factory=list)
    challenges: deque[bytes] = field(default_factory=deque)
    status: Status | None = None
    was_sent: bool = False  # the server may have acted on it
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class ImapWire:
    """One session over one stream."""

    def __init__(self, stream: Stream, session: ImapSession, timeouts: ImapTimeouts) -> None:
        self.session = session
        self.selected: SelectedMailbox | None = None
        self.loss: PostroadError | None = None  # why the connection is of no more use
        self.last_challenge = b""  # of the last SASL exchange; OAuth errors are told there
        self._stream = stream
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._running: dict[str, _Running] = {}
        self._write_lock = asyncio.Lock()
        self._closed = asyncio.Event()
        self._greeted = asyncio.Event()
        self._greeting: Status | None = None
        self._selecting: SelectedMailbox | None = None
        self._is_closing = False
        self._reader = self._loop.create_task(self._read(), name="imap reader")

    @property
    def is_busy(self) -> bool:
        """Whether a command is running."""
        return bool(self._running)

    async def greeting(self) -> Status:
        """The server's first word. The caller bounds the wait."""
        await self._greeted.wait()
        if self._greeting is None:
            raise self._lost(was_sent=False)
        return self._greeting

    def raise_if_lost(self) -> None:
        """Raise the reason if the connection is of no more use."""
        if self.loss is not None:
            raise self._lost(was_sent=False)

    async def wait_closed(self) -> PostroadError:
        """Wait for the end of the connection and tell its reason."""
        await self._closed.wait()
        assert self.loss is not None
        return self.loss

    async def run(
        self,
        command: Command,
        *,
        wants: tuple[type, ...] = (),
        contents: Sequence[Content] = (),
        exchange: Exchange | None = None,
        selecting: SelectedMailbox | None = None,
        max_answer_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
    ) -> Answer:
        """Give a command and wait for its end, whatever the server says to it.

        ``wants`` are the kinds of untagged responses to collect, ``contents`` what its streamed
        literals hold, ``exchange`` the SASL side of AUTHENTICATE. Raises
        :exc:`ConnectionLost`, :exc:`TimedOut`, :exc:`RemoteProtocolError`, and whatever reading
        the contents raises; after any of these the connection is gone.
        """
        self.raise_if_lost()
        tag = self.session.send(command)
        now = self._loop.time()
        running = _Running(
            command=command,
            wants=wants,
            contents=deque(contents),
            limit=asyncio.timeout_at(now + self._timeouts.silence_s),
            hard_at=now + self._timeouts.command_s,
            max_octets=self.session.octets_received + max_answer_bytes,
        )
        self._selecting = selecting
        try:
            async with running.limit:
                self._running[tag] = running
                try:
                    return await self._finish(running, exchange)
                finally:
                    # Before the limit is left, for it cannot be moved afterwards.
                    del self._running[tag]
        except OSError as error:
            if isinstance(error, TimeoutError) and running.limit.expired():
                self._lose(no_answer(command.name))
                raise no_answer(command.name) from error
            self._lose(ConnectionLost(f"The IMAP connection broke: {error}"))
            raise self._lost(was_sent=running.was_sent) from error
        except BaseException:
            # Cancelled, or the contents could not be read: the command is half said.
            self._lose(ConnectionLost("The IMAP connection was given up in mid-command"))
            raise
        finally:
            self._selecting = None

    async def start_tls(self, host: str, options: TlsOptions) -> None:
        """Put TLS under the session, after the server's OK to STARTTLS.

        Raises what :meth:`Stream.start_tls` raises; the connection is of no use after that.
        """
        await self._stop_reader()
        if self.loss is not None:
            raise self._lost(was_sent=True)
        deadline = self._loop.time() + self._timeouts.connect_s
        await self._stream.start_tls(host, options, deadline=deadline)
        self.session.tls_started()
        self._reader = self._loop.create_task(self._read(), name="imap reader")

    def expect_end(self) -> None:
        """From now on the server may close: LOGOUT is on its way."""
        self._is_closing = True

    async def close(self) -> None:
        """End the stream and the reader; harmless when both have ended."""
        self._lose(ConnectionLost("The IMAP connection was closed"), abort=False)
        try:
            await self._stop_reader()
            await self._stream.close()
        finally:
            self._stream.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._lose(ConnectionLost("The IMAP connection was dropped"))
        self._reader.cancel()

    # Writing

    async def _finish(self, running: _Running, exchange: Exchange | None) -> Answer:
        while running.status is None:
            if self.loss is not None:
                raise self._lost(was_sent=running.was_sent)
            running.wake.clear()
            await self._write_out(running)
            while running.challenges and exchange is not None:
                self._respond(running.challenges.popleft(), exchange)
                await self._write_out(running)
            if running.status is None and self.loss is None:
                await running.wake.wait()
        return Answer(running.status, running.told)

    def _respond(self, challenge: bytes, exchange: Exchange) -> None:
        self.last_challenge = challenge
        try:
            response = exchange.send(challenge)
        except (StopIteration, RemoteProtocolError):
            response = None  # the mechanism has nothing more to say; give it up politely
        self.session.respond(response)

    async def _write_out(self, running: _Running) -> None:
        async with self._write_lock:
            while (output := self.session.next_output()) is not None:
                if isinstance(output, StreamWanted):
                    await self._write_literal(running, output.size)
                else:
                    self._stream.write(output)
            if not running.contents:
                running.was_sent = True
            await self._stream.drain()

    async def _write_literal(self, running: _Running, size: int) -> None:
        """Send one streamed literal; APPEND travels alone, so it is this command's."""
        content = running.contents.popleft()
        running.was_sent = True
        pieces = content.open()
        try:
            async for piece in pieces:
                for start in range(0, len(piece), _WRITE_BYTES):
                    part = piece[start : start + _WRITE_BYTES]
                    size -= len(part)
                    self._stream.write(self.session.literal_octets(part))
                    await self._stream.drain()
                    self._moved()
        finally:
            aclose = getattr(pieces, "aclose", None)
            if aclose is not None:
                await aclose()
        if size:
            raise LocalProtocolError(f"the content ended {size} octets early")

    # Reading

    async def _read(self) -> None:
        try:
            while data := await self._stream.read_some():
                self._moved()
                await self._take(data)
                if self.session.bye is not None and not self._is_closing:
                    break
            reason: PostroadError = self._ended()
        except OSError as error:
            reason = ConnectionLost(f"The IMAP connection broke: {error}")
        except RemoteProtocolError as error:
            reason = error
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._lose(ConnectionLost("The IMAP connection was given up"))
            raise
        self._lose(reason)

    async def _take(self, data: bytes) -> None:
        for count, event in enumerate(self.session.receive(data), 1):
            self._on_event(event)
            if count % _EVENTS_AT_A_TIME == 0:
                await asyncio.sleep(0)

    def _on_event(self, event: Event) -> None:
        match event:
            case Told(response):
                self._on_told(response)
            case Completed(tag, _, status):
                running = self._running.get(tag)
                if running is not None:
                    running.status = status
                    running.wake.set()
            case GoAhead(tag) | Challenge(tag):
                running = self._running.get(tag)
                if running is not None:
                    if isinstance(event, Challenge):
                        running.challenges.append(event.data)
                    running.wake.set()
            case Greeted(status):
                self._greeting = status
                self._greeted.set()
            case _:
                pass  # a response that could not be read; the session counts them

    def _on_told(self, response: Untagged | Status) -> None:
        mailbox = self._selecting or self.selected
        if mailbox is not None:
            mailbox.hear(response)
        # Answers come in the order of the commands, so the first that wants it owns it.
        for running in self._running.values():
            if isinstance(response, running.wants):
                running.told.append(response)
                if (
                    len(running.told) > _MAX_ROWS
                    or self.session.octets_received > running.max_octets
                ):
                    raise RemoteProtocolError(f"the answer to {running.command.name} has no end")
                return

    def _moved(self) -> None:
        """Something went over the wire: the silence of every running command begins anew."""
        quiet_at = self._loop.time() + self._timeouts.silence_s
        for running in self._running.values():
            if not running.limit.expired():
                running.limit.reschedule(min(quiet_at, running.hard_at))

    # Ending

    def _ended(self) -> ConnectionLost:
        bye = self.session.bye
        if bye is not None:
            return ConnectionLost(f"The IMAP server said goodbye: {bye.line}", code=bye.code_name)
        return ConnectionLost("The IMAP server closed the connection")

    def _lost(self, *, was_sent: bool) -> PostroadError:
        """The reason as a new exception, since several tasks may raise it."""
        match self.loss:
            case ConnectionLost() as loss:
                return ConnectionLost(loss.message, was_sent=was_sent, code=loss.code)
            case TimedOut() as loss:
                return ConnectionLost(loss.message, was_sent=was_sent)
            case RemoteProtocolError() as loss:
                return RemoteProtocolError(loss.message)
            case _:
                return ConnectionLost("The IMAP connection is closed", was_sent=was_sent)

    def _lose(self, reason: PostroadError, *, abort: bool = True) -> None:
        if self.loss is None:
            self.loss = reason
            self.session.state = State.LOGOUT
            if abort:
                self._stream.abort()
        for running in self._running.values():
            running.wake.set()
        self._greeted.set()
        self._closed.set()

    async def _stop_reader(self) -> None:
        self._reader.cancel()
        await asyncio.wait([self._reader])
