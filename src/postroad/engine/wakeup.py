"""Waiting for work, in the one shape that all services share: hint, poll, stop.

A :class:`Hint` says that there may be something to do. It may be lost or come for nothing: the
row is the truth, and the poll finds what no hint told of. A :class:`Wakeup` waits for any of
several hints, for the poll interval, for an earlier time that the caller knows, or for the end
of the service, whichever comes first::

    with Wakeup(queue_hint, settings_hint, poll_s=5.0, stop=stop) as wakeup:
        while not wakeup.is_stopping:
            done = await self._turn()
            await wakeup.wait(until_s=done.seconds_to_next)

All of it belongs to one event loop; from another thread use
``loop.call_soon_threadsafe(hint.set)``.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Hint:
    """A flag that wakes whoever waits for it, and that the waiter takes down.

    Set many times before anyone waits it still wakes once: it carries no count and no payload.
    """

    __slots__ = ("_is_set", "_listeners")

    def __init__(self) -> None:
        self._is_set = False
        self._listeners: list[Wakeup] = []

    @property
    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        """Say that there may be work. Never blocks and never fails."""
        self._is_set = True
        for listener in self._listeners:
            listener.stir()

    def take(self) -> bool:
        """Take the flag down; true if it was up."""
        was_set, self._is_set = self._is_set, False
        return was_set

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until set, at most ``timeout_s`` seconds, and take it down; false on timeout."""
        if self._is_set:
            return self.take()
        with Wakeup(self, poll_s=timeout_s) as wakeup:
            return await wakeup.wait()

    def attach(self, listener: Wakeup) -> None:
        self._listeners.append(listener)

    def detach(self, listener: Wakeup) -> None:
        self._listeners.remove(listener)


class Wakeup:
    """Waits for hints, a poll interval and a stop together. One task waits at a time.

    ``poll_s`` is the longest wait in seconds; ``None`` waits for a hint or the stop alone.
    ``stop`` is never taken down here, so that one stop ends many services.
    """

    __slots__ = ("_hints", "_poll_s", "_stop", "_waiter")

    def __init__(self, *hints: Hint, poll_s: float | None, stop: Hint | None = None) -> None:
        self._hints = hints
        self._poll_s = poll_s
        self._stop = stop
        self._waiter: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        for hint in self._all():
            hint.attach(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hint in self._all():
            hint.detach(self)

    @property
    def is_stopping(self) -> bool:
        return self._stop is not None and self._stop.is_set

    def stir(self) -> None:
        """End the present wait. Called by the hints."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, *, until_s: float | None = None) -> bool:
        """Wait; true when a hint was set, false when time passed or the service shall stop.

        All hints are taken down on return, so what the caller does next sees whatever they
        told of. ``until_s`` (seconds from now) shortens this wait only.
        """
        if not self.is_stopping and not any(hint.is_set for hint in self._hints):
            await self._sleep(until_s)
        # No short circuit: every hint must be taken down.
        taken = [hint.take() for hint in self._hints]
        return any(taken) and not self.is_stopping

    async def _sleep(self, until_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        limits = [limit for limit in (self._poll_s, until_s) if limit is not None]
        self._waiter = waiter = loop.create_future()
        timer = loop.call_later(max(0.0, min(limits)), self.stir) if limits else None
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _all(self) -> tuple[Hint, ...]:
        return self._hints if self._stop is None else (*self._hints, self._stop)
