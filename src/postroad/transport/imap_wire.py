"""Commands over one stream: who waits for which answer, and for how long.

The session (sans-IO) knows the protocol; this module gives it a socket, a reader and deadlines.
The reader is a task of its own because a connection has to notice its end while nobody asks; it
is owned by :class:`ImapWire` and ends with it.

A command that cannot travel beside what is in flight waits for its turn; one that finds the
connection idling (:meth:`ImapWire.idle`) ends that first. What the server tells unasked is kept
for whoever idles next, so that no change is lost between two commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from postroad.domain.account import TlsOptions
from postroad.domain.errors import (
    PostroadError,
    RemoteProtocolError,
)
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.events import (
    Challenge,
    Completed,
    Event,
    GoAhead,
    Greeted,
    Told,
)
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.long import Long
from postroad.protocol.imap.response import Untagged
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.imap.state import State
from postroad.protocol.imap.status import Condition, Status
from postroad.protocol.sasl import Exchange
from postroad.transport.imap_errors import (
    CommandRefused,
    ConnectionLost,
    lost_again,
    no_answer,
)
from postroad.transport.imap_idle import Idler
from postroad.transport.imap_news import Heard, News
from postroad.transport.imap_running import (
    Answer,
    Content,
    Deadline,
    IdleEnd,
    ImapTimeouts,
    Running,
    Waiters,
)
from postroad.transport.imap_writer import Writer
from postroad.transport.stream import Stream

_EVENTS_AT_A_TIME = 128  # then other tasks get their turn
_MAX_ROWS = 500_000  # responses that one command may collect
DEFAULT_MAX_ANSWER_BYTES = 64 * 1024 * 1024


class ImapWire:
    """One session over one stream."""

    __slots__ = (
        "_ends",
        "_greeting",
        "_is_closing",
        "_loop",
        "_reader",
        "_running",
        "_selecting",
        "_stream",
        "_timeouts",
        "_turns",
        "_writer",
        "deadline",
        "idler",
        "last_challenge",
        "loss",
        "news",
        "selected",
        "session",
    )

    def __init__(self, stream: Stream, session: ImapSession, timeouts: ImapTimeouts) -> None:
        self.session = session
        self.selected: SelectedMailbox | None = None
        self.loss: PostroadError | None = None  # why the connection is of no more use
        self.last_challenge = b""  # of the last SASL exchange; OAuth errors are told there
        self.news = News()
        self._stream = stream
        self._writer = Writer(stream, session)
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._running: dict[str, Running] = {}
        self.idler = Idler(self)
        self._turns = Waiters()  # until something completes
        self._ends = Waiters()  # until the connection is lost
        self._greeting: Status | None = None
        self._selecting: SelectedMailbox | None = None
        self._is_closing = False
        self.deadline = Deadline(self._running, timeouts.silence_s, self._on_late)
        self._reader = self._loop.create_task(self._read(), name="imap reader")

    @property
    def is_busy(self) -> bool:
        """Whether a command is running."""
        return bool(self._running)

    async def greeting(self) -> Status:
        """The server's first word. The caller bounds the wait."""
        while self._greeting is None:
            if self.loss is not None:
                raise self._lost(was_sent=False)
            await self._turns.wait()
        return self._greeting

    def raise_if_lost(self) -> None:
        """Raise the reason if the connection is of no more use."""
        if self.loss is not None:
            raise self._lost(was_sent=False)

    async def wait_closed(self) -> PostroadError:
        """Wait for the end of the connection and tell its reason."""
        while self.loss is None:
            await self._ends.wait()
        return self.loss

    async def run(
        self,
        command: Command,
        *,
        wants: tuple[type, ...] = (),
        contents: Sequence[Content] = (),
        exchange: Exchange | None = None,
        on_told: Heard | None = None,
        selecting: SelectedMailbox | None = None,
        max_answer_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
        may_fail: bool = False,
    ) -> Answer:
        """Give a command, when its turn has come, and wait for its end.

        ``wants`` are the kinds of untagged responses to collect, or to hand to ``on_told`` one by
        one as they arrive; ``contents`` is what its streamed literals hold, ``exchange`` the SASL
        side of AUTHENTICATE. Raises :exc:`CommandRefused` unless it succeeds or ``may_fail``;
        :exc:`ConnectionLost`, :exc:`TimedOut`, :exc:`RemoteProtocolError`, and whatever reading
        the contents raises: after any of these the connection is gone.
        """
        self.raise_if_lost()
        while self.idler.is_idling or not self.session.may_send(command):
            self.idler.end(IdleEnd.STOPPED)
            self._writer.flush()  # what was begun ahead may be what we wait for
            await self.turn()
        running = self.begin(
            command, wants=wants, contents=contents, on_told=on_told, max_bytes=max_answer_bytes
        )
        self._selecting = selecting
        try:
            await self.finish(running, exchange)
        except OSError as error:
            if isinstance(error, TimeoutError) or running.is_late:
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
        status = running.status
        assert status is not None
        if status.condition is not Condition.OK and not may_fail:
            raise CommandRefused(status, command.name)
        return Answer(status, running.told)

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
        if self.session.tap is not None:
            self.session.tap.began_tls()
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

    # Running

    async def turn(self) -> None:
        """Wait until some command has completed. Raises the loss of the connection."""
        await self._turns.wait()
        self.raise_if_lost()

    def begin(
        self,
        command: Command,
        *,
        wants: tuple[type, ...] = (),
        contents: Sequence[Content] = (),
        on_told: Heard | None = None,
        max_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
    ) -> Running:
        """Send a command; :meth:`finish` waits for its end."""
        tag = self.session.send(command)
        running = self._running[tag] = Running(
            command=command,
            wants=wants,
            contents=contents,
            on_told=on_told,
            hard_at=self._loop.time() + self._timeouts.command_s,
            max_octets=self.session.octets_received + max_bytes,
        )
        self.deadline.begin()
        return running

    def begin_ahead(self, command: Command) -> None:
        """Send a command in one stroke with the next one; nobody waits for its answer alone.

        Raises the loss of the connection. Does nothing where it would have to wait.
        """
        self.raise_if_lost()
        if not self.idler.is_idling and self.session.may_send(command):
            self.begin(command)
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what the session wants to say."""
        self._writer.flush()

    async def finish(self, running: Running, exchange: Exchange | None = None) -> None:
        """Bring a command that has begun to its end. Raises the loss of the connection."""
        wanted = self._writer.flush()
        while running.status is None:
            if self.loss is not None:
                if running.is_late:
                    raise no_answer(running.command.name)
                raise self._lost(was_sent=running.was_sent)
            if wanted is not None:
                # APPEND travels alone, so it is this command's.
                content, running.contents = running.contents[0], running.contents[1:]
                running.was_sent = True
                async with asyncio.timeout_at(running.hard_at):
                    await self._writer.stream(content, wanted.size, self.deadline.moved)
                wanted = self._writer.flush()
                continue
            if not running.contents:
                running.was_sent = True
            if running.challenges and exchange is not None:
                self._respond(running.challenges.pop(0), exchange)
                wanted = self._writer.flush()
                continue
            running.waiter = self._loop.create_future()
            await running.waiter
            wanted = self._writer.flush()

    def _respond(self, challenge: bytes, exchange: Exchange) -> None:
        self.last_challenge = challenge
        try:
            response = exchange.send(challenge)
        except (StopIteration, RemoteProtocolError):
            response = None  # the mechanism has nothing more to say; give it up politely
        self.session.respond(response)

    # Reading

    async def _read(self) -> None:
        try:
            while data := await self._stream.read_some():
                self.deadline.moved()
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
            if type(event) is Told:
                self._on_told(event.response)
            elif type(event) is Long:
                await asyncio.to_thread(event.read)
                self.deadline.moved()
            else:
                self._on_event(event)
            if count % _EVENTS_AT_A_TIME == 0:
                await asyncio.sleep(self.news.pause_s(self._loop.time()))

    def _on_event(self, event: Event) -> None:
        match event:
            case Completed(tag, _, status):
                running = self._running.pop(tag, None)
                if running is not None:
                    running.status = status
                    running.wake()
                self._turns.release()
            case GoAhead(tag) | Challenge(tag):
                running = self._running.get(tag)
                if running is None:
                    return
                if isinstance(event, Challenge):
                    running.challenges.append(event.data)
                running.has_go_ahead = True
                running.wake()
                self.idler.on_go_ahead(running)
            case Greeted(status):
                self._greeting = status
                self._turns.release()
            case _:
                pass  # a response that could not be read; the session counts them

    def _on_told(self, response: Untagged | Status) -> None:
        selecting = self._selecting
        if type(response) is not Fetched:
            mailbox = selecting or self.selected
            if mailbox is not None:
                mailbox.hear(response)
        # Answers come in the order of the commands, so the first that wants it owns it.
        for running in self._running.values():
            if isinstance(response, running.wants):
                if self.session.octets_received > running.max_octets:
                    raise RemoteProtocolError(f"the answer to {running.command.name} has no end")
                if running.on_told is not None:
                    running.on_told(response)
                    return
                running.told.append(response)
                if len(running.told) > _MAX_ROWS:
                    raise RemoteProtocolError(f"the answer to {running.command.name} has no end")
                return
        if selecting is None and self.news.hear(response):
            self.idler.end(IdleEnd.CHANGED)

    # Ending

    def _ended(self) -> ConnectionLost:
        bye = self.session.bye
        if bye is not None:
            return ConnectionLost(f"The IMAP server said goodbye: {bye.line}", code=bye.code_name)
        return ConnectionLost("The IMAP server closed the connection")

    def _on_late(self, running: Running) -> None:
        self._lose(no_answer(running.command.name))

    def _lost(self, *, was_sent: bool) -> PostroadError:
        return lost_again(self.loss, was_sent=was_sent)

    def _lose(self, reason: PostroadError, *, abort: bool = True) -> None:
        if self.loss is None:
            self.loss = reason
            self.session.state = State.LOGOUT
            if self.session.tap is not None:
                self.session.tap.ended(reason.message)
            if abort:
                self._stream.abort()
        self.deadline.cancel()
        for running in self._running.values():
            running.wake()
        self._turns.release()
        self.idler.on_loss()
        self._ends.release()

    async def _stop_reader(self) -> None:
        self._reader.cancel()
        await asyncio.wait([self._reader])
