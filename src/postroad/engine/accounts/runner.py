"""One account's way in: connect, follow, come back.

A runner owns the live session of one account and the account's shown state. Every change of
state is a row, and the event that tells of it is in the same commit. An account that cannot be
reached costs itself only: it tries again with growing pauses. Among several nodes the account is
followed by the one that holds its lease; the others look now and then whether it has become free.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random

from postroad.domain.account import Account
from postroad.domain.errors import LeaseLost, PostroadError
from postroad.domain.lease import Lease
from postroad.engine.accounts.record import REFUSED_LIMIT_MS, Record
from postroad.engine.accounts.session import Connector, Refusal, Session
from postroad.engine.wakeup import Hint
from postroad.observe import get_logger
from postroad.store import Store

log = get_logger("postroad.accounts")

FIRST_PAUSE_S = 2.0  # doubling to MAX_PAUSE_S while the first connection fails (contract B-231)
MAX_PAUSE_S = 600.0
STABLE_AFTER_S = 300.0  # a session this old reconnects at once
LOST_PAUSE_S = 2.0  # for younger ones, growing by half to 30 s
UNSYNCED_PAUSE_S = 1.0  # for those that were lost before everything was looked at
LOST_PAUSE_MAX_S = 30.0
LEASE_POLL_S = 15.0


class AccountRunner:
    """Runs until cancelled, or until the account is switched off for its refused logins.

    ``logins`` bounds the logins under way to the same host; ``start_after_s`` spreads those of a
    start over some time.
    """

    def __init__(
        self,
        account: Account,
        store: Store,
        connector: Connector,
        *,
        node_id: str,
        rng: Random,
        logins: asyncio.Semaphore,
        start_after_s: float = 0.0,
        refused_limit_ms: int = REFUSED_LIMIT_MS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._account = account
        self._store = store
        self._connector = connector
        self._node_id = node_id
        self._rng = rng
        self._logins = logins
        self._start_after_s = start_after_s
        self._record = Record(store, account, refused_limit_ms=refused_limit_ms)
        self._again = Hint()
        self._session: Session | None = None
        self._is_ending = False  # the session was ended by us

    @property
    def connections(self) -> int:
        return 0 if self._session is None else self._session.connections

    def reconnect(self) -> None:
        """Drop the session, or end a pause, at once."""
        if self._session is not None:
            self._is_ending = True
            self._session.end()
        else:
            self._again.set()

    def renew(self) -> None:
        """Drop a session that was opened under other settings than those of now."""
        if self._session is not None and not self._session.is_current:
            self.reconnect()

    def ask(self) -> None:
        """Look at every mailbox soon."""
        if self._session is not None:
            self._session.ask()

    async def show_failure(self, pause_s: float) -> None:
        """Show that :meth:`run` has raised, and when it is called again."""
        await self._record.failed(pause_s)

    async def run(self) -> None:
        """Hold the way in open."""
        lease: Lease | None = None
        try:
            await self._again.wait(self._start_after_s)
            failures = losses = 0
            while True:
                lease = lease or await self._take_lease()
                try:
                    async with self._logins:
                        await self._record.connecting()
                        session = await self._connector.open(self._account, lease)
                except Refusal as refusal:
                    failures += 1
                    pause_s = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 20))
                    pause_s *= 1 - 0.2 * self._rng.random()
                    if not await self._record.refused(refusal, pause_s):
                        return
                    await self._again.wait(pause_s)
                    continue
                failures = 0
                pause_s, has_lease = await self._follow(session, losses)
                losses = losses + 1 if pause_s else 0
                lease = lease if has_lease else None
                if pause_s:
                    await self._again.wait(pause_s)
        finally:
            if lease is not None:
                await asyncio.shield(self._release(lease))

    async def _follow(self, session: Session, losses: int) -> tuple[float, bool]:
        """Run a session to its end; how long to pause then, and whether the lease is still ours."""
        opened_at = self._clock()
        first_s = UNSYNCED_PAUSE_S

        async def synced() -> None:
            nonlocal first_s
            is_first, first_s = first_s != LOST_PAUSE_S, LOST_PAUSE_S
            await (self._record.connected() if is_first else self._record.synced())
            if not session.is_current:
                self.reconnect()

        self._again.take()
        self._is_ending = False
        self._session = session
        try:
            await self._record.syncing()
            await session.run(synced)
        except LeaseLost as lost:
            log.info("account lost", account=self._account.account, reason=lost.message)
            return UNSYNCED_PAUSE_S, False
        except PostroadError as error:
            if self._is_ending:
                return 0.0, True
            is_old = self._clock() - opened_at >= STABLE_AFTER_S
            pause_s = 0.0
            if not is_old:
                pause_s = min(LOST_PAUSE_MAX_S, first_s * 1.5 ** min(losses, 20))
                pause_s += self._rng.random()
            await self._record.lost(error, pause_s)
            return pause_s, True
        finally:
            self._session = None
            await asyncio.shield(session.close())
        raise AssertionError("a session ends with an exception")

    # The lease

    async def _take_lease(self) -> Lease:
        name = f"account:{self._account.account}"
        while True:
            lease = await self._store.write(lambda tx: tx.leases.take(name, self._node_id))
            if lease is not None:
                return lease
            await self._again.wait(LEASE_POLL_S * (1 - 0.2 * self._rng.random()))

    async def _release(self, lease: Lease) -> None:
        try:
            await self._store.write(lambda tx: tx.leases.release(lease))
        except PostroadError:
            pass  # it is free when this life ends
