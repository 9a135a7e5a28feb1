"""Attempts at relays, one row each, kept as long as their submission."""

from __future__ import annotations

from postroad.domain.submission import Attempt
from postroad.store.backend import Session


class Attempts:
    """The ``attempt`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record(self, attempt: Attempt) -> None:
        """Remember an attempt; what is known better replaces a presumed ``lost``.

        Raises :exc:`Conflict` when the submission does not exist.
        """
        self._session.defer(
            "record_attempt",
            queue_id=attempt.queue_id,
            number=attempt.number,
            started_at=attempt.started_at,
            finished_at=attempt.finished_at,
            outcome=attempt.outcome,
            code=attempt.code,
            status=attempt.status,
            response=attempt.response,
            node_id=attempt.node_id,
        )

    async def of(self, queue_id: str) -> list[Attempt]:
        """All attempts of one submission, first to last."""
        rows = await self._session.many("attempts_of", queue_id=queue_id)
        return [Attempt(*row) for row in rows]
