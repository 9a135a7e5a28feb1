"""What one IMAP command is while it runs, and how long it may.

See :class:`~postroad.transport.imap_wire.ImapWire`, which runs them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from postroad.protocol.imap.command import Command
from postroad.protocol.imap.response import Untagged
from postroad.protocol.imap.status import Status
from postroad.transport.imap_news import Heard


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


class IdleEnd(StrEnum):
    """Why :meth:`ImapWire.idle` returned."""

    CHANGED = "changed"  # the server has told something
    STOPPED = "stopped"  # it was asked to, or a command wanted the connection
    EXPIRED = "expired"  # nothing happened for as long as was wanted


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command brought: its untagged responses of the wanted kinds and its end."""

    status: Status
    told: list[Untagged | Status]


@dataclass(slots=True)
class Running:
    command: Command
    wants: tuple[type, ...]
    contents: Sequence[Content]
    on_told: Heard | None  # takes what is wanted in place of ``told``
    hard_at: float  # event loop time
    max_octets: int  # of session.octets_received, when it has gone too far
    told: list[Untagged | Status] = field(default_factory=list)
    challenges: list[bytes] = field(default_factory=list)
    status: Status | None = None
    was_sent: bool = False  # the server may have acted on it
    is_late: bool = False  # its time is over
    is_patient: bool = False  # silence is no failure: IDLE
    idle_end: IdleEnd | None = None  # why it shall end: IDLE
    has_go_ahead: bool = False
    waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def due_at(self, quiet_at: float) -> float | None:
        """When its time is over, if the silence lasts until ``quiet_at``; ``None`` for never."""
        if self.is_patient and self.has_go_ahead:
            return None
        return min(quiet_at, self.hard_at)


class Deadline:
    """When the running commands have waited long enough.

    One timer serves all: it is not moved when an answer comes, only found too early when it
    fires. That saves making and cancelling one for each answer.
    """

    __slots__ = ("_loop", "_on_late", "_quiet_at", "_running", "_silence_s", "_timer")

    def __init__(
        self,
        running: Mapping[str, Running],
        silence_s: float,
        on_late: Callable[[Running], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._running = running
        self._silence_s = silence_s
        self._on_late = on_late
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_at = 0.0  # when the silence has lasted too long; event loop time

    def moved(self) -> None:
        """Something went over the wire: the silence begins anew."""
        self._quiet_at = self._loop.time() + self._silence_s

    def begin(self) -> None:
        """A command has begun, or its patience has ended."""
        self.moved()
        self._set_timer()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        dues = [due for one in self._running.values() if (due := one.due_at(self._quiet_at))]
        if not dues:
            return
        at = min(dues)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        for running in self._running.values():
            due = running.due_at(self._quiet_at)
            if due is not None and due <= now:
                running.is_late = True
                self._on_late(running)
                return
        self._set_timer()


class Waiters:
    """Coroutines that wait for the same thing; costs nothing while there are none."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def release(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
