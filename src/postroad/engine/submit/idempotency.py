"""One message for one key, however often it is handed over.

The guard is a row written in the commit that queues the message, so it survives restarts and
holds across processes: whoever commits second finds the first answer. Within a process a repeat
that arrives while the first is still being worked on waits for it, gets its answer or its error,
and after an error the key is free again. Contract B-142 to B-144.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from postroad.domain.suppression import Skipped
from postroad.engine.submit.request import ReferenceResult, SubmitResult
from postroad.store.idempotency import IdempotencyRecord

KEPT_MS = 24 * 3_600_000  # contract B-145


@dataclass(frozen=True, slots=True)
class Remembered:
    """A first answer and the body that it was given to."""

    result: SubmitResult
    body_hash: str | None

    def record(self, account: str, key: str, now: int) -> IdempotencyRecord:
        """The row that remembers this answer."""
        reference = self.result.reference
        answer: dict[str, object] = {
            "messageId": self.result.message_id,
            "sendAt": self.result.send_at,
            "reference": None
            if reference is None
            else [reference.message, reference.success, reference.error, reference.thread_id],
        }
        if self.result.skipped:
            answer["skipped"] = [
                [item.recipient, item.reason, item.list_id] for item in self.result.skipped
            ]
        return IdempotencyRecord(
            account=account,
            key=key,
            queue_id=self.result.queue_id or "",
            response=json.dumps(answer),
            body_hash=self.body_hash or "",
            created_at=now,
        )

    @classmethod
    def of(cls, record: IdempotencyRecord) -> Remembered:
        answer = json.loads(record.response)
        reference = answer["reference"]
        return cls(
            SubmitResult(
                message_id=answer["messageId"],
                queue_id=record.queue_id,
                send_at=answer["sendAt"],
                reference=None if reference is None else ReferenceResult(*reference),
                skipped=tuple(Skipped(*item) for item in answer.get("skipped", ())),
            ),
            record.body_hash or None,
        )


@dataclass(slots=True)
class Held:
    """A key in use. ``first`` is the first answer, once there is one."""

    first: Remembered | None = None


class Guard:
    """Keys that are being worked on in this process."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], asyncio.Future[Remembered | None]] = {}

    @asynccontextmanager
    async def hold(self, account: str, key: str, body_hash: str | None) -> AsyncIterator[Held]:
        """Hold a key, or wait for whoever holds it and take over their answer or their error."""
        slot = account, key
        if (running := self._running.get(slot)) is not None:
            # Shielded: a waiter that goes away must not end the one that works.
            yield Held(await asyncio.shield(running))
            return
        mine: asyncio.Future[Remembered | None] = asyncio.get_running_loop().create_future()
        self._running[slot] = mine
        held = Held()
        try:
            yield held
        except Exception as error:
            mine.set_exception(error)
            mine.exception()  # nobody may be waiting; that is no fault
            raise
        finally:
            del self._running[slot]
            if not mine.done():
                mine.set_result(held.first)
