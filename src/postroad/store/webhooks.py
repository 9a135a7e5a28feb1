"""Webhook jobs: events not yet told to their target, one job an event.

Jobs are claimed account by account, oldest first, and fenced like submissions. A delivered or
dropped job is deleted; one that was given up stays as failed for its retention.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from postroad.domain.event import RecordedEvent
from postroad.domain.quick import quick_dataclass
from postroad.store import jsontext
from postroad.store.backend import Session
from postroad.store.events import recorded_event


@dataclass(frozen=True, slots=True)
class AccountDue:
    """An account with pending jobs, and when the first of them wants to be looked at."""

    account: str
    next_attempt_at: int  # epoch ms


@quick_dataclass(frozen=True, slots=True)
class WebhookJob:
    """One claimed job with its event."""

    event: RecordedEvent
    attempts: int  # this one included; 1 is the first
    queued_at: int  # epoch ms
    claim_token: int

    @property
    def seq(self) -> int:
        """The job's id: its event's place in the log."""
        return self.event.seq


@dataclass(frozen=True, slots=True)
class WebhookError:
    """The last failure at one target, until the next success there."""

    target: str  # "global", "account:<id>"
    event: str
    message: str
    time: int  # epoch ms
    url: str
    code: str | None = None
    status_code: int | None = None


@dataclass(frozen=True, slots=True)
class WebhookCounts:
    """How many jobs there are."""

    pending: int
    failed: int


class Webhooks:
    """The ``webhook_job`` and ``webhook_error`` tables."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def due(self, limit: int, *, exclude: Collection[str] = ()) -> list[AccountDue]:
        """Accounts with pending jobs, soonest first, at most ``limit``.

        Those not due yet are listed too: the first time tells how long there is nothing to do.
        Claimed jobs count with the end of their claim. ``exclude`` are accounts left out.
        """
        rows = await self._session.many("webhook_accounts")
        due = [AccountDue(row[0], row[1]) for row in rows if row[0] not in exclude]
        return sorted(due, key=lambda entry: (entry.next_attempt_at, entry.account))[:limit]

    async def claim_batch(
        self, account: str, *, node: str, limit: int, claim_ms: int
    ) -> list[WebhookJob]:
        """Claim for ``node`` the due jobs of one account, at most ``limit``, in log order.

        The attempt is counted here. ``claim_ms`` must exceed the time that the whole batch
        can take.
        """
        now = self._session.now
        rows = await self._session.many(
            "claim_webhook_jobs",
            account=account,
            node=node,
            limit=limit,
            now=now,
            claim_until=now + claim_ms,
        )
        if not rows:
            return []
        claims = {row[0]: row for row in rows}
        events = await self._session.many("events_by_seq", seqs=jsontext.write(list(claims)))
        jobs = []
        for row in events:
            event = recorded_event(row)
            _, attempts, queued_at, claim_token = claims[event.seq]
            jobs.append(WebhookJob(event, attempts, queued_at, claim_token))
        return jobs

    async def delivered(self, jobs: Sequence[WebhookJob]) -> int:
        """Delete jobs that reached their target or that nobody wants; returns how many were ours.

        A fact: counts even when the claim was lost to another node meanwhile.
        """
        return await self._delete([job.seq for job in jobs])

    async def drop(self, jobs: Sequence[WebhookJob]) -> int:
        """Delete jobs that have no target. Same as :meth:`delivered`, said differently."""
        return await self._delete([job.seq for job in jobs])

    async def retry(
        self, job: WebhookJob, next_attempt_at: int, error: Mapping[str, object]
    ) -> bool:
        """Plan another attempt; false when the claim was lost. ``error`` is JSON-ready."""
        changed = await self._session.run(
            "retry_webhook_job",
            seq=job.seq,
            claim_token=job.claim_token,
            next_attempt_at=next_attempt_at,
            last_error=jsontext.write(error),
        )
        if changed:
            self._session.notify("events", job.event.account)
        return changed == 1

    async def release(self, jobs: Sequence[WebhookJob], *, next_attempt_at: int = 0) -> int:
        """Give back claims whose request never began: uncounted, due at ``next_attempt_at``.

        0 is now. Returns how many were still ours.
        """
        released = 0
        for job in jobs:
            released += await self._session.run(
                "release_webhook_job",
                seq=job.seq,
                claim_token=job.claim_token,
                next_attempt_at=next_attempt_at or self._session.now,
            )
        return released

    async def give_up(self, job: WebhookJob, error: Mapping[str, object]) -> bool:
        """Keep the job as failed; false when the claim was lost. ``error`` is JSON-ready."""
        changed = await self._session.run(
            "give_up_webhook_job",
            seq=job.seq,
            claim_token=job.claim_token,
            last_error=jsontext.write(error),
        )
        return changed == 1

    async def set_error(self, error: WebhookError) -> None:
        """Raise the error flag of a target."""
        self._session.defer(
            "set_webhook_error",
            target=error.target,
            event=error.event,
            message=error.message,
            time=error.time,
            url=error.url,
            code=error.code,
            status_code=error.status_code,
        )

    async def clear_error(self, target: str) -> bool:
        """Take the flag down; true if it was up."""
        return await self._session.run("clear_webhook_error", target=target) == 1

    async def find_error(self, target: str) -> WebhookError | None:
        row = await self._session.maybe("find_webhook_error", target=target)
        return WebhookError(*row) if row is not None else None

    async def counts(self) -> WebhookCounts:
        row = await self._session.one("count_webhook_jobs")
        return WebhookCounts(row[0], row[1])

    async def purge_failed(self, *, before: int, keep: int, limit: int = 500) -> int:
        """Delete up to ``limit`` failed jobs: before ``before``, or not of the newest ``keep``."""
        return await self._session.run("purge_webhook_jobs", before=before, keep=keep, limit=limit)

    async def bury(self, node_id: str) -> int:
        """Make due at once what a dead node had claimed. The attempts stay counted."""
        changed = await self._session.run("bury_webhook_jobs", node=node_id, now=self._session.now)
        if changed:
            self._session.notify("events")
        return changed

    async def _delete(self, seqs: list[int]) -> int:
        if not seqs:
            return 0
        return await self._session.run("delete_webhook_jobs", seqs=jsontext.write(seqs))
