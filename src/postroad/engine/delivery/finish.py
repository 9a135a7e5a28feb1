"""Finishing: after the relay's 250, file the copy in Sent and flag the answered message.

These are separate, retried steps. None of them can send the message again, and none of them is
worth a failure event: the message is delivered. When the mailbox stays out of reach for too long
the step is logged and left (contract B-128).

A retry after a crash or a lost connection first looks whether the copy is already there, by its
Message-ID, so that Sent does not fill with twins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from postroad.domain.account import Account
from postroad.domain.backoff import Backoff
from postroad.domain.errors import NotFound, PostroadError, RemoteFailure, TimedOut, Unavailable
from postroad.domain.mailbox import SpecialUse
from postroad.domain.submission import Submission, SubmissionState
from postroad.engine.accounts.directory import Directory
from postroad.engine.delivery.pace import LaneBoard, Limits, Turn
from postroad.engine.providers.base import MailProvider, Octets
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger
from postroad.store import Store, Tx

log = get_logger("postroad.finishing")

POLL_S = 5.0
CLAIM_MS = 10 * 60_000
STEP_LIMIT_S = 120.0
REST_S = 2.0  # after a turn that failed
TURN_LENGTH = 20
MAX_TRIES = 12  # about six hours with the backoff below
BACKOFF = Backoff(base_ms=5_000, cap_ms=3_600_000)

_SEEN = ("\\Seen",)


class Finisher:
    """Runs until stopped. Hears of accepted submissions through the store's hints."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        provider_of: Callable[[Account], Awaitable[MailProvider]],
        *,
        node_id: str,
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._provider_of = provider_of
        self._node_id = node_id
        self._board = LaneBoard(
            limits or Limits(total=32, per_lane=1, per_host=32), host_of=lambda lane: lane
        )
        self._look_at = 0.0  # monotonic; when the rows themselves are looked at next
        self._hint = Hint()
        self._stop = Hint()

    @staticmethod
    def is_needed(sub: Submission, account: Account) -> bool:
        """Whether anything is left to do once the relay has accepted ``sub``.

        Contract §6.2: the message's own word on the copy wins over the account's, and there is
        nothing to do without a mailbox.
        """
        if not account.has_mailbox:
            return False
        wants_copy = sub.wants_copy if sub.wants_copy is not None else account.copy is not False
        return wants_copy or sub.flagging is not None

    def stop(self) -> None:
        """Begin no further turn."""
        self._stop.set()

    async def run(self) -> None:
        """Deal turns until stopped. The rows are looked at every poll, hints or not."""
        async with asyncio.TaskGroup() as turns:
            with (
                self._store.wake.listen("finish", self._hear),
                Wakeup(self._hint, poll_s=POLL_S, stop=self._stop) as wakeup,
            ):
                while not wakeup.is_stopping:
                    if time.monotonic() >= self._look_at:
                        self._look_at = time.monotonic() + POLL_S
                        try:
                            await self._look()
                        except Unavailable as error:
                            log.warning("finishing waits for the store", error=error.message)
                    now = self._store.now()
                    while (turn := self._board.deal(now)) is not None:
                        turns.create_task(self._work(turn))
                    next_due = self._board.next_due()
                    until_s = None if next_due is None else max(0.0, (next_due - now) / 1000)
                    await wakeup.wait(until_s=until_s)

    def _hear(self, lane: str) -> None:
        """A hint: a lane that has something to finish, or nothing when any may have."""
        if lane:
            self._board.note(lane, self._store.now())
        else:
            self._look_at = 0.0
        self._hint.set()

    async def _look(self) -> None:
        async def unit(tx: Tx) -> list[tuple[str, int]]:
            due = await tx.submissions.lanes(SubmissionState.ACCEPTED)
            return [(lane.lane, lane.next_attempt_at) for lane in due]

        self._board.begin_look()
        self._board.rebuild(await self._store.read(unit))

    async def _work(self, turn: Turn) -> None:
        try:
            claimed = await self._claim(turn)
            finished: list[Submission] = []
            while claimed:
                sub = claimed.pop(0)
                if await self._finish(sub):
                    finished.append(sub)
                if claimed and self._board.is_wanted(turn, self._store.now()):
                    await self._store.write(lambda tx: tx.submissions.release(claimed))
                    break
            if finished:
                await self._store.write(lambda tx: _finish_all(tx, finished))
        except Unavailable as error:
            log.warning("a turn waits for the store", lane=turn.lane, error=error.message)
            await self._rest()
        except Exception:
            # The edge of a job: the rows come back when their claim ends.
            log.exception("finishing turn failed", lane=turn.lane)
            await self._rest()
        finally:
            self._board.end(turn, self._store.now())
            self._hint.set()

    async def _rest(self) -> None:
        """Keep the slot for a moment: at once the same would fail again, and again."""
        with Wakeup(poll_s=REST_S, stop=self._stop) as rest:
            await rest.wait()

    async def _claim(self, turn: Turn) -> list[Submission]:
        async def unit(tx: Tx) -> tuple[list[Submission], int | None]:
            claimed = await tx.submissions.claim(
                turn.lane,
                state=SubmissionState.ACCEPTED,
                node=self._node_id,
                limit=TURN_LENGTH,
                claim_ms=CLAIM_MS,
            )
            if len(claimed) == TURN_LENGTH:
                return claimed, None
            return claimed, await tx.submissions.next_due(turn.lane, SubmissionState.ACCEPTED)

        claimed, next_due = await self._store.write(unit)
        if len(claimed) == TURN_LENGTH:
            self._board.note(turn.lane, self._store.now())
        else:
            self._board.exhausted(turn, next_due)
        return claimed

    async def _finish(self, sub: Submission) -> bool:
        """Do what is left; true when the submission can be closed."""
        try:
            account = await self._directory.get(sub.account)
            provider = await self._provider_of(account)
            async with asyncio.timeout(STEP_LIMIT_S):
                await self._file(sub, account, provider)
                if sub.flagging is not None:
                    await provider.add_flags(sub.flagging.message, sub.flagging.flags)
        except (Unavailable, TimedOut, RemoteFailure, TimeoutError) as error:
            if sub.finish_attempts < MAX_TRIES:
                await self._defer(sub, error)
                return False
            log.warning("sent mail left unfiled", queue_id=sub.queue_id, error=str(error))
        except NotFound as error:
            log.info("nothing to file into or to flag", queue_id=sub.queue_id, error=str(error))
        except PostroadError as error:
            log.warning("finishing failed for good", queue_id=sub.queue_id, error=str(error))
        return True

    async def _file(self, sub: Submission, account: Account, provider: MailProvider) -> None:
        if sub.wants_copy is None:
            wanted = account.copy is not False and not provider.traits.files_sent
        else:
            wanted = sub.wants_copy
        if not wanted:
            return
        path = sub.sent_path
        if path is None:
            sent = await provider.find_mailbox(SpecialUse.SENT)
            if sent is None:
                log.info("account has no Sent mailbox", account=sub.account)
                return
            path = sent.path
        if sub.finish_attempts > 1 and await provider.find_by_message_id(path, sub.message_id):
            return
        content = Octets(
            sub.content.size, lambda: self._store.open_content(sub.content, skip_bcc=False)
        )
        await provider.append(path, content, flags=_SEEN)

    async def _defer(self, sub: Submission, error: Exception) -> None:
        retry_at = self._store.now() + BACKOFF.nominal_ms(sub.finish_attempts)
        await self._store.write(lambda tx: tx.submissions.defer_finish(sub, retry_at))
        self._board.note(sub.lane, retry_at)
        log.info("finishing is tried again", queue_id=sub.queue_id, error=str(error))


async def _finish_all(tx: Tx, finished: list[Submission]) -> None:
    for sub in finished:
        await tx.submissions.finish(sub)
