"""What becomes of a mailbox that its server has refused to delete. Contract B-080."""

from __future__ import annotations

from dataclasses import replace

from postroad.domain.event import Event
from postroad.domain.mailbox_state import Indexer
from postroad.engine.sync.told import Teller
from postroad.observe import metrics
from postroad.store import Store, Tx


async def begin_again(store: Store, account: str, path: str) -> None:
    """Forget what is known of a mailbox that is still there, and tell that it went and came.

    Clients of the contract wait for ``mailboxDeleted`` whatever the server says. The next look
    knows the mailbox anew; how far it was announced stays, so that no old mail seems new. Whoever
    is looking at it just now finds its cursor moved and begins again, too.
    """

    async def unit(tx: Tx) -> list[Event]:
        cursor = await tx.messages.cursor(account, path)
        if cursor is None:
            return []
        if cursor.indexer is Indexer.FULL:
            await tx.messages.forget_messages(account, cursor.number)
            anew = replace(
                cursor,
                uidnext=1,
                baseline=max(cursor.baseline, cursor.uidnext),
                messages=0,
                highestmodseq=None,
                checked_at=0,
            )
            await tx.messages.put_cursor(account, anew)
        teller = Teller.of(account, cursor)
        events = [teller.mailbox_deleted(), teller.mailbox_new(cursor.uidvalidity)]
        await tx.events.record(*events)
        return events

    for event in await store.write(unit):
        metrics.event_recorded(event.name.value)
