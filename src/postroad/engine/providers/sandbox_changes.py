"""Changes to messages in the sandbox: each in one transaction, with the events that tell of it."""

from __future__ import annotations

from collections.abc import Sequence

from postroad.domain.account import Account
from postroad.domain.event import Event
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import FlagChange
from postroad.engine.providers.sandbox_folders import Place, SandboxFolders
from postroad.engine.providers.sandbox_news import (
    MAX_READ,
    Arrival,
    SandboxNews,
    SettingsSource,
    arrival,
    count,
)
from postroad.engine.providers.sandbox_reading import SandboxReading
from postroad.engine.sync.told import Place as Origin
from postroad.store import Store, Tx
from postroad.store.sandbox import SandboxMessage

_AT_A_TIME = 100  # messages of one transaction


class SandboxChanges:
    """Changes messages of one account. What is gone meanwhile is passed over."""

    def __init__(
        self,
        account: Account,
        store: Store,
        folders: SandboxFolders,
        reading: SandboxReading,
        settings: SettingsSource | None,
    ) -> None:
        self._configured = account
        self._account = account.account
        self._store = store
        self._folders = folders
        self._reading = reading
        self._settings = settings

    async def trash_for(self, place: Place) -> Place | None:
        """Where a message from ``place`` goes when it is deleted; ``None``: nowhere. B-072."""
        if place.mailbox.special_use in (SpecialUse.TRASH, SpecialUse.JUNK):
            return None
        return await self._folders.get(SpecialUse.TRASH)

    async def change_flags(self, place: Place, uids: Sequence[int], change: FlagChange) -> int:
        """How many of the messages are there."""
        found = 0
        number = await self._reading.number(place)
        for batch in _batches(uids):

            async def unit(tx: Tx, batch: Sequence[int] = batch) -> tuple[int, list[Event]]:
                news, there = SandboxNews(tx, self._configured), 0
                for uid in batch:
                    known = await tx.sandbox.find(self._account, place.path, uid)
                    if known is None:
                        continue
                    there += 1
                    flags = change.apply(known.flags)
                    if flags != known.flags:
                        await tx.sandbox.set_flags(self._account, place.path, uid, flags)
                        news.changed(place.mailbox, number, uid, known.flags, flags)
                return there, await news.record()

            there, events = await self._store.write(unit)
            count(events)
            found += there
        return found

    async def move(self, place: Place, uids: Sequence[int], target: Place) -> list[tuple[int, int]]:
        """Old and new UIDs of what was moved, in the order of the old ones."""
        moved: list[tuple[int, int]] = []
        old, new = await self._reading.number(place), await self._reading.number(target)
        for batch in _batches(sorted(uids)):
            arrivals = await self._arrivals(place, batch)

            async def unit(
                tx: Tx, arrivals: dict[int, tuple[SandboxMessage, Arrival]] = arrivals
            ) -> tuple[list[tuple[int, int]], list[Event]]:
                news = SandboxNews(tx, self._configured)
                pairs = []
                for uid, (message, came) in arrivals.items():
                    now = await tx.sandbox.move(self._account, place.path, uid, target.path)
                    if now is None:
                        continue
                    pairs.append((uid, now))
                    news.gone(place.mailbox, old, uid)
                    flags, at = message.flags, message.received_at
                    await news.new(
                        target.mailbox,
                        new,
                        now,
                        came,
                        flags=flags,
                        received_at=at,
                        is_first=False,
                    )
                    news.moved(target.mailbox, new, now, Origin(place.path, old, uid))
                return pairs, await news.record()

            pairs, events = await self._store.write(unit)
            count(events)
            moved += pairs
        return moved

    async def delete(self, place: Place, uids: Sequence[int]) -> int:
        """How many messages are gone by it."""
        deleted = 0
        number = await self._reading.number(place)
        for batch in _batches(uids):

            async def unit(tx: Tx, batch: Sequence[int] = batch) -> tuple[int, list[Event]]:
                news, gone = SandboxNews(tx, self._configured), 0
                for uid in batch:
                    if await tx.sandbox.delete(self._account, place.path, uid):
                        gone += 1
                        news.gone(place.mailbox, number, uid)
                return gone, await news.record()

            gone, events = await self._store.write(unit)
            count(events)
            deleted += gone
        return deleted

    async def _arrivals(
        self, place: Place, uids: Sequence[int]
    ) -> dict[int, tuple[SandboxMessage, Arrival]]:
        """What is to be told of messages that come elsewhere."""

        async def unit(tx: Tx) -> list[SandboxMessage]:
            found = [await tx.sandbox.find(self._account, place.path, uid) for uid in uids]
            return [message for message in found if message is not None]

        arrivals = {}
        for message in await self._store.read(unit):
            octets = await self._reading.octets(message)
            came = await arrival(octets[:MAX_READ], len(octets), self._settings)
            arrivals[message.uid] = message, came
        return arrivals


def _batches(uids: Sequence[int]) -> list[Sequence[int]]:
    return [uids[at : at + _AT_A_TIME] for at in range(0, len(uids), _AT_A_TIME)]
