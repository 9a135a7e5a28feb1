"""The queue as people see it: what waits, what is under way, what failed lately."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.domain.errors import NotFound
from postroad.domain.page import Page, pages_of
from postroad.domain.submission import Submission, SubmissionState
from postroad.store import Store, Tx
from postroad.store.submissions import CancelResult


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One submission that is not done. Contract B-161, B-162."""

    submission: Submission
    next_attempt_at: int | None  # epoch ms; None when there will be none
    is_active: bool  # an attempt is under way


class Outbox:
    """Reads and cancels queued submissions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, page: int, page_size: int) -> Page[OutboxEntry]:
        """Delayed, waiting, active, then failed entries; ``page`` counts from 0."""

        async def unit(tx: Tx) -> tuple[list[Submission], int]:
            return await tx.submissions.list_outbox(page, page_size)

        rows, total = await self._store.read(unit)
        now = self._store.now()
        return Page([_entry(row, now) for row in rows], total, page, pages_of(total, page_size))

    async def get(self, queue_id: str) -> OutboxEntry:
        """One queued entry. Raises :exc:`NotFound` also for what has left the queue (B-163)."""
        sub = await self._store.read(lambda tx: tx.submissions.find(queue_id))
        if sub is None or sub.state is not SubmissionState.QUEUED:
            raise NotFound("Queue entry was not found", code="NotFound")
        return _entry(sub, self._store.now())

    async def cancel(self, queue_id: str) -> bool:
        """Take an entry out of the queue; false when it is gone or an attempt is under way."""
        result = await self._store.write(lambda tx: tx.submissions.cancel(queue_id))
        return result is CancelResult.CANCELLED


def _entry(sub: Submission, now: int) -> OutboxEntry:
    is_active = sub.claimed_by is not None and sub.next_attempt_at > now
    if sub.state is not SubmissionState.QUEUED:
        next_attempt_at = None
    elif is_active:
        next_attempt_at = now
    else:
        next_attempt_at = sub.next_attempt_at
    return OutboxEntry(sub, next_attempt_at, is_active)
