"""Turns at the queue: who gets one, when, and what it may take.

Relaying and finishing work the same way: rows wait in lanes, a board deals turns within limits, a
turn claims a few due rows of its lane and works them. This is the part that they share. What a
turn does with its rows is theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from postroad.domain.errors import Unavailable
from postroad.domain.submission import Submission, SubmissionState
from postroad.engine.delivery.pace import LaneBoard, Limits, Turn
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger
from postroad.store import Store, Tx

log = get_logger("postroad.turns")

POLL_S = 5.0  # a lost hint costs at most this
REST_S = 2.0  # after a turn that failed

_TOPICS = {SubmissionState.QUEUED: "queue", SubmissionState.ACCEPTED: "finish"}


class Turns:
    """Deals turns at the submissions in one state until stopped.

    ``work`` does one turn; what it raises costs that turn only. ``prepare`` is given the lanes
    that were found waiting, before any of them is dealt a turn.
    """

    def __init__(
        self,
        store: Store,
        state: SubmissionState,
        work: Callable[[Turn], Awaitable[None]],
        *,
        node_id: str,
        limits: Limits,
        host_of: Callable[[str], str],
        prepare: Callable[[Iterable[str]], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._state = state
        self._work = work
        self._node_id = node_id
        self._prepare = prepare
        self._board = LaneBoard(limits, host_of)
        self._look_at = 0.0  # monotonic; when the rows themselves are looked at next
        self._hint = Hint()
        self._stop = Hint()

    @property
    def running(self) -> int:
        """How many turns are running."""
        return self._board.running

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set

    def stop(self) -> None:
        """Begin no further turn; :meth:`run` returns when the running ones are over."""
        self._stop.set()

    def is_wanted(self, turn: Turn) -> bool:
        """Whether a turn should end early, because other lanes wait or the service stops."""
        return self._stop.is_set or self._board.is_wanted(turn, self._store.now())

    async def run(self) -> None:
        """Deal turns. The rows are looked at every poll, hints or not."""
        async with asyncio.TaskGroup() as turns:
            with (
                self._store.wake.listen(_TOPICS[self._state], self._hear),
                Wakeup(self._hint, poll_s=POLL_S, stop=self._stop) as wakeup,
            ):
                while not wakeup.is_stopping:
                    if time.monotonic() >= self._look_at:
                        self._look_at = time.monotonic() + POLL_S
                        await self._look()
                    now = self._store.now()
                    while (turn := self._board.deal(now)) is not None:
                        turns.create_task(self._guard(turn))
                    next_due = self._board.next_due()
                    until_s = None if next_due is None else max(0.0, (next_due - now) / 1000)
                    await wakeup.wait(until_s=until_s)

    async def claim(self, turn: Turn, *, limit: int, claim_ms: int) -> list[Submission]:
        """Claim the turn's rows: the oldest due ones of its lane, at most ``limit``."""

        async def unit(tx: Tx) -> tuple[list[Submission], int | None]:
            claimed = await tx.submissions.claim(
                turn.lane, state=self._state, node=self._node_id, limit=limit, claim_ms=claim_ms
            )
            if len(claimed) == limit:
                return claimed, None
            return claimed, await tx.submissions.next_due(turn.lane, self._state)

        claimed, next_due = await self._store.write(unit)
        if len(claimed) == limit:
            self._board.note(turn.lane, self._store.now())
        else:
            self._board.exhausted(turn, next_due)
        return claimed

    async def release(self, claimed: Sequence[Submission]) -> None:
        """Give back what was claimed and not begun, as if it had never been claimed."""
        await self._store.write(lambda tx: tx.submissions.release(claimed))

    def _hear(self, payload: str) -> None:
        """A hint: ``<due epoch ms> <lane>``, or nothing when anything may have changed."""
        if payload:
            due_at, _, lane = payload.partition(" ")
            self._board.note(lane, int(due_at))
        else:
            self._look_at = 0.0
        self._hint.set()

    async def _look(self) -> None:
        async def unit(tx: Tx) -> list[tuple[str, int]]:
            due = await tx.submissions.lanes(self._state)
            return [(lane.lane, lane.next_attempt_at) for lane in due]

        self._board.begin_look()
        try:
            lanes = await self._store.read(unit)
            if self._prepare is not None:
                await self._prepare(lane for lane, _ in lanes)
        except Unavailable as error:
            log.warning("the queue waits for the store", state=self._state, error=error.message)
        else:
            self._board.rebuild(lanes)

    async def _guard(self, turn: Turn) -> None:
        try:
            await self._work(turn)
        except Unavailable as error:
            log.warning("a turn waits for the store", lane=turn.lane, error=error.message)
            await self._rest()
        except Exception:
            # The edge of a job: one lane's trouble must not end the others. Its rows come back
            # when their claim ends.
            log.exception("a turn failed", lane=turn.lane, state=self._state)
            await self._rest()
        finally:
            self._board.end(turn, self._store.now())
            self._hint.set()

    async def _rest(self) -> None:
        """Keep the slot for a moment: at once the same would fail again, and again."""
        with Wakeup(poll_s=REST_S, stop=self._stop) as rest:
            await rest.wait()
