"""One client's session: events carried out, within time, and told in one log line."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from postroad.observe import get_logger, metrics
from postroad.protocol.smtp.server import (
    Ended,
    Event,
    Login,
    MailWanted,
    Octets,
    RcptWanted,
    Received,
    Reply,
    ServerSession,
    Spoiled,
    Terms,
    TlsWanted,
)
from postroad.surfaces.smtp.errors import NO_SPACE, NO_TLS, SESSION_OVER, STOPPING, TIMED_OUT
from postroad.surfaces.smtp.gate import Gate, Identity
from postroad.surfaces.smtp.reception import Reception
from postroad.surfaces.smtp.spool import Spool, SpoolRoom
from postroad.transport.smtp_listener import OPENING_S, Guest, begin_tls

log = get_logger(__name__)

_READ_BYTES = 128 * 1024
_LINGER_S = 2.0
_SILENCE_S = 0.25  # who has nothing more to say is not waited for
_LINGER_BYTES = 4 * 1024 * 1024

_ACCEPTED = Reply(250, "Accepted")
_START_TLS = Reply(220, "Ready to start TLS", "2.0.0")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds."""

    idle_s: float
    message_s: float
    session_s: float


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions share."""

    gate: Gate
    reception: Reception
    room: SpoolRoom
    patience: Patience
    min_free_bytes: int
    tls: Callable[[], ssl.SSLContext | None]  # for STARTTLS


class Conversation:
    """A session from the greeting to the end."""

    def __init__(self, guest: Guest, terms: Terms, house: House) -> None:
        self._guest = guest
        self._stream = guest.stream
        self._terms = terms
        self._house = house
        self._session = ServerSession(terms, is_encrypted=guest.tls is not None)
        self._spool = Spool(house.room)
        self._has_no_space = False  # the message under way cannot be kept
        self._identity: Identity | None = None
        self._tls = guest.tls
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._message_began_at: float | None = None
        self._is_busy = False  # an event is being carried out
        self._is_leaving = False
        self._accepted = 0
        self._refused = 0
        self._octets = 0
        self._end = "closed"

    def dismiss(self) -> None:
        """Ask the client to go: at once when nothing is under way, else behind the message."""
        self._is_leaving = True
        if not self._is_busy and self._session.is_between_messages:
            self._session.end(STOPPING, "stopping")
            self._stream.write(self._session.take_output())
            self._end = "stopping"
            self._stream.end()

    async def run(self) -> None:
        """Serve the client until one of us hangs up."""
        try:
            self._session.greet()
            await self._flush()
            while await self._hear():
                pass
        except OSError as error:
            log.debug("smtp client lost", address=self._guest.address, reason=str(error))
            self._end = "lost"
        except Exception:
            self._end = "failed"
            raise
        finally:
            self._spool.discard()
            if self._identity is not None:
                self._house.gate.leave(self._identity)
            self._tell()

    async def _hear(self) -> bool:
        """Read once and carry out what it brought; false when the session is over."""
        try:
            data = await self._stream.read_some(_READ_BYTES, deadline=self._deadline())
        except TimeoutError:
            is_over = self._loop.time() >= self._began_at + self._house.patience.session_s
            self._session.end(SESSION_OVER if is_over else TIMED_OUT, "timeout")
            data = b""
        else:
            if not data:
                return False
            self._session.feed(data)
        self._is_busy = True
        is_over = await self._carry_out()
        self._is_busy = False
        await self._flush()
        if is_over:
            await self._linger()
        return not is_over

    async def _carry_out(self) -> bool:
        session = self._session
        while True:
            event = session.next_event()
            if event is None:
                if not session.is_between_messages or not self._wants_to_end():
                    return False
                session.end(STOPPING if self._is_leaving else SESSION_OVER, "stopping")
                continue
            if isinstance(event, Ended):
                self._end = event.why if event.why in _ENDS else "refused"
                return True
            await self._obey(event)

    def _wants_to_end(self) -> bool:
        session_s = self._house.patience.session_s
        return self._is_leaving or self._loop.time() >= self._began_at + session_s

    async def _obey(self, event: Event) -> None:
        match event:
            case Octets(piece):
                await self._keep(piece)
            case MailWanted(mail):
                self._message_began_at = None
                self._session.answer(self._admit(mail.size or 0))
            case RcptWanted(rcpt):
                self._session.answer(await self._house.reception.admit(rcpt, self._identity))
            case Received():
                await self._receive(event)
            case Spoiled(reply):
                self._count(reply, None)
            case Login():
                await self._flush()
                reply, self._identity = await self._house.gate.enter(event, self._guest.address)
                self._session.answer(reply)
            case TlsWanted():
                await self._start_tls()

    def _admit(self, octets: int) -> Reply:
        # A large message lies on the disk twice until it is queued.
        try:
            has_room = self._house.room.free_bytes() >= self._house.min_free_bytes + 2 * octets
        except OSError:
            has_room = False
        return _ACCEPTED if has_room else NO_SPACE

    async def _keep(self, piece: bytes) -> None:
        if self._message_began_at is None:
            self._message_began_at = self._loop.time()
        self._octets += len(piece)
        if self._has_no_space:
            return
        self._spool.add(piece)
        if self._spool.is_full:
            await self._spill()

    async def _spill(self) -> None:
        try:
            await self._spool.flush()
        except OSError as error:
            log.error("smtp message cannot be spooled", reason=str(error))
            self._has_no_space = True
            self._spool.discard()

    async def _receive(self, received: Received) -> None:
        began_at = self._loop.time()
        if not self._spool.is_in_memory:
            await self._spill()
        if self._has_no_space:
            reply = NO_SPACE
        else:
            reply = await self._house.reception.take(received, self._spool, self._identity)
        self._session.answer(reply)
        self._count(reply, self._loop.time() - began_at)

    def _count(self, reply: Reply, seconds: float | None) -> None:
        """One message is over, whatever became of it."""
        self._spool.discard()
        self._has_no_space = False
        self._message_began_at = None
        if reply.is_success and seconds is not None:
            self._accepted += 1
            outcome = "accepted"
        else:
            self._refused += 1
            outcome = "put off" if 400 <= reply.code < 500 else "refused"
        metrics.smtp_message(outcome, seconds)

    async def _start_tls(self) -> None:
        context = self._house.tls()
        if context is None or self._stream.has_unread:
            # What has arrived by now was not encrypted and would be read as if it were.
            self._session.answer(NO_TLS)
            return
        self._session.answer(_START_TLS)
        self._stream.write(self._session.take_output())
        self._tls = await begin_tls(self._stream, context, self._loop.time() + OPENING_S)

    def _deadline(self) -> float:
        patience = self._house.patience
        deadline = self._loop.time() + patience.idle_s
        if self._session.is_receiving:
            if self._message_began_at is None:
                self._message_began_at = self._loop.time()
            return min(deadline, self._message_began_at + patience.message_s)
        return min(deadline, self._began_at + patience.session_s)

    async def _flush(self) -> None:
        if output := self._session.take_output():
            self._stream.write(output)
            await self._stream.drain(deadline=self._loop.time() + self._house.patience.idle_s)

    async def _linger(self) -> None:
        """Read on for a moment: closing on unread octets would destroy our last words."""
        if self._end == "quit":
            return
        end, left = self._loop.time() + _LINGER_S, _LINGER_BYTES
        try:
            while left > 0 and (now := self._loop.time()) < end:
                data = await self._stream.read_some(deadline=now + _SILENCE_S)
                if not data:
                    return
                left -= len(data)
        except OSError:
            pass  # the time is up, or the client is gone

    def _tell(self) -> None:
        metrics.smtp_session_ended(self._end)
        log.info(
            "smtp session ended",
            end=self._end,
            address=self._guest.address,
            proxy=self._guest.proxy,
            account=None if self._identity is None else self._identity.account,
            helo=self._session.helo,
            tls=self._tls,
            accepted=self._accepted,
            refused=self._refused,
            failed_logins=self._session.failed_logins,
            bad_commands=self._session.bad_commands,
            octets=self._octets,
            seconds=round(self._loop.time() - self._began_at, 3),
        )


_ENDS = frozenset({"quit", "timeout", "stopping"})
