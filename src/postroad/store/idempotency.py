"""Remembered answers to submissions that carried an idempotency key. Contract §6.4."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.store.backend import Session


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The first answer under a key."""

    account: str
    key: str
    queue_id: str
    response: str  # JSON text of the answer
    body_hash: str | None  # of the first request's body, to tell that a repeat differs
    created_at: int  # epoch ms


class Idempotencies:
    """The ``idempotency`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, account: str, key: str) -> IdempotencyRecord | None:
        row = await self._session.maybe("find_idempotency", account=account, key=key)
        return IdempotencyRecord(*row) if row is not None else None

    async def insert(self, record: IdempotencyRecord, *, replace_before: int = 0) -> bool:
        """Take the key; false when it is taken. Waits for whoever is taking it right now.

        A record older than ``replace_before`` (epoch ms) counts as forgotten.
        """
        changed = await self._session.run(
            "insert_idempotency",
            account=record.account,
            key=record.key,
            queue_id=record.queue_id,
            response=record.response,
            body_hash=record.body_hash,
            created_at=record.created_at,
            replace_before=replace_before,
        )
        return changed == 1

    async def purge(self, *, before: int, limit: int = 1000) -> int:
        """Forget up to ``limit`` records from before ``before`` (epoch ms); returns how many."""
        return await self._session.run("purge_idempotency", before=before, limit=limit)
