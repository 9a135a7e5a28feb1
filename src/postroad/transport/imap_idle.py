"""Waiting for changes: IDLE where the server has it, NOOP now and then where not. RFC 2177."""

from __future__ import annotations

import asyncio
from typing import Protocol

from postroad.protocol.imap import commands
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.imap.status import Condition
from postroad.transport.imap_errors import CommandRefused
from postroad.transport.imap_news import Heard, News
from postroad.transport.imap_running import Answer, Deadline, IdleEnd, Running

POLL_S = 60.0  # between two NOOPs


class Wire(Protocol):
    """What idling needs of :class:`~postroad.transport.imap_wire.ImapWire`."""

    session: ImapSession
    news: News
    deadline: Deadline

    @property
    def is_busy(self) -> bool: ...
    def raise_if_lost(self) -> None: ...
    def begin(self, command: Command) -> Running: ...
    def flush(self) -> None: ...
    async def finish(self, running: Running) -> None: ...
    async def turn(self) -> None: ...
    async def run(self, command: Command) -> Answer: ...


class Idler:
    """At most one wait for changes; whatever else the connection is wanted for ends it."""

    __slots__ = ("_rest", "_running", "_wire")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._running: Running | None = None  # the IDLE command, until the server has let go
        self._rest: asyncio.Future[IdleEnd] | None = None  # the pause between two NOOPs

    @property
    def is_idling(self) -> bool:
        """Whether IDLE is on, or being ended."""
        return self._running is not None and self._running.status is None

    async def idle(self, on_change: Heard, *, max_s: float) -> IdleEnd:
        """Wait with IDLE; see :meth:`ImapConnection.idle`."""
        wire = self._wire
        wire.raise_if_lost()
        while wire.is_busy:
            await wire.turn()
        if wire.news.deliver(on_change):
            return IdleEnd.CHANGED
        running = self._running = wire.begin(commands.IDLE)
        running.is_patient = True
        wire.news.listener = on_change
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max_s, self.end, IdleEnd.EXPIRED)
        try:
            await wire.finish(running)
        except asyncio.CancelledError:
            # The connection outlives it: who comes next waits until the server has let go.
            self.end(IdleEnd.STOPPED)
            raise
        finally:
            timer.cancel()
            wire.news.listener = None
        assert running.status is not None
        if running.status.condition is not Condition.OK:
            raise CommandRefused(running.status, commands.IDLE.name)
        return running.idle_end or IdleEnd.STOPPED

    async def poll(self, on_change: Heard, *, max_s: float) -> IdleEnd:
        """Wait without IDLE: ask with NOOP, at least every :data:`POLL_S`."""
        wire = self._wire
        loop = asyncio.get_running_loop()
        until = loop.time() + max_s
        while True:
            self._rest = loop.create_future()  # already now: NOOP takes its time
            try:
                await wire.run(commands.NOOP)
                if wire.news.deliver(on_change):
                    return IdleEnd.CHANGED
                left = until - loop.time()
                if left <= 0:
                    return IdleEnd.EXPIRED
                async with asyncio.timeout(min(left, POLL_S)):
                    reason = await self._rest
            except TimeoutError:
                continue
            finally:
                self._rest = None
            wire.raise_if_lost()
            if reason is IdleEnd.STOPPED:
                return reason

    def end(self, reason: IdleEnd) -> None:
        """Let the wait come to its end; harmless without one."""
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(reason)
        running = self._running
        if running is None or running.idle_end is not None or running.status is not None:
            return
        running.idle_end = reason
        running.is_patient = False
        self._wire.deadline.begin()
        if running.has_go_ahead:
            self._say_done()

    def on_go_ahead(self, running: Running) -> None:
        """The server idles; DONE may be said from now on."""
        if running is self._running and running.idle_end is not None:
            self._say_done()

    def on_loss(self) -> None:
        self._running = None
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(IdleEnd.STOPPED)

    def _say_done(self) -> None:
        self._wire.session.done()
        self._wire.flush()
