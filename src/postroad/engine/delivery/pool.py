"""Connections to relays, kept for the next message to the same relay.

A TCP, TLS and AUTH exchange costs more than a hundred messages, so this matters more than
anything else on the way out. Connections with identical settings are interchangeable and share
a *lane*; a lane has a bounded number of them and serves those who wait in order. A connection
that broke, or to which the relay has said anything unasked, is never given out again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from types import TracebackType

from postroad.domain.account import SmtpSettings
from postroad.domain.reply import Outcome, judge
from postroad.domain.secret import Secret
from postroad.transport.smtp import RelayFailure, SmtpConnection

Opener = Callable[[], Awaitable[SmtpConnection]]


def relay_key(
    settings: SmtpSettings,
    *,
    ehlo_name: str,
    proxy: Secret[str] | None = None,
    local_address: str | None = None,
) -> Hashable:
    """What two connections must have in common to stand in for each other."""
    tls = settings.tls
    return (
        settings.host.lower(),
        settings.port,
        settings.secure,
        settings.login,
        tls.verify,
        tls.min_version,
        tuple(sorted((name, repr(value)) for name, value in tls.extra.items())),
        ehlo_name,
        proxy,
        local_address,
    )


@dataclass(slots=True)
class _Lane:
    # Kept connections with the time since when; the most recently used one is last.
    idle: list[tuple[SmtpConnection, float]] = field(default_factory=list)
    busy: int = 0  # given out or being opened
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class RelayPool:
    """Lends connections, one user at a time.

    ``max_connections`` is per key, ``max_idle`` for all keys together: beyond it connections
    are closed instead of kept. Waiting for a free connection is not bounded here; the caller's
    own limit for the attempt is. Belongs to one event loop.
    """

    def __init__(
        self,
        *,
        max_connections: int = 5,
        max_idle_s: float = 60.0,  # relays hang up after 300 s or more. RFC 5321 §4.5.3.2.7
        max_messages: int = 100,
        max_age_s: float = 600.0,
        max_idle: int = 512,
    ) -> None:
        self._max_connections = max_connections
        self._max_idle_s = max_idle_s
        self._max_messages = max_messages
        self._max_age_s = max_age_s
        self._max_idle = max_idle
        self._idle_count = 0
        self._sweeper: asyncio.TimerHandle | None = None  # runs while anything is idle
        self._lanes: dict[Hashable, _Lane] = {}
        self._is_closed = False

    def lease(self, key: Hashable, opener: Opener, *, fresh: bool = False) -> Lease:
        """Borrow a connection: ``async with pool.lease(key, opener) as connection``.

        ``opener`` is called if none is at hand, or always if ``fresh``; what it raises
        (:exc:`RelayFailure`) passes through. The connection goes back at the end of the block,
        or is closed if it is broken, old or used up.
        """
        return Lease(self, key, opener, fresh)

    async def deliver(
        self,
        key: Hashable,
        opener: Opener,
        send: Callable[[SmtpConnection], Awaitable[Outcome]],
    ) -> Outcome:
        """Run ``send`` with a connection; a refusal to open one is an outcome, too.

        A kept connection may have died unnoticed. If that shows before the relay has answered
        MAIL, nothing has begun, and ``send`` runs once more with a new one; never later, so a
        message is not sent twice by this.
        """
        try:
            async with self.lease(key, opener) as connection:
                outcome = await send(connection)
            if connection.was_stale:
                async with self.lease(key, opener, fresh=True) as connection:
                    outcome = await send(connection)
        except RelayFailure as error:
            return judge(error.failure)
        return outcome

    async def close(self) -> None:
        """Close what is idle; what is lent out is closed when it comes back."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        lanes = list(self._lanes.values())
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                while lane.idle:
                    group.create_task(self._take_idle(lane).quit())

    def _lane(self, key: Hashable) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
        return lane

    async def _acquire(
        self, key: Hashable, lane: _Lane, opener: Opener, fresh: bool
    ) -> SmtpConnection:
        if lane.busy >= self._max_connections:
            await self._wait(key, lane)  # whoever frees a place hands it to us
        else:
            lane.busy += 1
        try:
            while lane.idle and not fresh:
                connection = self._take_idle(lane)
                if self._is_good(connection):
                    return connection
                connection.leave()
            if lane.idle and lane.busy + len(lane.idle) > self._max_connections:
                self._take_idle(lane).leave()  # a fresh one is wanted and would be too many
            return await opener()
        except BaseException:
            self._free(key, lane)
            raise

    async def _wait(self, key: Hashable, lane: _Lane) -> None:
        turn = asyncio.get_running_loop().create_future()
        lane.waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.cancelled():
                lane.waiting.remove(turn)
            else:
                self._free(key, lane)  # our turn came, and we are gone
            raise

    def _release(self, key: Hashable, lane: _Lane, connection: SmtpConnection) -> None:
        if self._is_closed or self._idle_count >= self._max_idle or not self._is_good(connection):
            connection.leave()
        else:
            loop = asyncio.get_running_loop()
            lane.idle.append((connection, loop.time()))
            self._idle_count += 1
            if self._sweeper is None:
                self._sweeper = loop.call_later(self._max_idle_s, self._sweep)
        self._free(key, lane)

    def _free(self, key: Hashable, lane: _Lane) -> None:
        while lane.waiting:
            turn = lane.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        lane.busy -= 1
        self._forget_if_empty(key, lane)

    def _sweep(self) -> None:
        """Take leave of those that nobody wanted for long, and come again for the next ones."""
        loop = asyncio.get_running_loop()
        # The loop's clock has its own grain; a connection due within it is due.
        overdue = loop.time() - self._max_idle_s + 0.01
        oldest: float | None = None
        for key, lane in list(self._lanes.items()):
            while lane.idle and lane.idle[0][1] <= overdue:
                lane.idle.pop(0)[0].leave()
                self._idle_count -= 1
            if lane.idle:
                oldest = min(oldest or lane.idle[0][1], lane.idle[0][1])
            self._forget_if_empty(key, lane)
        self._sweeper = None
        if oldest is not None:
            self._sweeper = loop.call_at(oldest + self._max_idle_s, self._sweep)

    def _take_idle(self, lane: _Lane) -> SmtpConnection:
        self._idle_count -= 1
        return lane.idle.pop()[0]

    def _forget_if_empty(self, key: Hashable, lane: _Lane) -> None:
        if not (lane.busy or lane.idle or lane.waiting):
            self._lanes.pop(key, None)

    def _is_good(self, connection: SmtpConnection) -> bool:
        age_s = asyncio.get_running_loop().time() - connection.opened_at
        return (
            connection.is_reusable
            and connection.messages < self._max_messages
            and age_s < self._max_age_s
        )


class Lease:
    """One loan from a :class:`RelayPool`; a plain class because a generator costs more."""

    __slots__ = ("_connection", "_fresh", "_key", "_lane", "_opener", "_pool")

    def __init__(self, pool: RelayPool, key: Hashable, opener: Opener, fresh: bool) -> None:
        self._pool = pool
        self._key = key
        self._opener = opener
        self._fresh = fresh

    async def __aenter__(self) -> SmtpConnection:
        self._lane = self._pool._lane(self._key)
        self._connection = await self._pool._acquire(
            self._key, self._lane, self._opener, self._fresh
        )
        return self._connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, RelayFailure):
            self._connection.abort()  # cancelled or failed half way: nobody knows where it stands
        self._pool._release(self._key, self._lane, self._connection)
