"""Claiming webhook jobs and writing down what came of them, many in one transaction.

A request's result is noted here and written soon after, so that the next request need not wait
for the disk. What is noted and not yet written when the process dies is delivered again, under
the same event id: at least once, and never more than ``max_unwritten`` of them. The error flags
of targets are written along, and so are the claims of turns that want more work: while events
trickle in for many accounts, one transaction serves them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from postroad.domain.errors import Unavailable
from postroad.domain.quick import quick_dataclass
from postroad.engine.wakeup import Hint
from postroad.observe import get_logger
from postroad.store import Tx, Unit
from postroad.store.backend import T
from postroad.store.webhooks import WebhookError, WebhookJob

log = get_logger(__name__)

_LINGER_S = 0.02  # the disk is asked at most this often while there is always something
_WORTH_WRITING = 50  # results for which the disk is asked again at once
_RETRY_S = 1.0  # and this long after the store could not write


class Writer(Protocol):
    """The store, as far as it is needed here."""

    async def write(self, unit: Unit[T]) -> T: ...


@quick_dataclass(frozen=True, slots=True)
class Claim:
    """For whom jobs are claimed, and for how long."""

    node_id: str
    claim_ms: int


@dataclass(frozen=True, slots=True)
class _Retry:
    job: WebhookJob
    delay_ms: int
    error: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Wish:
    """A turn that waits for jobs of its account."""

    account: str
    limit: int
    granted: asyncio.Future[list[WebhookJob]]


@dataclass(slots=True)
class _Page:
    """What waits to be written, in kinds. One transaction writes it all."""

    gone: list[WebhookJob] = field(default_factory=list)  # delivered, or wanted by nobody
    retries: list[_Retry] = field(default_factory=list)
    lost: list[tuple[WebhookJob, Mapping[str, object]]] = field(default_factory=list)
    released: list[list[WebhookJob]] = field(default_factory=list)  # one list for an account
    flags: dict[str, WebhookError | None] = field(default_factory=dict)  # None: take it down

    @property
    def size(self) -> int:
        return len(self.gone) + len(self.retries) + len(self.lost) + sum(map(len, self.released))

    async def write(self, tx: Tx, wishes: Sequence[_Wish], claim: Claim) -> list[list[WebhookJob]]:
        if self.gone:
            await tx.webhooks.delivered(self.gone)
        for retry in self.retries:
            await tx.webhooks.retry(retry.job, tx.now + retry.delay_ms, retry.error)
        for job, error in self.lost:
            await tx.webhooks.give_up(job, error)
        for jobs in self.released:
            # Back to their place in the log: what was recorded later must not overtake them.
            await tx.webhooks.release(jobs, next_attempt_at=min(job.queued_at for job in jobs))
        for target, flag in self.flags.items():
            if flag is not None:
                await tx.webhooks.set_error(flag)
            else:
                await tx.webhooks.clear_error(target)
        return [
            await tx.webhooks.claim_batch(
                wish.account, node=claim.node_id, limit=wish.limit, claim_ms=claim.claim_ms
            )
            for wish in wishes
        ]


class Ledger:
    """Collects results and writes them. Noting never waits; :meth:`room` does.

    ``on_retry`` is told the delay of each retry that is noted, in milliseconds.
    """

    def __init__(
        self,
        store: Writer,
        claim: Claim,
        *,
        on_retry: Callable[[int], None],
        max_unwritten: int = 500,
    ) -> None:
        self._store = store
        self._claim = claim
        self._on_retry = on_retry
        self._max_unwritten = max_unwritten
        self._page = _Page()
        self._wishes: list[_Wish] = []
        self._writing = 0  # entries handed to the store and not yet on disk
        self._news = Hint()
        self._hurry = Hint()  # enough is noted to be worth a transaction of its own
        self._written = asyncio.Event()
        self._is_closing = False

    async def claim(self, account: str, limit: int) -> list[WebhookJob]:
        """Claim the due jobs of an account, in log order. Raises :exc:`Unavailable`."""
        granted: asyncio.Future[list[WebhookJob]] = asyncio.get_running_loop().create_future()
        self._wishes.append(_Wish(account, limit, granted))
        self._news.set()
        return await granted

    def delivered(self, job: WebhookJob) -> None:
        """The target has it."""
        self._page.gone.append(job)
        self._news.set()
        if len(self._page.gone) >= _WORTH_WRITING:
            self._hurry.set()

    def drop(self, job: WebhookJob) -> None:
        """Nobody wants it."""
        self._page.gone.append(job)
        self._news.set()

    def retry(self, job: WebhookJob, delay_ms: int, error: Mapping[str, object]) -> None:
        """Try it again, counted from when this is written."""
        self._page.retries.append(_Retry(job, delay_ms, error))
        self._on_retry(delay_ms)
        self._news.set()

    def give_up(self, job: WebhookJob, error: Mapping[str, object]) -> None:
        """Keep it as failed."""
        self._page.lost.append((job, error))
        self._news.set()

    def release(self, jobs: list[WebhookJob]) -> None:
        """Give back claims of one account whose requests never began."""
        if jobs:
            self._page.released.append(jobs)
            self._news.set()

    def flag(self, target: str, error: WebhookError | None) -> None:
        """Raise the error flag of a target, or take it down. The last word counts."""
        self._page.flags[target] = error
        self._news.set()

    async def room(self) -> None:
        """Wait until little enough is unwritten to go on."""
        while self._page.size + self._writing >= self._max_unwritten:
            self._written.clear()
            await self._written.wait()

    async def run(self) -> None:
        """Write until closed, then write the rest."""
        while not self._is_closing:
            await self._news.wait()
            if await self._try_flush():
                await self._hurry.wait(0 if self._is_closing else _LINGER_S)
            else:
                await asyncio.sleep(_RETRY_S)
                self._news.set()
        await self._try_flush()

    def close(self) -> None:
        self._is_closing = True
        self._news.set()

    async def flush(self) -> None:
        """Write what was noted until now. What cannot be written stays noted.

        Raises :exc:`Unavailable`, here and to those who wait for a claim.
        """
        page, self._page = self._page, _Page()
        wishes, self._wishes = [w for w in self._wishes if not w.granted.done()], []
        if not page.size and not page.flags and not wishes:
            return

        async def unit(tx: Tx) -> list[list[WebhookJob]]:
            return await page.write(tx, wishes, self._claim)

        self._writing += page.size
        granted = None
        try:
            granted = await self._store.write(unit)
        except Exception as error:
            for wish in wishes:
                if not wish.granted.done():
                    wish.granted.set_exception(error)
            raise
        finally:
            self._writing -= page.size
            if granted is None:
                self._take_back(page)
        self._written.set()
        for wish, jobs in zip(wishes, granted, strict=True):
            if wish.granted.done():  # cancelled meanwhile
                self.release(jobs)
            else:
                wish.granted.set_result(jobs)

    async def _try_flush(self) -> bool:
        try:
            await self.flush()
        except Unavailable as error:
            log.warning("webhook results wait for the store", error=error.message)
            return False
        return True

    def _take_back(self, page: _Page) -> None:
        newer = self._page
        page.gone += newer.gone
        page.retries += newer.retries
        page.lost += newer.lost
        page.released += newer.released
        page.flags |= newer.flags
        self._page = page
