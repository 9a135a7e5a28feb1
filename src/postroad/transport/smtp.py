"""A connection to one relay: carries the dialogues of :mod:`postroad.protocol.smtp`.

What a relay answers, and how the network fails it, comes back as an
:class:`~postroad.domain.reply.Outcome`; only :meth:`SmtpConnection.open` raises, namely
:exc:`RelayFailure`. Large content is streamed and never whole in memory. Content that ends
early or cannot be read never gets its final dot, so no relay takes half a message for whole.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import NoReturn, Self, TypeVar

from postroad.domain.account import SmtpSettings
from postroad.domain.envelope import DsnRequest, Envelope
from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.domain.reply import (
    Accepted,
    Failure,
    FailureKind,
    Outcome,
    RefusedRecipient,
    SmtpReply,
    judge,
)
from postroad.domain.secret import Secret
from postroad.protocol.smtp import (
    Dialogue,
    DotStuffer,
    Extensions,
    RelayFailure,
    ReplyParser,
    authenticate,
    begin,
    finish,
    goodbye,
    greet,
    hello,
    plan_transaction,
    refused,
    simple,
    starttls,
)
from postroad.transport.content import Octets, cut_short, next_piece, read_whole
from postroad.transport.dial import tls_words
from postroad.transport.stream import DialError, Endpoint, Stream, connect

__all__ = ["Octets", "RelayFailure", "SmtpConnection", "SmtpTimeouts"]

SMALL_BYTES = 64 * 1024  # content up to here is read first and sent with its final dot at once
AFTER_DOT = "after the final dot; the relay may have taken the message"

_BEFORE_MAIL = frozenset({"RSET", "MAIL FROM"})  # nothing has begun while these are unanswered

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SmtpTimeouts:
    """How long the relay may take, in seconds. RFC 5321 §4.5.3.2 asks for patience."""

    dial_s: float = 30.0  # DNS, TCP, proxy, TLS
    greeting_s: float = 60.0
    command_s: float = 120.0  # each reply, and each wait for the relay to take more content
    data_end_s: float = 600.0  # the reply to the final dot
    quit_s: float = 2.0


class SmtpConnection:
    """One session with a relay, for one message after another. Not for two tasks at once."""

    def __init__(self, stream: Stream, timeouts: SmtpTimeouts) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        self._parser = ReplyParser()
        self._is_broken = False
        self._needs_reset = False
        self.opened_at = self._loop.time()  # on the event loop's clock
        self.messages = 0  # transactions begun
        self.extensions = Extensions()
        self.was_stale = False  # a reused connection turned out dead before MAIL was answered

    @classmethod
    async def open(
        cls,
        settings: SmtpSettings,
        *,
        ehlo_name: str,
        proxy: Secret[str] | None = None,
        local_address: str | None = None,
        timeouts: SmtpTimeouts | None = None,
    ) -> Self:
        """Dial, say EHLO, begin TLS where offered, log in.

        Raises :exc:`RelayFailure`; nothing stays open then.
        """
        timeouts = timeouts or SmtpTimeouts()
        endpoint = Endpoint(
            host=settings.host,
            port=settings.port,
            tls="implicit" if settings.secure else "none",
            tls_options=settings.tls,
            proxy=proxy,
            local_address=local_address,
            connect_timeout_s=timeouts.dial_s,
        )
        try:
            stream = await connect(endpoint)
        except DialError as error:
            raise RelayFailure(Failure(error.kind, error.message, "CONN")) from error
        connection = cls(stream, timeouts)
        try:
            await connection._introduce(settings, ehlo_name)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _introduce(self, settings: SmtpSettings, ehlo_name: str) -> None:
        await self._talk(greet(), self._timeouts.greeting_s)
        command_s = self._timeouts.command_s
        is_encrypted = settings.secure
        try:
            self.extensions = await self._talk(hello(ehlo_name), command_s)
            if self.extensions.starttls and not is_encrypted:
                await self._talk(starttls(), command_s)
                await self._start_tls(settings)
                is_encrypted = True
                # What was offered in the clear may have been made up on the way.
                self.extensions = await self._talk(hello(ehlo_name), command_s)
        except LocalProtocolError as error:
            raise RelayFailure(Failure(FailureKind.PROTOCOL, error.message, "EHLO")) from error
        if settings.login is not None:
            dialogue = authenticate(
                settings.login,
                self.extensions,
                is_encrypted=is_encrypted,
                host=settings.host,
                port=settings.port,
            )
            await self._talk(dialogue, command_s)

    async def _start_tls(self, settings: SmtpSettings) -> None:
        deadline = self._loop.time() + self._timeouts.command_s
        try:
            if not self._parser.is_empty:
                raise RemoteProtocolError("The server sent cleartext after it agreed to begin TLS")
            await self._stream.start_tls(settings.host, settings.tls, deadline=deadline)
        except ssl.SSLError as error:
            self.abort()
            words = f"TLS with {settings.host} failed: {tls_words(error)}"
            raise RelayFailure(Failure(FailureKind.TLS, words, "STARTTLS")) from error
        except (OSError, RemoteProtocolError) as error:
            self._fail(error, "STARTTLS", self._timeouts.command_s)

    @property
    def is_reusable(self) -> bool:
        """Whether another message may go this way.

        Nothing is due from a relay between messages, so anything that came, a farewell for
        instance, means no.
        """
        return not (self._is_broken or self._stream.has_unread)

    async def send(
        self,
        envelope: Envelope,
        content: Octets,
        *,
        eight_bit: bool = False,
        smtputf8: bool = False,
        dsn: DsnRequest | None = None,
        message_size: int | None = None,
    ) -> Outcome:
        """Hand one message over. Replies and lost connections are outcomes, never raised.

        ``content.open()`` must give exactly ``content.size`` octets, CRLF line ends and dots as
        they are; ``message_size`` is what SIZE tells the relay if that differs. An
        :exc:`OSError` from reading the content is a failure of kind ``STREAM``; other errors of
        its pass through. If the connection is lost once the final dot may have been sent, the
        failure's message says ``AFTER_DOT``.
        """
        self.was_stale = False
        is_reused = self.messages > 0
        try:
            return await self._send(envelope, content, eight_bit, smtputf8, dsn, message_size)
        except RelayFailure as error:
            failure = error.failure
            self.was_stale = is_reused and self._is_broken and failure.command in _BEFORE_MAIL
            return judge(failure)
        except BaseException:
            self.abort()
            raise

    async def _send(
        self,
        envelope: Envelope,
        content: Octets,
        eight_bit: bool,
        smtputf8: bool,
        dsn: DsnRequest | None,
        message_size: int | None,
    ) -> Outcome:
        plan = plan_transaction(
            envelope,
            self.extensions,
            octets=content.size if message_size is None else message_size,
            eight_bit=eight_bit,
            smtputf8=smtputf8,
            dsn=dsn,
        )
        small = await read_whole(content) if content.size <= SMALL_BYTES else None
        reset, self._needs_reset = self._needs_reset, True
        self.messages += 1
        refused_rcpts = await self._talk(begin(plan, reset=reset), self._timeouts.command_s)
        if self._has_something_to_say:
            await self._hear_break_off()
        if small is None:
            await self._stream_content(content)
        else:
            stuffer = DotStuffer()
            self._stream.write(stuffer.feed(small) + stuffer.end())
        return await self._hear_verdict(refused_rcpts)

    async def _stream_content(self, content: Octets) -> None:
        """Send all content and the final dot, unless the relay breaks it off with a reply."""
        stream, stuffer, sent = self._stream, DotStuffer(), 0
        pieces = content.open()
        try:
            while (piece := await next_piece(pieces)) is not None:
                sent += len(piece)
                stream.write(stuffer.feed(piece))
                await self._drain()
                if stream.has_unread:
                    await self._hear_break_off()
                if sent > content.size:
                    break
            if sent != content.size:
                raise cut_short(sent, content.size)
        except BaseException:
            self.abort()  # the relay waits for a final dot that must not come
            raise
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        stream.write(stuffer.end())

    async def _drain(self) -> None:
        try:
            await self._stream.drain(deadline=self._loop.time() + self._timeouts.command_s)
        except TimeoutError as error:
            self._fail(error, "DATA", self._timeouts.command_s)
        except OSError:
            await self._hear_break_off()

    async def _hear_break_off(self) -> NoReturn:
        """The relay did not want to hear the end; a reply may say why. RFC 5321 §4.1.1.4."""
        self._is_broken = True  # it would take what follows for commands
        try:
            reply = await self._next_reply(self._timeouts.command_s)
        except (OSError, RemoteProtocolError) as error:
            self._fail(error, "DATA", self._timeouts.command_s)
        self.abort()
        if reply.code < 400:
            words = f"The relay answered before the message ended: {reply.text}"
            raise RelayFailure(Failure(FailureKind.PROTOCOL, words, "DATA"))
        raise refused(FailureKind.MESSAGE, "DATA", reply)

    async def _hear_verdict(self, refused_rcpts: tuple[RefusedRecipient, ...]) -> Accepted:
        try:
            return await self._talk(finish(refused_rcpts), self._timeouts.data_end_s)
        except RelayFailure as error:
            failure = error.failure
            if failure.reply is not None:
                raise
            words = f"{failure.message} {AFTER_DOT}"
            raise RelayFailure(Failure(failure.kind, words, "DATA")) from error

    async def reset(self) -> None:
        """Clear the transaction. Raises :exc:`RelayFailure`."""
        await self._talk(simple("RSET"), self._timeouts.command_s)
        self._needs_reset = False

    async def noop(self) -> None:
        """See whether the relay still answers. Raises :exc:`RelayFailure`."""
        await self._talk(simple("NOOP"), self._timeouts.command_s)

    async def quit(self) -> None:
        """Take leave, hear the answer if it comes within moments, and close. Never fails."""
        try:
            if self.is_reusable:
                await self._talk(goodbye(), self._timeouts.quit_s)
        except RelayFailure:
            pass  # we were leaving anyway
        finally:
            self._is_broken = True
            await self._stream.close()

    def leave(self) -> None:
        """Take leave without waiting for an answer, as Postfix does by default."""
        if self.is_reusable:
            self._stream.write(b"QUIT\r\n")
        self._is_broken = True
        self._stream.end()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._is_broken = True
        self._stream.abort()

    @property
    def _has_something_to_say(self) -> bool:
        return self._stream.has_unread or not self._parser.is_empty

    async def _talk(self, dialogue: Dialogue[T], timeout_s: float) -> T:
        """Carry a dialogue to its end; each reply may take ``timeout_s``."""
        stream, parser = self._stream, self._parser
        command = ""
        try:
            command, octets = next(dialogue)
            while True:
                if octets and self._has_something_to_say:
                    # Only a farewell may come unasked; taking any other line for the answer to
                    # what we say next would shift all that follow. RFC 5321 §3.8
                    early = await self._next_reply(timeout_s)
                    if early.code != 421:
                        raise RemoteProtocolError(f"The relay spoke out of turn: {early.text}")
                    reply: SmtpReply | None = early
                else:
                    if octets:
                        stream.write(octets)
                    reply = parser.next_reply()
                if reply is None:
                    reply = await self._next_reply(timeout_s)
                if reply.code == 421:
                    self._is_broken = True
                command, octets = dialogue.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        except (OSError, RemoteProtocolError) as error:
            self._fail(error, command, timeout_s)
        except RelayFailure as error:
            if self._is_broken or error.failure.command == "RSET":
                self.abort()
            raise

    async def _next_reply(self, timeout_s: float) -> SmtpReply:
        deadline = self._loop.time() + timeout_s
        while (reply := self._parser.next_reply()) is None:
            data = await self._stream.read_some(deadline=deadline)
            if not data:
                raise ConnectionResetError("closed by the relay")
            self._parser.feed(data)
        return reply

    def _fail(
        self, error: OSError | RemoteProtocolError, command: str, waited_s: float
    ) -> NoReturn:
        """Give the connection up and say what broke it."""
        self.abort()
        if isinstance(error, RemoteProtocolError):
            kind, words = FailureKind.PROTOCOL, error.message
        elif isinstance(error, TimeoutError):
            kind, words = FailureKind.TIMEOUT, f"No answer to {command} within {waited_s:g} s"
        else:
            kind, words = FailureKind.CONNECTION, f"The connection was lost at {command}"
        raise RelayFailure(Failure(kind, words, command)) from error
