"""The queue: every submission, from the commit that accepted it to the end of its retention.

Every change of state is compare-and-set and tells whether *this* caller made it; events belong
in the same unit, and only when it did. What ends as done or cancelled takes its content with
it; what failed keeps it until it is purged, so that it can be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from postroad.domain.errors import NotFound
from postroad.domain.submission import Submission, SubmissionState
from postroad.store import jsontext
from postroad.store.backend import Row, Session
from postroad.store.contents import drop_contents
from postroad.store.submission_row import read_submission, write_submission

QUEUED = SubmissionState.QUEUED
ACCEPTED = SubmissionState.ACCEPTED


@dataclass(frozen=True, slots=True)
class LaneDue:
    """A lane that has rows waiting, and when the first of them wants to be looked at."""

    lane: str
    next_attempt_at: int  # epoch ms


class CancelResult(StrEnum):
    """What came of the wish to take a submission out of the queue."""

    CANCELLED = "cancelled"
    CLAIMED = "claimed"  # an attempt is running; nothing was changed
    GONE = "gone"  # unknown, or already accepted, done or cancelled


class Submissions:
    """The ``submission`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, sub: Submission) -> None:
        """Add a submission just as it is given, claimed ones included.

        Its content is inserted in the same unit. Wakes ``queue`` with time and lane.
        Raises :exc:`Conflict` when the queue id exists.
        """
        session = self._session
        session.defer("insert_submission", **write_submission(sub, session.sealer))
        session.notify("queue", f"{sub.next_attempt_at} {sub.lane}")

    async def lanes(self, state: SubmissionState) -> list[LaneDue]:
        """Every lane with rows in ``state`` (queued or accepted), one index seek each.

        Claimed rows count too: their time is the end of the claim.
        """
        rows = await self._session.many(_by_state(state, "lanes"))
        return [LaneDue(row[0], row[1]) for row in rows]

    async def due_lanes(self, state: SubmissionState, *, now_limit: int) -> list[LaneDue]:
        """The lanes of :meth:`lanes` with a row due by ``now_limit`` (epoch ms), soonest first."""
        due = [lane for lane in await self.lanes(state) if lane.next_attempt_at <= now_limit]
        return sorted(due, key=lambda lane: (lane.next_attempt_at, lane.lane))

    async def next_due(self, lane: str, state: SubmissionState) -> int | None:
        """When the first row of a lane wants to be looked at, epoch ms; ``None`` without any."""
        row = await self._session.one(_by_state(state, "next_due"), lane=lane)
        at: int | None = row[0]
        return at

    async def claim(
        self, lane: str, *, state: SubmissionState, node: str, limit: int, claim_ms: int
    ) -> list[Submission]:
        """Claim for ``node`` the oldest due rows of one lane, oldest first.

        The attempt is counted (``attempts`` when queued, ``finish_attempts`` when accepted) and
        ``next_attempt_at`` moved to the end of the claim here, before anything is dialed: if
        this process dies the row comes back by itself, and a crash loop cannot hammer the
        relay. ``claim_ms`` must exceed the total time limit of one attempt. Rows that are
        already beyond ``max_attempts`` or ``expires_at`` come too; fail those without a dial.
        """
        now = self._session.now
        rows = await self._session.many(
            _by_state(state, "claim"),
            lane=lane,
            node=node,
            limit=limit,
            now=now,
            claim_until=now + claim_ms,
        )
        subs = [self._submission(row) for row in rows]
        # RETURNING promises no order.
        return sorted(subs, key=lambda sub: (sub.scheduled_at, sub.queue_id))

    async def accept(
        self,
        sub: Submission,
        reply_text: str,
        *,
        remote_message_id: str | None = None,
        done: bool = False,
        finish_delay_ms: int = 0,
    ) -> bool:
        """Write down that a relay took the message. A fact: the claim does not matter.

        True once for each submission, whoever asks. ``done`` says that nothing is left to
        finish; otherwise the row becomes due for finishing, after ``finish_delay_ms``, and
        ``finish`` is woken. A row that was cancelled meanwhile has no content left and goes
        straight to done.
        """
        finish_at = self._session.now + finish_delay_ms
        row = await self._session.maybe(
            "accept_submission",
            queue_id=sub.queue_id,
            response=reply_text,
            remote_message_id=remote_message_id,
            done=int(done),
            finish_at=finish_at,
            now=self._session.now,
        )
        if row is None:
            return False
        if row[0] == SubmissionState.DONE:
            await drop_contents(self._session, [sub.content.content_id])
        else:
            self._session.notify("finish", f"{finish_at} {sub.lane}")
        return True

    async def defer(
        self,
        sub: Submission,
        retry_at: int,
        *,
        error: str,
        code: str | None = None,
        status: int | None = None,
    ) -> bool:
        """Plan another attempt at ``retry_at`` (epoch ms); false when the claim was lost."""
        changed = await self._session.run(
            "defer_submission",
            queue_id=sub.queue_id,
            claim_token=sub.claim_token,
            retry_at=retry_at,
            last_error=error,
            last_code=code,
            last_status=status,
        )
        if changed:
            self._session.notify("queue", f"{retry_at} {sub.lane}")
        return changed == 1

    async def narrow(self, sub: Submission, rcpt_to: Sequence[str]) -> bool:
        """Leave ``rcpt_to`` of the recipients; false when the claim was lost."""
        changed = await self._session.run(
            "narrow_submission",
            queue_id=sub.queue_id,
            claim_token=sub.claim_token,
            rcpt_to=jsontext.write(list(rcpt_to)),
        )
        return changed == 1

    async def fail(
        self, sub: Submission, *, error: str, code: str | None = None, status: int | None = None
    ) -> bool:
        """Give up; false when the claim was lost. The content is kept until the purge."""
        changed = await self._session.run(
            "fail_submission",
            queue_id=sub.queue_id,
            claim_token=sub.claim_token,
            now=self._session.now,
            last_error=error,
            last_code=code,
            last_status=status,
        )
        return changed == 1

    async def finish(self, sub: Submission) -> bool:
        """Accepted to done, and drop the content; false when the claim was lost."""
        changed = await self._session.run(
            "finish_submission",
            queue_id=sub.queue_id,
            claim_token=sub.claim_token,
            now=self._session.now,
        )
        if changed:
            await drop_contents(self._session, [sub.content.content_id])
        return changed == 1

    async def defer_finish(self, sub: Submission, retry_at: int) -> bool:
        """Plan another try at Sent copy and flags; false when the claim was lost."""
        changed = await self._session.run(
            "defer_finish",
            queue_id=sub.queue_id,
            claim_token=sub.claim_token,
            retry_at=retry_at,
        )
        if changed:
            self._session.notify("finish", f"{retry_at} {sub.lane}")
        return changed == 1

    async def release(self, subs: Sequence[Submission]) -> int:
        """Give back claims whose attempt never began: uncounted, and due. Returns how many.

        What was never tried keeps its place among the messages of its lane.
        """
        released = 0
        for sub in subs:
            released += await self._session.run(
                "release_submission",
                queue_id=sub.queue_id,
                claim_token=sub.claim_token,
                now=self._session.now,
            )
            if sub.state is QUEUED:
                self._session.notify("queue", f"{self._session.now} {sub.lane}")
            else:
                self._session.notify("finish", f"{self._session.now} {sub.lane}")
        return released

    async def cancel(self, queue_id: str) -> CancelResult:
        """Take a queued submission out, content included, unless an attempt is running.

        A failed one is removed altogether, from the list and from the disk.
        """
        row = await self._session.maybe(
            "cancel_submission", queue_id=queue_id, now=self._session.now
        )
        if row is None:
            row = await self._session.maybe("delete_failed_submission", queue_id=queue_id)
        if row is not None:
            await drop_contents(self._session, [row[0]])
            return CancelResult.CANCELLED
        sub = await self.find(queue_id)
        if sub is not None and sub.state is QUEUED:
            return CancelResult.CLAIMED
        return CancelResult.GONE

    async def find(self, queue_id: str) -> Submission | None:
        row = await self._session.maybe("find_submission", queue_id=queue_id)
        return self._submission(row) if row is not None else None

    async def get(self, queue_id: str) -> Submission:
        """Raises :exc:`NotFound`."""
        sub = await self.find(queue_id)
        if sub is None:
            raise NotFound("Requested queue entry was not found")
        return sub

    async def list_outbox(self, page: int, page_size: int) -> tuple[list[Submission], int]:
        """One page, from 0, of all that is not done or cancelled, and how many there are.

        Delayed ones first, then due, then claimed or being finished, then failed; each by its
        time. Contract B-163.
        """
        now = self._session.now
        rows = await self._session.many(
            "list_outbox", now=now, limit=page_size, offset=page * page_size
        )
        counts = await self.counts()
        total = sum(counts.get(state, 0) for state in (QUEUED, ACCEPTED, SubmissionState.FAILED))
        return [self._submission(row) for row in rows], total

    async def counts(self) -> dict[SubmissionState, int]:
        """How many are queued, accepted and failed. The others are not counted: too many."""
        row = await self._session.one("count_submissions")
        return {QUEUED: row[0], ACCEPTED: row[1], SubmissionState.FAILED: row[2]}

    async def remove_account(self, account: str, *, limit: int = 1000) -> int:
        """Delete up to ``limit`` submissions of an account, contents and attempts included.

        Returns how many; repeat in units of their own until it is 0.
        """
        rows = await self._session.many("delete_account_submissions", account=account, limit=limit)
        await drop_contents(self._session, [row[0] for row in rows])
        return len(rows)

    async def purge(
        self, *, ended_before: int, failed_before: int, keep_failed: int, limit: int = 500
    ) -> int:
        """Delete up to ``limit`` rows of each kind that outlived their retention.

        Done and cancelled ones that ended before ``ended_before``; failed ones from before
        ``failed_before`` and all but the newest ``keep_failed`` (times in epoch ms). Returns
        how many went; repeat until it is 0.
        """
        ended = await self._session.many("purge_ended", before=ended_before, limit=limit)
        failed = await self._session.many(
            "purge_failed", before=failed_before, keep=keep_failed, limit=limit
        )
        gone = [row[0] for row in (*ended, *failed)]
        await drop_contents(self._session, gone)
        return len(gone)

    async def bury(self, node_id: str) -> list[str]:
        """Make due at once what a dead node had claimed, and remember its attempts as lost.

        Returns the queue ids of those attempts: whether the relay took them is not known.
        """
        now = self._session.now
        lost = await self._session.many("record_lost_attempts", node=node_id, now=now)
        queued = await self._session.run("bury_queued", node=node_id, now=now)
        accepted = await self._session.run("bury_accepted", node=node_id, now=now)
        if queued:
            self._session.notify("queue")
        if accepted:
            self._session.notify("finish")
        return [row[0] for row in lost]

    def _submission(self, row: Row) -> Submission:
        return read_submission(row, self._session.sealer)


def _by_state(state: SubmissionState, query: str) -> str:
    # A partial index serves only a query that names the state: one query for each.
    if state is not QUEUED and state is not ACCEPTED:
        raise ValueError(f"no lanes of {state} submissions")
    return f"{query}_{state.value}"
