"""Serving the accounts whose events wait to be told.

Each account with due jobs gets a *turn*: its jobs are claimed in batches, oldest first, and
posted one after the other, the next only once the previous was answered. Turns of different
accounts run at the same time, within :class:`Origins`' shares and ``concurrency`` slots; a turn
whose target has kept us waiting for more than two seconds lends its slot to another, so that
slow targets hold up nobody but themselves, with at most twice as many turns in all.

A job that failed comes back after its delay, and later events overtake it. Results are written
by the :class:`Ledger` behind the turns. If the process dies, what it had claimed is due again
when the claim ends or the node is buried, under the same event ids.

Which account has work is told by hints; a scan of the job table, at start, every few seconds
and when a retry is due, finds what no hint told of.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from postroad.domain.errors import Unavailable
from postroad.engine.wakeup import Hint, Wakeup
from postroad.engine.webhooks.accounts import AccountBook
from postroad.engine.webhooks.courier import Courier, Poster, SettingsSource
from postroad.engine.webhooks.ledger import Claim, Ledger
from postroad.engine.webhooks.origins import Origins
from postroad.engine.webhooks.target import GLOBAL_TARGET, Target
from postroad.observe import get_logger
from postroad.store import Store, Tx
from postroad.store.webhooks import AccountDue, WebhookJob

log = get_logger(__name__)

_POLL_S = 5.0
_BATCH = 100
_SMALL_BATCH = 4  # for the first requests of a turn at a target that did not answer last time
_BATCH_S = 60.0  # a batch is worked at for so long; then the rest is given back
_CLAIM_SLACK_S = 60.0
_STUCK_S = 2.0  # a request that waits for longer lends its slot
_LOOK_S = 0.25  # while all slots are taken, look this often for one to lend
_SCAN_SHARE = 10  # scanning may take one tenth of the time
_MAX_DUE = 10_000  # accounts taken from one scan
_PAUSE_S = 2.0  # for an account whose turn broke
_FLUSH_S = 5.0  # for the last results when cancelled


@dataclass(slots=True)
class _Turn:
    account: str
    has_news: bool = False  # more may be due than was claimed
    waiting_since_s: float | None = None  # when the request under way began


class Dispatcher:
    """Delivers webhooks until stopped or cancelled. Several processes may run one each.

    ``concurrency`` bounds the accounts served at the same time, ``timeout_s`` one request.
    ``clock`` tells epoch milliseconds, ``clock_s`` is any clock that only goes forward.
    """

    def __init__(
        self,
        store: Store,
        settings: SettingsSource,
        client: Poster,
        *,
        node_id: str,
        clock: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
        rng: Random | None = None,
        concurrency: int = 32,
        timeout_s: float = 30.0,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock_s = clock_s
        self._concurrency = concurrency
        claim_ms = int((_BATCH_S + timeout_s + _CLAIM_SLACK_S) * 1000)
        self._ledger = Ledger(store, Claim(node_id, claim_ms), on_retry=self._expect)
        self._courier = Courier(
            settings,
            client,
            self._ledger,
            timeout_s=timeout_s,
            rng=rng or Random(),
            clock=clock,
            clock_s=clock_s,
        )
        self._accounts = AccountBook(store, clock_s)
        self._origins = Origins(concurrency)
        self._turns: dict[str, _Turn] = {}
        self._ready: dict[str, None] = {}  # accounts in the order in which they get a turn
        self._parked: set[str] = set()  # accounts that wait for their origin
        self._paused: dict[str, float] = {}  # accounts whose turn broke, until when
        self._found: set[str] = set()  # accounts taken up by a scan
        self._scan_at_s = 0.0
        self._calm_until_s = 0.0  # no scan before, so that scanning keeps to its share
        self._hint = Hint()
        self._stop = Hint()
        self._was_enabled = True

    def stop(self) -> None:
        """Take up no new request; :meth:`run` returns once those under way are answered."""
        self._stop.set()

    async def run(self) -> None:
        """Deliver until stopped. When cancelled, results that are known are still written."""
        wake = self._store.wake
        try:
            async with asyncio.TaskGroup() as services:
                services.create_task(self._ledger.run())
                try:
                    with (
                        wake.listen("events", self._take_news),
                        wake.listen("accounts", self._accounts.forget),
                    ):
                        async with asyncio.TaskGroup() as group:
                            await self._plan(group)
                finally:
                    self._ledger.close()
        finally:
            with suppress(TimeoutError, Unavailable):
                async with asyncio.timeout(_FLUSH_S):
                    await self._ledger.flush()

    # Who is next.

    async def _plan(self, group: asyncio.TaskGroup) -> None:
        with Wakeup(self._hint, poll_s=_POLL_S, stop=self._stop) as wakeup:
            while not wakeup.is_stopping:
                if self._clock_s() >= self._scan_at_s:
                    await self._scan()
                while self._ready and self._has_slot():
                    account = next(iter(self._ready))
                    del self._ready[account]
                    turn = self._turns[account] = _Turn(account)
                    group.create_task(self._serve(turn))
                until_s = max(0.0, self._scan_at_s - self._clock_s())
                await wakeup.wait(until_s=min(until_s, _LOOK_S) if self._ready else until_s)

    async def _scan(self) -> None:
        """Look up in the store which accounts have due jobs."""

        async def unit(tx: Tx) -> tuple[int, list[AccountDue]]:
            return tx.now, await tx.webhooks.due(_MAX_DUE)

        self._notice_switch_off()
        began_s = self._clock_s()
        try:
            now, due = await self._store.read(unit)
        except Unavailable as error:
            log.warning("webhooks wait for the store", error=error.message)
            self._scan_at_s = began_s + _PAUSE_S
            return
        for entry in due:
            if entry.next_attempt_at <= now:
                self._found.add(entry.account)
                self._take_up(entry.account)
        ended_s = self._clock_s()
        later = min((e.next_attempt_at for e in due if e.next_attempt_at > now), default=None)
        next_s = ended_s + _POLL_S
        if later is not None:
            next_s = min(next_s, ended_s + (later - now) / 1000)
        self._calm_until_s = ended_s + (ended_s - began_s) * _SCAN_SHARE
        self._scan_at_s = max(next_s, self._calm_until_s)
        self._paused = {k: v for k, v in self._paused.items() if v > ended_s}

    def _take_news(self, account: str) -> None:
        """Hear of new events; an empty id means that they may be anybody's."""
        if account:
            self._take_up(account)
        else:
            self._scan_at_s = min(self._scan_at_s, self._clock_s())
            self._hint.set()

    def _expect(self, delay_ms: int) -> None:
        """Know of a job that will be due."""
        at_s = max(self._calm_until_s, self._clock_s() + delay_ms / 1000)
        self._scan_at_s = min(self._scan_at_s, at_s)

    def _take_up(self, account: str) -> None:
        turn = self._turns.get(account)
        if turn is not None:
            turn.has_news = True
        elif account not in self._parked and self._paused.get(account, 0) <= self._clock_s():
            self._ready.setdefault(account)
            self._hint.set()

    def _has_slot(self) -> bool:
        if len(self._turns) < self._concurrency:
            return True
        if len(self._turns) >= 2 * self._concurrency:
            return False
        limit_s = self._clock_s() - _STUCK_S
        stuck = sum(
            turn.waiting_since_s is not None and turn.waiting_since_s < limit_s
            for turn in self._turns.values()
        )
        return len(self._turns) - stuck < self._concurrency

    def _notice_switch_off(self) -> None:
        """The default target's error flag goes when webhooks are switched off. Events §6."""
        is_enabled = self._settings.snapshot.webhooks_enabled
        if self._was_enabled and not is_enabled:
            self._ledger.flag(GLOBAL_TARGET, None)
        self._was_enabled = is_enabled

    # One account's turn.

    async def _serve(self, turn: _Turn) -> None:
        """The edge of the job: whatever breaks a turn pauses its account and is logged."""
        account, origin = turn.account, None
        try:
            target = self._courier.choose(account, await self._accounts.find(account))
            if isinstance(target, Target):
                origin = target.url.origin
                if not self._origins.enter(origin):
                    self._origins.park(origin, account)
                    self._parked.add(account)
                    origin = None
                    return
            await self._deliver_batches(turn, origin)
        except Unavailable as error:
            log.warning("webhooks wait for the store", account=account, error=error.message)
            self._pause(account)
        except Exception:
            log.exception("webhook turn broke", account=account)
            self._pause(account)
        finally:
            del self._turns[account]
            if turn.has_news:
                self._take_up(account)
            if account in self._found:
                # The scan told of its earliest job alone; the next may be due in a moment.
                self._found.discard(account)
                self._expect(0)
            for next_one in self._origins.leave(origin) if origin is not None else ():
                self._parked.discard(next_one)
                self._take_up(next_one)
            self._hint.set()

    def _pause(self, account: str) -> None:
        self._paused[account] = until_s = self._clock_s() + _PAUSE_S
        self._scan_at_s = min(self._scan_at_s, until_s)

    async def _deliver_batches(self, turn: _Turn, origin: str | None) -> None:
        """Claim and deliver until nothing is due, or others wait for the slot."""
        limit = _BATCH if origin is None or self._origins.is_up(origin) else _SMALL_BATCH
        turn.has_news = True  # that is why we are here
        while turn.has_news:
            turn.has_news = False
            claimed_s = self._clock_s()
            batch = await self._ledger.claim(turn.account, limit)
            if not await self._deliver_batch(turn, origin, batch, claimed_s):
                turn.has_news = True
                return
            if len(batch) == limit:
                turn.has_news = True
                limit = _BATCH
            if turn.has_news and (self._stop.is_set or (self._ready and not self._has_slot())):
                return

    async def _deliver_batch(
        self, turn: _Turn, origin: str | None, batch: list[WebhookJob], claimed_s: float
    ) -> bool:
        """Deliver in order; false when the turn has to end before the batch did."""
        untouched = 0  # position of the first job that nothing was done about
        try:
            for position, job in enumerate(batch):
                account = await self._accounts.find(turn.account)
                target = self._courier.choose(turn.account, account)
                if target is None or not self._courier.is_deliverable(job, account):
                    untouched = position + 1
                    self._ledger.drop(job)
                    continue
                await self._ledger.room()
                has_moved = isinstance(target, Target) and target.url.origin != origin
                is_late = self._clock_s() - claimed_s > _BATCH_S
                if has_moved or is_late or self._stop.is_set:
                    return False
                untouched = position + 1
                turn.waiting_since_s = self._clock_s()
                is_up = await self._courier.deliver(job, target)
                turn.waiting_since_s = None
                if origin is not None:
                    self._origins.note(origin, is_up=is_up)
        finally:
            # One that was under way may have arrived: it stays claimed and comes back with that.
            self._ledger.release(batch[untouched:])
        return True
