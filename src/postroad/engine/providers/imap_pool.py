"""Command connections of one IMAP account: opened on demand, kept warm, lent one at a time.

A borrower has its connection to itself, so that what it selects stays selected. A connection that
died while it lay idle costs a second attempt and nothing else, as long as the command had not
begun to change anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from postroad.domain.errors import Unavailable
from postroad.transport.imap import ConnectionLost, ImapConnection

T = TypeVar("T")

Connect = Callable[[], Awaitable[ImapConnection]]
Work = Callable[[ImapConnection], Awaitable[T]]

MAX_CONNECTIONS = 2
WARM_S = 60.0


@dataclass(slots=True)
class _Idle:
    connection: ImapConnection
    expiry: asyncio.TimerHandle


class ImapPool:
    """At most ``max_connections`` at once; idle ones are logged out after ``warm_s``.

    ``on_cold`` is called whenever neither a lent nor a warm connection is left.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        max_connections: int = MAX_CONNECTIONS,
        warm_s: float = WARM_S,
        on_cold: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._on_cold = on_cold
        self._users = 0  # who have a connection lent or wait for one being opened
        self._warm_s = warm_s
        self._slots = asyncio.Semaphore(max_connections)
        self._idle: list[_Idle] = []  # the warmest last
        self._partings: set[asyncio.Task[None]] = set()  # owned here, awaited by close()
        self._is_closed = False

    async def run(self, work: Work[T], *, may_repeat: bool, selected: bytes | None = None) -> T:
        """Do ``work`` on a connection of its own, as soon as one is free.

        Best on one that has the mailbox ``selected`` open, which saves a SELECT.
        ``work`` is done once more on a fresh connection when a warm one turns out to be lost:
        with ``may_repeat`` always, without it only if the server cannot have acted (see
        :exc:`ConnectionLost`). It must begin at its beginning each time.
        """
        async with self._slots:
            self._users += 1
            try:
                return await self._run(work, may_repeat=may_repeat, selected=selected)
            finally:
                self._users -= 1
                self._tell_if_cold()

    async def close(self) -> None:
        """Log out what is idle and let nothing new begin; lent connections end when given back."""
        self._is_closed = True
        self._drop_idle()
        self._tell_if_cold()
        if self._partings:
            await asyncio.wait(self._partings)

    async def _run(self, work: Work[T], *, may_repeat: bool, selected: bytes | None) -> T:
        warm = self._take(selected)
        if warm is not None:
            try:
                async with self._lent(warm):
                    return await work(warm)
            except ConnectionLost as lost:
                if lost.was_sent and not may_repeat:
                    raise
            self._drop_idle()  # what lay beside it will be as dead
        if self._is_closed:
            raise Unavailable("The account is being closed", code="IMAPUnavailable")
        fresh = await self._connect()
        async with self._lent(fresh):
            return await work(fresh)

    def _tell_if_cold(self) -> None:
        if not self._users and not self._idle:
            self._on_cold()

    @asynccontextmanager
    async def _lent(self, connection: ImapConnection) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if not connection.is_open:
                connection.abort()
            elif self._is_closed:
                self._part(connection)
            else:
                loop = asyncio.get_running_loop()
                self._idle.append(
                    _Idle(connection, loop.call_later(self._warm_s, self._expire, connection))
                )

    def _take(self, selected: bytes | None) -> ImapConnection | None:
        # The warmest last, and behind it what fits best.
        self._idle.sort(key=lambda idle: _has_open(idle.connection, selected))
        while self._idle:
            idle = self._idle.pop()
            idle.expiry.cancel()
            if idle.connection.is_open:
                return idle.connection
        return None

    def _expire(self, connection: ImapConnection) -> None:
        self._idle = [idle for idle in self._idle if idle.connection is not connection]
        self._part(connection)
        self._tell_if_cold()

    def _drop_idle(self) -> None:
        for idle in self._idle:
            idle.expiry.cancel()
            self._part(idle.connection)
        self._idle.clear()

    def _part(self, connection: ImapConnection) -> None:
        # Bounded by the connection's own close timeout.
        parting = asyncio.get_running_loop().create_task(connection.close())
        self._partings.add(parting)
        parting.add_done_callback(self._partings.discard)


def _has_open(connection: ImapConnection, name: bytes | None) -> bool:
    mailbox = connection.selected
    return name is not None and mailbox is not None and mailbox.wire_name == name
