"""The event log: what happened, in the transaction that made it happen.

Every event gets its webhook job with it. The log is kept for a retention time after delivery;
the counts of what was purged are kept for as long as the account.
"""

from __future__ import annotations

from dataclasses import dataclass

from postroad.domain.event import Event, RecordedEvent
from postroad.store import jsontext
from postroad.store.backend import Row, Session


@dataclass(frozen=True, slots=True, order=True)
class EventPosition:
    """A place in the log for a reader to go on from. The default is before the first event."""

    xact: int = -1
    seq: int = -1


class Events:
    """The ``event`` and ``event_total`` tables."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record(self, *events: Event) -> None:
        """Append events, each with a pending webhook job. Their time is ``tx.now``.

        Wakes ``events`` with the account. Raises :exc:`Conflict` for an event id used before.
        """
        session = self._session
        for event in events:
            session.defer(
                "record_event",
                event_id=event.event_id,
                account=event.account,
                name=event.name.value,
                recorded_at=session.now,
                queue_id=event.queue_id,
                data=jsontext.write(event.data),
                path=event.path,
                special_use=event.special_use,
            )
            session.notify("events", event.account)

    async def read_after(
        self, position: EventPosition, limit: int
    ) -> list[tuple[EventPosition, RecordedEvent]]:
        """The next events of the log, at most ``limit``.

        Nothing ever appears behind a position that was returned: on PostgreSQL events of
        transactions newer than the oldest one still running are held back.
        """
        rows = await self._session.many(
            "events_after", xact=position.xact, seq=position.seq, limit=limit
        )
        return [(EventPosition(row[0], row[1]), recorded_event(row[1:])) for row in rows]

    async def find(self, event_id: str) -> RecordedEvent | None:
        row = await self._session.maybe("find_event", event_id=event_id)
        return recorded_event(row) if row is not None else None

    async def of(self, queue_id: str, *, account: str, limit: int = 1000) -> list[RecordedEvent]:
        """The kept events of one submission, in the order in which they were recorded."""
        rows = await self._session.many(
            "events_of", queue_id=queue_id, account=account, limit=limit
        )
        return [recorded_event(row) for row in rows]

    async def count_by_name(self, account: str) -> dict[str, int]:
        """How many events of each name the account has had, purged ones included."""
        rows = await self._session.many("count_events", account=account)
        return {row[0]: int(row[1]) for row in rows}

    async def purge(self, *, before: int, limit: int = 500) -> int:
        """Forget up to ``limit`` events recorded before ``before`` (epoch ms), but count those
        of accounts that are still there.

        Their webhook jobs go with them. The newest event always stays, so that places in the
        log are never given twice. Returns how many went; repeat until it is 0.
        """
        rows = await self._session.many("purge_events", before=before, limit=limit)
        totals: dict[tuple[str, str], int] = {}
        created: dict[str, int | None] = {}
        for account, name, recorded_at in rows:
            if account not in created:
                row = await self._session.maybe("event_account_created", account=account)
                created[account] = None if row is None else int(row[0])
            since = created[account]
            # Those of an account that is gone are nobody's, of a former one not this one's.
            if since is not None and recorded_at >= since:
                totals[account, name] = totals.get((account, name), 0) + 1
        for (account, name), total in sorted(totals.items()):
            await self._session.run("add_event_total", account=account, name=name, total=total)
        return len(rows)

    async def forget_counts(self, account: str) -> None:
        """Drop the folded counts of an account that is going away."""
        self._session.defer("delete_event_totals", account=account)


def recorded_event(row: Row) -> RecordedEvent:
    """An event from the columns that every query lists in this order."""
    return RecordedEvent(*row)
