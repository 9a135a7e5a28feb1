"""Bounces and complaints that arrived, one row for each recipient."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from postroad.domain.sent import Returned, ReturnedKind, bare_id, id_key
from postroad.store import jsontext
from postroad.store.backend import Row, Session

_MAX_FOUND = 1_000
_MAX_RESPONSE = 1_000  # characters that are kept of what a server said


class ReturnedMail:
    """The ``returned`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def knows(self, report_key: int) -> bool:
        """Whether this report was recorded before."""
        return await self._session.maybe("find_report", report_key=report_key) is not None

    async def record(self, report_key: int, rows: Sequence[Returned]) -> None:
        """Keep what a report tells, in its order. Raises :exc:`Conflict` for a known report."""
        for n, one in enumerate(rows):
            message_id, remote_id = one.message_id, one.remote_id
            self._session.defer(
                "record_returned",
                report_key=report_key,
                n=n,
                message_key=None if message_id is None else id_key(message_id),
                remote_key=None if remote_id is None else id_key(remote_id),
                kind=one.kind.value,
                account=one.account,
                reporter=one.reporter,
                report=one.report,
                message_id=message_id,
                recipient=one.recipient,
                action=one.action,
                type=one.type,
                reason=one.reason,
                status=one.status,
                response=None if one.response is None else one.response[:_MAX_RESPONSE],
                queue_id=one.queue_id,
                recorded_at=one.recorded_at,
                remote_id=remote_id,
            )

    async def bounces_of(
        self, account: str, message_ids: Collection[str]
    ) -> dict[str, list[Returned]]:
        """The bounces of an account's messages, by Message-ID without brackets and case.

        Oldest first, at most a thousand in all. Give at most some hundreds of ids.
        """
        wanted = {bare_id(one) for one in message_ids}
        if not wanted:
            return {}
        rows = await self._session.many(
            "returned_of_messages",
            account=account,
            keys=jsontext.write(sorted({id_key(one) for one in wanted})),
            limit=_MAX_FOUND,
        )
        found: dict[str, dict[Returned, None]] = {}  # a row may come under both of its ids
        for one in map(_read, rows):
            for name in {bare_id(one.message_id or ""), bare_id(one.remote_id or "")} & wanted:
                if one.kind is ReturnedKind.BOUNCE:
                    found.setdefault(name, {})[one] = None
        return {name: list(bounces) for name, bounces in found.items()}

    async def of_submission(self, queue_id: str) -> list[Returned]:
        """What came back of one submission, oldest first, at most a thousand."""
        rows = await self._session.many(
            "returned_of_submission", queue_id=queue_id, limit=_MAX_FOUND
        )
        return [_read(row) for row in rows]

    async def purge(self, *, before: int, limit: int = 500) -> int:
        """Forget up to ``limit`` rows from before ``before`` (epoch ms); how many they were."""
        return await self._session.run("purge_returned", before=before, limit=limit)


def _read(row: Row) -> Returned:
    return Returned(ReturnedKind(row[0]), *row[1:])
