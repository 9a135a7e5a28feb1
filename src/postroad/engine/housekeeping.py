"""Clearing away what has been kept for long enough.

Each chore has a name, an interval and one bounded batch, which is repeated with pauses until
nothing is left, so that a backlog of millions of rows never holds up a message. A chore runs
under the lease ``job:<name>``: of several processes one does it, and another takes over when
that one dies. Nothing here is urgent: a chore that fails is logged and tried again at its next
time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from postroad.domain.errors import LeaseLost, Unavailable
from postroad.domain.lease import Lease
from postroad.domain.setting import SettingValues
from postroad.engine.sync.moves import TRACE_KEPT_MS
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger, metrics
from postroad.store import Store, Tx

log = get_logger(__name__)

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS

_ENDED_MS = _DAY_MS  # done and cancelled submissions; the event log remembers them for longer
_MAX_FAILED = 100_000  # failed submissions kept, whatever their retention
_IDEMPOTENCY_MS = _DAY_MS  # contract B-143
_WEBHOOKS_MS = 7 * _DAY_MS  # failed webhook jobs. Contract: events §6
_MAX_WEBHOOKS = 500
_MAX_BATCHES = 1_000  # in one turn; the rest waits for the next one
_MAX_PAUSE_S = 1.0


class SettingsSource(Protocol):
    """The settings service, as far as it is needed here."""

    @property
    def snapshot(self) -> SettingValues: ...


Batch = Callable[[Tx, SettingValues], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to clear away. ``batch`` returns how many rows went; 0 ends the turn."""

    name: str
    every_s: float
    batch: Batch


async def _purge_events(tx: Tx, values: SettingValues) -> int:
    return await tx.events.purge(before=tx.now - values.event_retention_days * _DAY_MS)


async def _purge_submissions(tx: Tx, values: SettingValues) -> int:
    return await tx.submissions.purge(
        ended_before=tx.now - _ENDED_MS,
        failed_before=tx.now - values.failed_retention_days * _DAY_MS,
        keep_failed=_MAX_FAILED,
    )


async def _purge_idempotency(tx: Tx, values: SettingValues) -> int:
    return await tx.idempotency.purge(before=tx.now - _IDEMPOTENCY_MS)


async def _purge_traces(tx: Tx, values: SettingValues) -> int:
    return await tx.messages.purge_traces(before=tx.now - TRACE_KEPT_MS)


async def _purge_sent(tx: Tx, values: SettingValues) -> int:
    return await tx.sent.purge(before=tx.now - values.sent_retention_days * _DAY_MS)


async def _purge_returned(tx: Tx, values: SettingValues) -> int:
    return await tx.returned.purge(before=tx.now - values.sent_retention_days * _DAY_MS)


async def _purge_webhooks(tx: Tx, values: SettingValues) -> int:
    return await tx.webhooks.purge_failed(before=tx.now - _WEBHOOKS_MS, keep=_MAX_WEBHOOKS)


CHORES = (
    Chore("events", 600, _purge_events),
    Chore("submissions", 600, _purge_submissions),
    Chore("idempotency", 600, _purge_idempotency),
    Chore("webhooks", 600, _purge_webhooks),
    Chore("traces", 3600, _purge_traces),
    Chore("sent", 600, _purge_sent),
    Chore("returned", 3600, _purge_returned),
)
_ORPHANS = "orphans"  # octets that no message came to; they lie outside of any transaction
_ORPHANS_EVERY_S = 3600.0


class Housekeeping:
    """Does the chores until cancelled or stopped. ``clock_s`` is any clock that goes forward."""

    def __init__(
        self,
        store: Store,
        settings: SettingsSource,
        *,
        node_id: str,
        rng: Random | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._settings = settings
        self._node_id = node_id
        self._rng = rng or Random()
        self._clock_s = clock_s
        self._leases: dict[str, Lease] = {}

    async def run(self, stop: Hint | None = None) -> None:
        """Do each chore at its times, the first soon after the start."""
        every_s = {chore.name: chore.every_s for chore in CHORES} | {_ORPHANS: _ORPHANS_EVERY_S}
        # Spread, so that what was started together does not work together.
        due_s = {name: self._clock_s() + self._rng.uniform(10, 60) for name in every_s}
        with Wakeup(poll_s=None, stop=stop) as wakeup:
            while not wakeup.is_stopping:
                name = min(due_s, key=lambda name: due_s[name])
                await wakeup.wait(until_s=max(0.0, due_s[name] - self._clock_s()))
                if self._clock_s() >= due_s[name] and not wakeup.is_stopping:
                    await self._try(name, stop)
                    due_s[name] = self._clock_s() + every_s[name]

    async def do(self, name: str, stop: Hint | None = None) -> int:
        """Do one chore now and return how much went; 0 as well while another node has it.

        Raises :exc:`Unavailable` and :exc:`LeaseLost`.
        """
        lease = await self._hold(name)
        if lease is None:
            return 0
        if name == _ORPHANS:
            removed = await self._store.sweep_orphans()
        else:
            chore = next(chore for chore in CHORES if chore.name == name)
            removed = await self._repeat(chore, lease, stop)
        metrics.housekeeping_removed(name, removed)
        if removed:
            log.info("housekeeping done", chore=name, removed=removed)
        return removed

    async def _try(self, name: str, stop: Hint | None) -> None:
        """The edge of the job: no chore ends the service."""
        try:
            await self.do(name, stop)
        except LeaseLost:
            del self._leases[name]
            log.info("housekeeping left to another node", chore=name)
        except Unavailable as error:
            log.warning("housekeeping put off", chore=name, error=error.message)
        except Exception:
            log.exception("housekeeping failed", chore=name)

    async def _repeat(self, chore: Chore, lease: Lease, stop: Hint | None) -> int:
        async def unit(tx: Tx) -> int:
            await tx.leases.check(lease)
            return await chore.batch(tx, self._settings.snapshot)

        removed = 0
        for _ in range(_MAX_BATCHES):
            began_s = self._clock_s()
            count = await self._store.write(unit)
            removed += count
            if count == 0 or (stop is not None and stop.is_set):
                break
            # As long a pause as the batch took: half of the store's time at most.
            await asyncio.sleep(min(_MAX_PAUSE_S, self._clock_s() - began_s))
        return removed

    async def _hold(self, name: str) -> Lease | None:
        """The lease of a chore: ours from before, or taken now if nobody living has it."""
        if name not in self._leases:

            async def unit(tx: Tx) -> Lease | None:
                lease = await tx.leases.acquire(f"job:{name}", self._node_id)
                if lease is None:
                    held = await tx.leases.held_by(self._node_id)
                    lease = next((one for one in held if one.name == f"job:{name}"), None)
                return lease

            lease = await self._store.write(unit)
            if lease is None:
                return None
            self._leases[name] = lease
        return self._leases[name]
