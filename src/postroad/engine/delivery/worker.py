"""Dispatch: claims due submissions within limits and works them, turn by turn.

A *turn* is one lane's leave to use one slot: it claims a few due rows, sends them one after the
other, and writes down what came of each. While other lanes wait a turn is one message long; an
undisturbed lane gets longer ones, so that a claim is shared by several messages, and gives back
what it has not begun as soon as another lane waits for its slot.

What is promised: the attempt is counted in the commit that claims, before anything is dialed;
no transaction is open while the relay is talked to; when the process dies, the claimed rows come
back by themselves when their claim ends or their node is found dead, whichever is first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Protocol

from postroad.domain.backoff import Backoff
from postroad.domain.errors import NotFound, Unavailable
from postroad.domain.reply import Accepted, Deferred, Failure, FailureKind, Rejected
from postroad.domain.submission import Submission, SubmissionState
from postroad.domain.suppression import Skipped
from postroad.engine.accounts.directory import Directory
from postroad.engine.delivery.finish import Finisher
from postroad.engine.delivery.pace import Limits, Turn
from postroad.engine.delivery.relay import Relay, Sent
from postroad.engine.delivery.rush import Rush
from postroad.engine.delivery.settle import (
    AttemptReport,
    Settled,
    give_up,
    outcome_word,
    settle,
    withdraw,
)
from postroad.engine.delivery.turns import Turns
from postroad.observe import get_logger, metrics
from postroad.store import Store, Tx

log = get_logger("postroad.delivery")

ATTEMPT_LIMIT_MS = 10 * 60_000  # total time of one attempt (contract B-159)
CLAIM_MS = ATTEMPT_LIMIT_MS + 5 * 60_000  # a turn begins no attempt that could outlive its claim
STATUS_MS = 1_000  # an smtpStatus that stays ok is written at most once in this time
LONG_TURN = 10  # messages in an uncontested turn
FRESH_MS = 1_000  # after which the suppression lists are looked at again; the submit just did


class Screen(Protocol):
    """Knows who must not be written to."""

    async def screen(self, account: str, recipients: Sequence[str]) -> Sequence[Skipped]:
        """Those of ``recipients``, each with the reason. Raises :exc:`Unavailable`."""
        ...


class DeliveryWorker:
    """Runs until stopped. Hears of new and rescheduled work through the store's hints."""

    def __init__(
        self,
        store: Store,
        relay: Relay,
        *,
        node_id: str,
        directory: Directory,
        screen: Screen,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        rng: Random | None = None,
    ) -> None:
        self._store = store
        self._relay = relay
        self._node_id = node_id
        self._directory = directory
        self._screen = screen
        self._backoff = backoff or Backoff()
        self._rng = rng or Random()
        self._turns = Turns(
            store,
            SubmissionState.QUEUED,
            self._work,
            node_id=node_id,
            limits=limits or Limits(),
            host_of=self._host_of,
            prepare=self._learn_hosts,
        )
        self._unsettled: set[str] = set()  # queue ids whose outcome is known and not yet on disk
        self._rush = Rush()
        self._shown: dict[str, tuple[bool, int]] = {}  # last smtpStatus written, by account

    def stop(self) -> None:
        """Begin no further turn; :meth:`run` returns when the running ones are over."""
        self._turns.stop()

    @property
    def running(self) -> int:
        """How many turns are running."""
        return self._turns.running

    async def run(self) -> None:
        """Deal turns until stopped."""
        await self._turns.run()

    async def _learn_hosts(self, lanes: Iterable[str]) -> None:
        """Have the lanes' accounts at hand: the board asks for hosts and cannot wait."""
        for lane in lanes:
            if self._directory.peek(lane) is None:
                with suppress(NotFound):
                    await self._directory.get(lane)

    def _host_of(self, lane: str) -> str:
        """The relay host that a lane's messages go to; lanes without one share nothing."""
        account = self._directory.peek(lane)
        return account.smtp.host if account is not None and account.smtp is not None else lane

    async def _needs_finishing(self, sub: Submission) -> bool:
        try:
            # Not what the directory has at hand: the account may have changed during the attempt.
            account = await self._directory.get(sub.account)
        except NotFound:
            return False
        except Unavailable:
            return True  # the finisher finds out
        return Finisher.is_needed(sub, account)

    async def _work(self, turn: Turn) -> None:
        limit = 1 if turn.is_contested else LONG_TURN
        claimed = await self._turns.claim(turn, limit=limit, claim_ms=CLAIM_MS)
        leave_by = time.monotonic() + (CLAIM_MS - ATTEMPT_LIMIT_MS) / 1000
        async with asyncio.TaskGroup() as ledger:
            while claimed and not self._turns.is_stopping and time.monotonic() < leave_by:
                await self._attempt(claimed.pop(0), ledger)
                if claimed and self._turns.is_wanted(turn):
                    break
            if claimed:
                await self._turns.release(claimed)

    async def _attempt(self, sub: Submission, ledger: asyncio.TaskGroup) -> None:
        if sub.queue_id in self._unsettled:
            return  # its outcome is known and about to be written; dialing again would double it
        started_at, started = self._store.now(), time.perf_counter()
        if sub.attempts > sub.max_attempts or (sub.expires_at or started_at) < started_at:
            await self._store.write(lambda tx: give_up(tx, sub))
            return
        try:
            left = await self._screened(sub) if started_at - sub.created_at > FRESH_MS else sub
        except Unavailable as error:
            # Whether he may be written to is not known; the next attempt asks again.
            sent = Sent(Deferred(Failure(FailureKind.STREAM, error.message)), "")
        else:
            if left is None:
                return
            sub = left
            sent = await self._relay.send(sub)
        metrics.relay_attempted(outcome_word(sent.outcome), time.perf_counter() - started)
        report = AttemptReport(
            submission=sub,
            outcome=sent.outcome,
            started_at=started_at,
            finished_at=self._store.now(),
            relay_host=sent.host,
            routing=sent.routing,
        )
        self._unsettled.add(sub.queue_id)
        # The relay may have the next message while this one's outcome is being committed.
        ledger.create_task(self._settle(report))

    async def _screened(self, sub: Submission) -> Submission | None:
        """What is left to send without those who were suppressed while it waited, if anything.

        Costs a look at a flag while nobody is on the lists.
        """
        skipped = await self._screen.screen(sub.account, sub.envelope.rcpt_to)
        if not skipped:
            return sub
        left, told = await self._store.write(lambda tx: withdraw(tx, sub, skipped))
        for name in told:
            metrics.event_recorded(name)
        if told:
            metrics.recipients_suppressed("withdrawn", len(skipped))
            log.info(
                "recipients withdrawn",
                queue_id=sub.queue_id,
                account=sub.account,
                suppressed=len(skipped),
                recipients=len(sub.envelope.rcpt_to),
                lists=sorted({item.list_id for item in skipped}),
            )
        return left

    async def _settle(self, report: AttemptReport) -> None:
        """Write an outcome down, for as long as it takes: a 250 that was seen must not be lost."""
        sub = report.submission
        needs_finishing = await self._needs_finishing(sub)
        show_status = self._status_is_due(report)
        jitter = self._rng.random()
        delay_ms = self._rush.copy_delay_ms(sub.lane, report.finished_at) if needs_finishing else 0

        async def unit(tx: Tx) -> Settled:
            return await settle(
                tx,
                report,
                backoff=self._backoff,
                jitter=jitter,
                needs_finishing=needs_finishing,
                show_status=show_status,
                node_id=self._node_id,
                finish_delay_ms=delay_ms,
            )

        pause_s = 0.2
        while True:
            try:
                settled = await self._store.write(unit)
                break
            except Unavailable as error:
                log.error("cannot record an outcome yet", queue_id=sub.queue_id, error=str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(10.0, pause_s * 2)
        self._unsettled.discard(sub.queue_id)
        self._tell(report, settled)

    def _status_is_due(self, report: AttemptReport) -> bool:
        """Whether the account's smtpStatus is worth a write: not for each of many successes."""
        account, is_ok = report.submission.account, isinstance(report.outcome, Accepted)
        shown = self._shown.get(account)
        if shown is not None and is_ok and shown[0] and report.finished_at - shown[1] < STATUS_MS:
            return False
        self._shown[account] = (is_ok, report.finished_at)
        return True

    def _tell(self, report: AttemptReport, settled: Settled) -> None:
        sub = report.submission
        for name in settled.told:
            metrics.event_recorded(name)
        match report.outcome:
            case Accepted(reply):
                log.info(
                    "relay accepted",
                    queue_id=sub.queue_id,
                    account=sub.account,
                    attempt=sub.attempts,
                    response=reply.text,
                )
            case Deferred(why) | Rejected(why):
                log.warning(
                    "relay did not accept",
                    queue_id=sub.queue_id,
                    account=sub.account,
                    attempt=sub.attempts,
                    error=why.message,
                    code=why.kind.value,
                    retry_at=settled.retry_at,
                )
