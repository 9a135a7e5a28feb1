"""The log keeps the order in which a unit tells its events."""

from __future__ import annotations

from postroad.domain.account import Account
from postroad.domain.event import Event, EventName
from postroad.store import Store, Tx
from postroad.store.events import EventPosition

EVENTS = [Event(EventName.MESSAGE_SENT, "one", {"n": number}) for number in range(20)]


async def test_events_of_one_unit_stand_in_the_log_as_they_were_told(store: Store) -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(Account("one", "One", None, tx.now))
        await tx.events.record(*EVENTS[:10])
        for event in EVENTS[10:]:
            await tx.events.record(event)

    await store.write(unit)
    log = await store.read(lambda tx: tx.events.read_after(EventPosition(), 100))
    assert [event.event_id for _, event in log] == [event.event_id for event in EVENTS]
