"""Recognising a message that has left one mailbox and lies in another.

Both sides are seen one after the other, in either order and in different transactions, so each
leaves a trace by the message's fingerprint for the other to find. What was met before is known
by the same traces, for as long as they are kept.
"""

from __future__ import annotations

from postroad.domain.event import Event
from postroad.domain.mailbox_state import MailboxCursor
from postroad.domain.message_index import Entry, identity_range
from postroad.engine.sync.threads import email_name
from postroad.engine.sync.told import Place, Teller
from postroad.store import Tx
from postroad.store.messages import Trace

MOVE_WINDOW_MS = 30 * 60_000  # between the two sides; a mailbox is looked at every 15 minutes
TRACE_KEPT_MS = 7 * 86_400_000


class Moves:
    """The traces of one account."""

    def __init__(self, account: str) -> None:
        self._account = account

    async def arrived(
        self,
        tx: Tx,
        cursor: MailboxCursor,
        entry: Entry,
        email_id: str | None,
        events: list[Event],
    ) -> bool:
        """Note a message that has appeared; whether it was met before, anywhere."""
        if not entry.fingerprint:
            return False
        low, high = identity_range(entry.fingerprint)
        kept = await tx.messages.traces(low, high, since=tx.now - TRACE_KEPT_MS)
        met = [one for one in kept if (one.number, one.uid) != (cursor.number, entry.uid)]
        left = [
            one
            for one in met
            if one.is_gone and _is_same(one, entry) and one.seen_at >= tx.now - MOVE_WINDOW_MS
        ]
        if left:
            origin = max(left, key=lambda one: one.seen_at)
            await self._tell(tx, cursor, entry.uid, origin, email_id or _email(entry), events)
        await tx.messages.put_trace(
            Trace(entry.fingerprint, cursor.number, entry.uid, is_gone=False, seen_at=tx.now)
        )
        return bool(met)

    async def gone(self, tx: Tx, cursor: MailboxCursor, entry: Entry, events: list[Event]) -> None:
        """Note a message that has gone."""
        if not entry.fingerprint:
            return
        own = entry.fingerprint
        kept = await tx.messages.traces(own, own, since=tx.now - MOVE_WINDOW_MS)
        lost = {(one.number, one.uid) for one in kept if one.is_gone}
        here = (cursor.number, entry.uid)
        found = [
            one for one in kept if not one.is_gone and (one.number, one.uid) not in lost | {here}
        ]
        await tx.messages.put_trace(
            Trace(own, cursor.number, entry.uid, is_gone=True, seen_at=tx.now)
        )
        if not found:
            return
        target = max(found, key=lambda one: one.seen_at)
        place = await tx.mailboxes.find(self._account, target.number)
        other = None if place is None else await tx.messages.cursor(self._account, place.path)
        if other is not None and other.number == target.number:
            origin = Trace(own, cursor.number, entry.uid, is_gone=True, seen_at=tx.now)
            await self._tell(tx, other, target.uid, origin, _email(entry), events)

    async def _tell(
        self,
        tx: Tx,
        cursor: MailboxCursor,
        uid: int,
        origin: Trace,
        email_id: str | None,
        events: list[Event],
    ) -> None:
        mailbox = await tx.mailboxes.find(self._account, origin.number)
        if mailbox is None or (origin.number, origin.uid) == (cursor.number, uid):
            return
        place = Place(mailbox.path, origin.number, origin.uid)
        teller = Teller.of(self._account, cursor)
        events.append(teller.message_moved(uid, origin=place, email_id=email_id))


def _email(entry: Entry) -> str | None:
    """The id of a message whose thread was computed."""
    return email_name(entry.fingerprint) if entry.node else None


def _is_same(trace: Trace, entry: Entry) -> bool:
    return trace.fingerprint == entry.fingerprint
