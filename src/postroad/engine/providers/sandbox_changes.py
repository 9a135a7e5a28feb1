"""Changes to messages in the sandbox: each in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import FlagChange
from postroad.engine.providers.sandbox_folders import Place, SandboxFolders
from postroad.store import Store, Tx

_AT_A_TIME = 500  # messages of one transaction


class SandboxChanges:
    """Changes messages of one account. What is gone meanwhile is passed over."""

    def __init__(self, account: str, store: Store, folders: SandboxFolders) -> None:
        self._account = account
        self._store = store
        self._folders = folders

    async def trash_for(self, place: Place) -> Place | None:
        """Where a message from ``place`` goes when it is deleted; ``None``: nowhere. B-072."""
        if place.mailbox.special_use in (SpecialUse.TRASH, SpecialUse.JUNK):
            return None
        return await self._folders.get(SpecialUse.TRASH)

    async def change_flags(self, place: Place, uids: Sequence[int], change: FlagChange) -> int:
        """How many of the messages are there."""
        found = 0
        for batch in _batches(uids):

            async def unit(tx: Tx, batch: Sequence[int] = batch) -> int:
                count = 0
                for uid in batch:
                    known = await tx.sandbox.find(self._account, place.path, uid)
                    if known is None:
                        continue
                    count += 1
                    flags = change.apply(known.flags)
                    if flags != known.flags:
                        await tx.sandbox.set_flags(self._account, place.path, uid, flags)
                return count

            found += await self._store.write(unit)
        return found

    async def move(self, place: Place, uids: Sequence[int], target: Place) -> list[tuple[int, int]]:
        """Old and new UIDs of what was moved, in the order of the old ones."""
        moved: list[tuple[int, int]] = []
        for batch in _batches(sorted(uids)):

            async def unit(tx: Tx, batch: Sequence[int] = batch) -> list[tuple[int, int]]:
                pairs = []
                for uid in batch:
                    new = await tx.sandbox.move(self._account, place.path, uid, target.path)
                    if new is not None:
                        pairs.append((uid, new))
                return pairs

            moved += await self._store.write(unit)
        return moved

    async def delete(self, place: Place, uids: Sequence[int]) -> int:
        """How many messages are gone by it."""
        deleted = 0
        for batch in _batches(uids):

            async def unit(tx: Tx, batch: Sequence[int] = batch) -> int:
                count = 0
                for uid in batch:
                    count += await tx.sandbox.delete(self._account, place.path, uid)
                return count

            deleted += await self._store.write(unit)
        return deleted


def _batches(uids: Sequence[int]) -> list[Sequence[int]]:
    return [uids[at : at + _AT_A_TIME] for at in range(0, len(uids), _AT_A_TIME)]
