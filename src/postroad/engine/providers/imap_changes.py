"""Changes to messages over IMAP: flags, labels, moving, removing; of one or of all that match."""

from __future__ import annotations

from collections.abc import Sequence

from postroad.domain.errors import RemoteFailure
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import FlagChange
from postroad.domain.message_id import MessageKey, pack_message
from postroad.domain.search import SearchQuery
from postroad.engine.providers.imap_reach import ImapReach, no_message
from postroad.engine.providers.imap_reading import fetch_one, matching
from postroad.engine.providers.results import BulkMoved, BulkRemoval, Moved, Removal
from postroad.protocol.imap.numset import SAVED, MessageSet, NumSet
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.status import CopyUidCode
from postroad.transport.imap import CommandRefused, ImapConnection

_GONE_FOR_GOOD = (SpecialUse.TRASH, SpecialUse.JUNK)


class ImapChanges:
    """Changes messages of one account."""

    def __init__(self, reach: ImapReach) -> None:
        self._reach = reach

    async def change_flags(
        self, message: str, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        async def work(connection: ImapConnection, key: MessageKey, path: str) -> None:
            uids = NumSet.of([key.uid])
            mailbox = _writable(connection.selected)
            if not await _store(connection, mailbox, uids, flags, labels):
                # Silence means that the message is gone, or that nothing changed.
                await fetch_one(connection, key.uid, ["UID"], max_bytes=0)

        await self._reach.on_message(message, work, read_only=False)

    async def move(self, message: str, path: str) -> Moved:
        target = await self._reach.resolve(path)

        async def work(
            connection: ImapConnection, key: MessageKey, path: str
        ) -> CopyUidCode | None:
            if path == target:
                await fetch_one(connection, key.uid, ["UID"], max_bytes=0)
                return CopyUidCode(0, NumSet.of([key.uid]), NumSet.of([key.uid]))
            return await self._move_one(connection, key.uid, target)

        code = await self._reach.on_message(message, work, read_only=False, may_repeat=False)
        if code is None:
            return Moved(target)
        uid = code.destination.ranges[0][0]
        if code.uidvalidity == 0:  # it stayed where it was
            return Moved(target, message, uid)
        number = await self._reach.numbers.get_number(target, str(code.uidvalidity))
        return Moved(target, pack_message(number, uid), uid)

    async def remove(self, message: str, *, force: bool) -> Removal:
        async def where(connection: ImapConnection, key: MessageKey, path: str) -> str:
            return path

        path = await self._reach.on_message(message, where, read_only=False)
        trash = None if force else await self._trash_for(path)
        if trash is not None:
            return Removal(False, await self.move(message, trash))

        async def work(connection: ImapConnection, key: MessageKey, path: str) -> None:
            _writable(connection.selected)
            await fetch_one(connection, key.uid, ["UID"], max_bytes=0)
            await connection.uid_remove(NumSet.of([key.uid]))

        await self._reach.on_message(message, work, read_only=False, may_repeat=False)
        return Removal(True)

    async def change_flags_of(
        self, path: str, query: SearchQuery, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        async def work(connection: ImapConnection, mailbox: SelectedMailbox) -> None:
            uids = await _all_matching(connection, _writable(mailbox), query)
            if uids:
                await _store(connection, mailbox, uids, flags, labels)

        path = await self._reach.resolve(path)
        await self._reach.in_mailbox(path, work, read_only=False)

    async def move_all(self, path: str, query: SearchQuery, destination: str) -> BulkMoved:
        path = await self._reach.resolve(path)
        target = await self._reach.resolve(destination)

        async def work(
            connection: ImapConnection, mailbox: SelectedMailbox
        ) -> tuple[int, CopyUidCode | None]:
            name = self._reach.wire_name(target, connection)
            uids = await _all_matching(connection, _writable(mailbox), query)
            if not uids or path == target:
                return 0, CopyUidCode(0, NumSet(()), NumSet(()))
            number = await self._reach.number(path, mailbox)
            try:
                return number, await connection.uid_move(uids, name)
            except CommandRefused as refused:
                raise await self._reach.refusal(connection, refused, target) from refused

        number, code = await self._reach.in_mailbox(path, work, read_only=False, may_repeat=False)
        if code is None:
            return BulkMoved(target)
        if not code.source.ranges:
            return BulkMoved(target, ())
        new = await self._reach.numbers.get_number(target, str(code.uidvalidity))
        pairs = zip(code.source, code.destination, strict=False)
        return BulkMoved(
            target, tuple((pack_message(number, a), pack_message(new, b)) for a, b in pairs)
        )

    async def remove_all(self, path: str, query: SearchQuery, *, force: bool) -> BulkRemoval:
        path = await self._reach.resolve(path)
        trash = None if force else await self._trash_for(path)
        if trash is not None:
            return BulkRemoval(False, await self.move_all(path, query, trash))

        async def work(connection: ImapConnection, mailbox: SelectedMailbox) -> None:
            uids = await _all_matching(connection, _writable(mailbox), query)
            if uids:
                await connection.uid_remove(uids)

        await self._reach.in_mailbox(path, work, read_only=False, may_repeat=False)
        return BulkRemoval(True)

    async def _move_one(
        self, connection: ImapConnection, uid: int, target: str
    ) -> CopyUidCode | None:
        _writable(connection.selected)
        name = self._reach.wire_name(target, connection)
        tells = connection.can("UIDPLUS")
        if not tells:  # then nothing else tells whether it was there
            await fetch_one(connection, uid, ["UID"], max_bytes=0)
        try:
            code = await connection.uid_move(NumSet.of([uid]), name)
        except CommandRefused as refused:
            raise await self._reach.refusal(connection, refused, target) from refused
        if tells and (code is None or not code.destination.ranges):
            raise no_message()
        return code

    async def _trash_for(self, path: str) -> str | None:
        """Where a message from ``path`` goes when it is deleted; ``None``: nowhere. B-072."""
        mailbox = await self._reach.mailbox(path)
        if mailbox.special_use in _GONE_FOR_GOOD:
            return None
        trash = await self._reach.find(SpecialUse.TRASH)
        return None if trash is None or trash.path == path else trash.path


async def _all_matching(
    connection: ImapConnection, mailbox: SelectedMailbox, query: SearchQuery
) -> MessageSet | None:
    """What to name in the command that changes all that match; ``None``: nothing does.

    Scattered messages by the ten thousand would take a command for each 8 KiB of their numbers,
    of which the later ones could fail. Where the server keeps what it found, ``$`` names them in
    one. What does without MOVE or UIDPLUS has to know the numbers.
    """
    can_save = all(map(connection.can, ("SEARCHRES", "ESEARCH", "MOVE", "UIDPLUS")))
    found = NumSet.of(await matching(connection, mailbox, query, save=can_save))
    if not found.ranges:
        return None
    pieces = found.pieces()
    next(pieces)
    fits_in_one = next(pieces, None) is None
    return found if fits_in_one or not can_save else SAVED


def _writable(mailbox: SelectedMailbox | None) -> SelectedMailbox:
    if mailbox is None or mailbox.is_read_only:
        raise RemoteFailure("The mailbox can only be read")
    return mailbox


async def _store(
    connection: ImapConnection,
    mailbox: SelectedMailbox,
    uids: MessageSet,
    flags: FlagChange,
    labels: FlagChange | None,
) -> bool:
    """Whether the server told of any message. Flags that the mailbox cannot keep are left out."""
    heard = False
    for how, words in _steps(flags):
        kept = [flag for flag in words if mailbox.keeps(flag)]
        if kept or how == "FLAGS":
            heard |= bool(await connection.uid_store(uids, how, kept))
    if labels is not None and connection.can("X-GM-EXT-1"):
        for how, words in _steps(labels):
            names = [_label(label, connection) for label in words]
            rows = await connection.uid_store(uids, how.replace("FLAGS", "X-GM-LABELS"), names)
            heard |= bool(rows)
    return heard


def _steps(change: FlagChange) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Ways to store, in order. ``set`` wins (contract B-070)."""
    if change.set is not None:
        return [("FLAGS", change.set)]
    steps = [("-FLAGS", change.delete), ("+FLAGS", change.add)]
    return [(how, words) for how, words in steps if words]


def _label(label: str, connection: ImapConnection) -> str:
    """Labels of the user's own are spelled as mailboxes are named on this connection."""
    return label if label.startswith("\\") else connection.wire_name(label).decode("utf-8")
