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
class _Idle:
    connection: SmtpConnection
    timer: asyncio.TimerHandle  # takes leave when nobody came


@dataclass(slots=True)
class _Lane:
    idle: list[_Idle] = field(default_factory=list)  # the most recently used one is last
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
        lanes = list(self._lanes.values())
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                while lane.idle:
                    group.create_task(self._take_idle(lane).quit())

    async def _acquire(self, key: Hashable, opener: Opener, fresh: bool) -> SmtpConnection:
        lane = self._lanes.setdefault(key, _Lane())
        while lane.busy >= self._max_connections:
            await self._wait(lane)
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

    async def _wait(self, lane: _Lane) -> None:
        turn = asyncio.get_running_loop().create_future()
        lane.waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn in lane.waiting:
                lane.waiting.remove(turn)
            elif not turn.cancelled():
                self._wake(lane)  # our turn came and we are gone: the next one's
            raise

    def _release(self, key: Hashable, connection: SmtpConnection) -> None:
        lane = self._lanes[key]
        if self._is_closed or self._idle_count >= self._max_idle or not self._is_good(connection):
            connection.leave()
        else:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._max_idle_s, self._expire, key, connection)
            lane.idle.append(_Idle(connection, timer))
            self._idle_count += 1
        self._free(key, lane)

    def _free(self, key: Hashable, lane: _Lane) -> None:
        lane.busy -= 1
        self._wake(lane)
        self._forget_if_empty(key, lane)

    def _wake(self, lane: _Lane) -> None:
        while lane.waiting:
            turn = lane.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _expire(self, key: Hashable, connection: SmtpConnection) -> None:
        lane = self._lanes[key]
        lane.idle = [idle for idle in lane.idle if idle.connection is not connection]
        self._idle_count -= 1
        connection.leave()
        self._forget_if_empty(key, lane)

    def _take_idle(self, lane: _Lane) -> SmtpConnection:
        idle = lane.idle.pop()
        idle.timer.cancel()
        self._idle_count -= 1
        return idle.connection

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

    __slots__ = ("_connection", "_fresh", "_key", "_opener", "_pool")

    def __init__(self, pool: RelayPool, key: Hashable, opener: Opener, fresh: bool) -> None:
        self._pool = pool
        self._key = key
        self._opener = opener
        self._fresh = fresh
        self._connection: SmtpConnection | None = None

    async def __aenter__(self) -> SmtpConnection:
        connection = await self._pool._acquire(self._key, self._opener, self._fresh)
        self._connection = connection
        return connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._connection is not None
        if error is not None and not isinstance(error, RelayFailure):
            self._connection.abort()  # cancelled or failed half way: nobody knows where it stands
        self._pool._release(self._key, self._connection)
