"""The life of this process among others: heartbeat, and burial of the dead.

One row per life of a process says until when it counts as alive. It is beaten every five seconds
and good for twenty, so a beat may be late three times over. Whoever finds a row past its time
buries that node: its leases are free and its claimed work is due at once, instead of when each
claim ends.

A process that has the store to itself (SQLite) buries whatever it finds at start: those are its
own former lives. Among others, a node that could not beat for fifteen seconds may be taken for
dead before it knows; it then ends this life with :exc:`LeaseLost`, and with it the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from postroad.domain.errors import LeaseLost, Unavailable
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe.logging import get_logger
from postroad.store import Tx, Unit
from postroad.store.backend import T
from postroad.store.nodes import Burial

log = get_logger(__name__)

BEAT_S = 5.0
TTL_MS = 20_000
DEADLINE_S = 15.0  # without a beat for this long the others may be about to bury us
_BEAT_LIMIT_S = 10.0  # for one beat; a store that takes longer is as good as gone


class Writer(Protocol):
    """The part of the store that a node needs."""

    async def write(self, unit: Unit[T]) -> T: ...


class Node:
    """This process's life. :meth:`start` before any work is claimed, :meth:`end` after the last.

    ``is_alone`` promises that no other process works on the store. ``monotonic`` gives seconds.
    """

    def __init__(
        self,
        store: Writer,
        node_id: str,
        *,
        is_alone: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self.node_id = node_id
        self._is_alone = is_alone
        self._monotonic = monotonic
        self._beaten_at = monotonic()
        self._others = 0  # living ones, at the last beat

    async def start(self) -> None:
        """Begin this life: the first beat, and the burial of former lives or of the dead."""
        await self._beat(bury_all=self._is_alone)

    async def run(self, stop: Hint | None = None) -> None:
        """Beat until cancelled or stopped.

        Raises :exc:`LeaseLost` when the other nodes may have given this one up. A store that is
        out of reach is tried again with the next beat.
        """
        with Wakeup(poll_s=BEAT_S, stop=stop) as wakeup:
            while not wakeup.is_stopping:
                await wakeup.wait()
                await self.turn()

    async def turn(self) -> None:
        """One beat, and what follows when it fails."""
        try:
            await self._beat(bury_all=False)
        except (Unavailable, TimeoutError) as error:
            silent_s = self._monotonic() - self._beaten_at
            log.warning("heartbeat failed", error=str(error), silent_s=round(silent_s, 1))
            if self._others and silent_s > DEADLINE_S:
                raise LeaseLost(
                    f"No heartbeat for {silent_s:.0f} s: other nodes may have taken over"
                ) from error

    async def end(self) -> None:
        """Leave: what this life still held is free at once."""
        async with asyncio.timeout(_BEAT_LIMIT_S):
            burial = await self._store.write(lambda tx: tx.nodes.bury(self.node_id))
        for queue_id in burial.interrupted:
            log.warning("an attempt was interrupted", queue_id=queue_id, node_id=self.node_id)

    async def _beat(self, *, bury_all: bool) -> None:
        async def unit(tx: Tx) -> tuple[int, list[tuple[str, Burial]]]:
            living, buried = 0, []
            for life in await tx.nodes.all():
                if life.node_id == self.node_id:
                    continue
                if bury_all or life.expires_at <= tx.now:
                    burial = await tx.nodes.bury(life.node_id)
                    if burial.was_first:
                        buried.append((life.node_id, burial))
                else:
                    living += 1
            await tx.nodes.beat(self.node_id, TTL_MS)
            return living, buried

        async with asyncio.timeout(_BEAT_LIMIT_S):
            self._others, buried = await self._store.write(unit)
        self._beaten_at = self._monotonic()
        for node_id, burial in buried:
            log.info("a dead node's work is due again", node_id=node_id)
            for queue_id in burial.interrupted:
                # The relay may have taken it: what it gets twice is explained by this line.
                log.warning("an attempt was interrupted", queue_id=queue_id, node_id=node_id)
