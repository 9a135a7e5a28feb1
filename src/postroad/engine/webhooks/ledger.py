"""Writing down what came of webhook requests, many in one transaction.

A request's result is noted here and written soon after, so that the next request need not wait
for the disk. What is noted and not yet written when the process dies is delivered again, under
the same event id: at least once, and never more than ``max_unwritten`` of them. The error flags
of targets are written along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from postroad.domain.errors import Unavailable
from postroad.engine.wakeup import Hint
from postroad.observe import get_logger
from postroad.store import Store, Tx
from postroad.store.webhooks import WebhookError, WebhookJob

log = get_logger(__name__)

_LINGER_S = 0.02  # the disk is asked at most this often while results keep coming
_RETRY_S = 1.0  # and this long after the store could not write


@dataclass(frozen=True, slots=True)
class _Retry:
    job: WebhookJob
    delay_ms: int
    error: Mapping[str, object]


@dataclass(slots=True)
class _Page:
    """What waits to be written, in kinds. One transaction writes it all."""

    gone: list[WebhookJob] = field(default_factory=list)  # delivered, or wanted by nobody
    retries: list[_Retry] = field(default_factory=list)
    lost: list[tuple[WebhookJob, Mapping[str, object]]] = field(default_factory=list)
    released: list[WebhookJob] = field(default_factory=list)
    flags: dict[str, WebhookError | None] = field(default_factory=dict)  # None: take it down

    @property
    def size(self) -> int:
        return len(self.gone) + len(self.retries) + len(self.lost) + len(self.released)

    async def write(self, tx: Tx) -> None:
        if self.gone:
            await tx.webhooks.delivered(self.gone)
        for retry in self.retries:
            await tx.webhooks.retry(retry.job, tx.now + retry.delay_ms, retry.error)
        for job, error in self.lost:
            await tx.webhooks.give_up(job, error)
        if self.released:
            await tx.webhooks.release(self.released)
        for target, flag in self.flags.items():
            if flag is not None:
                await tx.webhooks.set_error(flag)
            else:
                await tx.webhooks.clear_error(target)


class Ledger:
    """Collects results and writes them. Noting never waits; :meth:`room` does.

    ``on_retry`` is told the delay of each retry that is noted, in milliseconds.
    """

    def __init__(
        self, store: Store, *, on_retry: Callable[[int], None], max_unwritten: int = 500
    ) -> None:
        self._store = store
        self._on_retry = on_retry
        self._max_unwritten = max_unwritten
        self._page = _Page()
        self._writing = 0  # entries handed to the store and not yet on disk
        self._news = Hint()
        self._written = asyncio.Event()
        self._is_closing = False

    def delivered(self, job: WebhookJob) -> None:
        """The target has it."""
        self._page.gone.append(job)
        self._news.set()

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
        """Give back claims whose request never began."""
        self._page.released += jobs
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
                await asyncio.sleep(0 if self._is_closing else _LINGER_S)
            else:
                await asyncio.sleep(_RETRY_S)
                self._news.set()
        await self._try_flush()

    def close(self) -> None:
        self._is_closing = True
        self._news.set()

    async def flush(self) -> None:
        """Write what was noted until now. What cannot be written stays noted.

        Raises :exc:`Unavailable`.
        """
        page, self._page = self._page, _Page()
        if not page.size and not page.flags:
            return
        self._writing += page.size
        is_written = False
        try:
            await self._store.write(page.write)
            is_written = True
        finally:
            self._writing -= page.size
            if is_written:
                self._written.set()
            else:
                self._take_back(page)

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
