"""Hints between the processes that share a PostgreSQL, and the offset to its clock.

One connection listens and tells. What is told is gathered for a moment and sent outside of any
transaction: a NOTIFY inside one takes a lock that every other committer waits for. The clock is
read on the same occasion, so that all nodes live in one time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

import asyncpg

from postroad.store.wake import TOPICS, Note, Wake

CHANNEL = "postroad"
GATHER_S = 0.02  # for which hints gather; latency against load
CLOCK_S = 5.0  # between looks at the server's clock
TIMEOUT_S = 5.0
_MAX_PAYLOAD = 7_900  # bytes; PostgreSQL refuses 8 000
_MAX_NOTES = 500  # beyond which everybody is told of everything
_TOO_SLOW_MS = 200  # an answer that took longer says too little about the clock

LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Sender(Protocol):
    """A connection or a pool of them."""

    async def executemany(self, command: str, args: Sequence[tuple[str, str]]) -> None: ...


class Messenger:
    """Runs for as long as the store is open and mends its connection by itself."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]],
        wake: Wake,
        *,
        name: str,
        clock: Callable[[], int],
        is_correcting: bool,
    ) -> None:
        """``name`` tells our own hints from those of others; ``is_correcting`` the clock."""
        self._connect = connect
        self._wake = wake
        self._name = name
        self._clock = clock
        self._is_correcting = is_correcting
        self._notes: dict[Note, None] = {}
        self._has_notes = asyncio.Event()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self.offset_ms = 0  # to add to the clock

    def tell(self, notes: Iterable[Note]) -> None:
        """Pass notes on to the other processes, soon."""
        self._notes.update(dict.fromkeys(notes))
        self._has_notes.set()

    async def measure(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Compare the clocks."""
        before = self._clock()
        there = await connection.fetchval(
            "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
        )
        after = self._clock()
        if self._is_correcting and after - before < _TOO_SLOW_MS:
            self.offset_ms = there - (before + after) // 2

    def close(self) -> None:
        """Let go of the connection; for when :meth:`run` has ended or never began."""
        if self._connection is not None:
            self._connection.terminate()

    async def open(self) -> None:
        """Connect and listen, for :meth:`run`."""
        connection = await self._connect()
        try:
            await self.measure(connection)
            await connection.add_listener(CHANNEL, self._hear)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def run(self) -> None:
        """Listen and tell until cancelled, on the connection of :meth:`open` and its heirs."""
        pause_s = 0.1
        while True:
            try:
                if self._connection is not None:
                    await self._converse(self._connection)
            except LOST:
                self.close()
                await asyncio.sleep(pause_s)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self.open()
            except LOST:
                pause_s = min(5.0, pause_s * 2)
            else:
                pause_s = 0.1
                # Whatever was said while nobody listened is lost.
                self._wake.tell_all()

    async def _converse(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        loop = asyncio.get_running_loop()
        next_look = 0.0
        while True:
            async with asyncio.timeout(TIMEOUT_S):
                if loop.time() >= next_look:
                    await self.measure(connection)
                    next_look = loop.time() + CLOCK_S
                await self.send(connection)
            try:
                async with asyncio.timeout(max(0.0, next_look - loop.time())):
                    await self._has_notes.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                pass

    async def send(self, connection: Sender) -> None:
        """Send what has gathered. What cannot be sent stays for the next time."""
        notes, self._notes = self._notes, {}
        self._has_notes.clear()
        if not notes:
            return
        try:
            await connection.executemany(
                "SELECT pg_notify($1, $2)", [(CHANNEL, text) for text in self._letters(notes)]
            )
        except BaseException:
            self._notes = notes | self._notes
            raise

    def _letters(self, notes: Iterable[Note]) -> list[str]:
        notes = list(notes)
        if len(notes) > _MAX_NOTES:
            notes = [(topic, "") for topic in TOPICS]
        letters = [json.dumps([self._name, notes])]
        if len(letters[0].encode()) > _MAX_PAYLOAD:
            letters = [json.dumps([self._name, [note]]) for note in notes]
            # A payload that is too long for a letter of its own becomes "any".
            letters = [
                text
                if len(text.encode()) <= _MAX_PAYLOAD
                else json.dumps([self._name, [(topic, "")]])
                for text, (topic, _) in zip(letters, notes, strict=True)
            ]
        return letters

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            name, notes = json.loads(str(payload))
            told = [(str(topic), str(text)) for topic, text in notes]
        except (ValueError, TypeError):
            return  # not from us
        if name != self._name:
            self._wake.tell(told)
