"""A mailbox inside this program, behind the same interface as one on a mail server.

Five mailboxes are always there, and more can be made. Messages are rows with content of their
own; UIDs count up per mailbox and are never reused, and message ids are packed as for IMAP, so
nothing above can tell the difference. A mailbox keeps its newest
:data:`~postroad.store.sandbox.MAX_MESSAGES` messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from postroad.domain.account import Account
from postroad.domain.errors import NotFound, TooLarge
from postroad.domain.event import Event
from postroad.domain.mailbox import Mailbox, MailboxEntry, SpecialUse
from postroad.domain.message import (
    Appended,
    FlagChange,
    PartContent,
    PartInfo,
    ReferencedMessage,
)
from postroad.domain.message_id import pack_message, unpack_message
from postroad.domain.search import SearchQuery
from postroad.engine.providers.base import Choose, Octets, Traits
from postroad.engine.providers.results import (
    BulkMoved,
    BulkRemoval,
    FoundPage,
    MadeMailbox,
    Moved,
    PageWish,
    PartStream,
    Quota,
    ReadMessage,
    Removal,
    SourceStream,
)
from postroad.engine.providers.sandbox_changes import SandboxChanges
from postroad.engine.providers.sandbox_folders import MAILBOXES, Place, SandboxFolders
from postroad.engine.providers.sandbox_news import (
    MAX_READ,
    SandboxNews,
    SettingsSource,
    arrival,
    count,
)
from postroad.engine.providers.sandbox_reading import SandboxReading
from postroad.protocol.mime.headers import message_ids, parse_headers
from postroad.protocol.mime.structure import Leaf, decoded, header_block, leaves
from postroad.store import Store, Tx
from postroad.store.sandbox import SandboxMessage


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of a mailbox, as a list shows it."""

    message: str  # message id in the account
    received_at: int  # epoch ms
    flags: tuple[str, ...]
    size: int  # octets
    headers: bytes  # header block, CRLF


class SandboxProvider:
    """The way into one sandbox account. Holds nothing open and needs no closing."""

    def __init__(
        self, account: Account, *, store: Store, settings: SettingsSource | None = None
    ) -> None:
        self._configured = account
        self._account = account.account
        self._store = store
        self._settings = settings
        self._folders = SandboxFolders(account, store)
        self._reading = SandboxReading(account.account, store)
        self._changes = SandboxChanges(account, store, self._folders, self._reading, settings)

    @property
    def traits(self) -> Traits:
        return Traits()

    async def mailboxes(self) -> Sequence[Mailbox]:
        return [place.mailbox for place in await self._folders.all()]

    async def find_mailbox(self, use: SpecialUse) -> Mailbox | None:
        return next((mailbox for mailbox in MAILBOXES if mailbox.special_use is use), None)

    async def append_all(
        self, path: str, contents: Sequence[Octets], *, flags: Sequence[str]
    ) -> None:
        for content in contents:
            await self.append(path, content, flags=flags)

    async def append(
        self, path: str, content: Octets, *, flags: Sequence[str], date_ms: int | None = None
    ) -> Appended:
        place = await self._folders.get(path)
        start = bytearray()
        reading = content.open()

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in reading:
                start.extend(piece[: MAX_READ - len(start)])
                yield piece

        staged = await self._store.stage(pieces(), bcc_start=0, bcc_end=0)
        came = await arrival(bytes(start), staged.content.size, self._settings)
        written = parse_headers(came.row.sections["HEADER"] or b"").raw("Message-ID") or ""
        message_id = next(iter(message_ids(written)), "")
        kept = FlagChange(add=tuple(flags)).apply(())

        async def unit(tx: Tx) -> tuple[str, list[Event]]:
            if not await tx.sandbox.has_account(self._account):
                raise NotFound("Account record was not found for requested ID")
            uid = await tx.sandbox.put(
                self._account,
                place.path,
                message_id=message_id,
                content=await tx.contents.insert(staged),
                flags=kept,
                received_at=date_ms,
            )
            number = await tx.mailboxes.number(self._account, place.path, place.uidvalidity)
            news = SandboxNews(tx, self._configured)
            at = tx.now if date_ms is None else date_ms
            await news.new(place.mailbox, number, uid, came, flags=kept, received_at=at)
            return pack_message(number, uid), await news.record()

        message, events = await self._store.write(unit)
        count(events)
        return Appended(place.path, message, place.uidvalidity)

    async def find_by_message_id(self, path: str, message_id: str) -> str | None:
        place = await self._folders.get(path)

        async def unit(tx: Tx) -> int | None:
            return await tx.sandbox.find_by_message_id(self._account, place.path, message_id)

        uid = await self._store.read(unit)
        return None if uid is None else pack_message(await self._reading.number(place), uid)

    async def read_reference(self, message: str) -> ReferencedMessage:
        _, found = await self._get(message)
        octets = await self._reading.octets(found)
        parts = await asyncio.to_thread(leaves, octets)
        return ReferencedMessage(
            message=message,
            headers=header_block(octets),
            flags=found.flags,
            parts=tuple(_info(leaf) for leaf in parts if not leaf.is_body),
        )

    async def read_part(self, message: str, part: str, *, max_bytes: int) -> PartContent:
        octets = await self._reading.octets((await self._get(message))[1])
        leaf = next((leaf for leaf in leaves(octets) if leaf.number == part), None)
        if leaf is None:
            raise NotFound("Requested part was not found", code="MessageNotFound")
        if leaf.encoded_size > max_bytes:
            raise TooLarge(f"The part has {leaf.encoded_size} octets; {max_bytes} are allowed")
        return PartContent(_info(leaf), await asyncio.to_thread(decoded, octets, leaf))

    async def add_flags(self, message: str, flags: Sequence[str]) -> None:
        await self.change_flags(message, FlagChange(add=tuple(flags)))

    # Reading

    async def list_messages(self, path: str, wish: PageWish) -> FoundPage:
        return await self._reading.page(await self._folders.get(path), wish)

    async def search(self, path: str, query: SearchQuery, wish: PageWish) -> FoundPage:
        return await self._reading.search(await self._folders.get(path), query, wish)

    async def read_message(
        self,
        message: str,
        *,
        choose: Choose | None = None,
        likely: Sequence[str] = (),
        mark_seen: bool = False,
    ) -> ReadMessage:
        if mark_seen:
            await self.change_flags(message, FlagChange(add=("\\Seen",)))
        place, found = await self._get(message)
        return await self._reading.read(place, found, choose)

    async def open_part(self, message: str, part: str) -> PartStream:
        return await self._reading.open_part((await self._get(message))[1], part)

    async def open_source(self, message: str) -> SourceStream:
        content = (await self._get(message))[1].content
        return SourceStream(self._store.open_content(content, skip_bcc=False), content.size)

    # Changing

    async def change_flags(
        self, message: str, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        place, uid = await self._place(message)
        if not await self._changes.change_flags(place, [uid], flags):
            raise _no_message()

    async def move(self, message: str, path: str) -> Moved:
        place, uid = await self._place(message)
        target = await self._folders.get(path)
        moved = await self._changes.move(place, [uid], target)
        if not moved:
            raise _no_message()
        uid = moved[0][1]
        return Moved(target.path, pack_message(await self._reading.number(target), uid), uid)

    async def remove(self, message: str, *, force: bool = False) -> Removal:
        place, uid = await self._place(message)
        trash = None if force else await self._changes.trash_for(place)
        if trash is not None:
            return Removal(False, await self.move(message, trash.path))
        if not await self._changes.delete(place, [uid]):
            raise _no_message()
        return Removal(True)

    async def change_flags_of(
        self, path: str, query: SearchQuery, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        place = await self._folders.get(path)
        await self._changes.change_flags(place, await self._reading.uids(place, query), flags)

    async def move_all(self, path: str, query: SearchQuery, destination: str) -> BulkMoved:
        place, target = await self._folders.get(path), await self._folders.get(destination)
        return await self._move_all(place, query, target)

    async def remove_all(
        self, path: str, query: SearchQuery, *, force: bool = False
    ) -> BulkRemoval:
        place = await self._folders.get(path)
        trash = None if force else await self._changes.trash_for(place)
        if trash is not None:
            return BulkRemoval(False, await self._move_all(place, query, trash))
        await self._changes.delete(place, await self._reading.uids(place, query))
        return BulkRemoval(True)

    # Mailboxes

    async def entries(self, *, counters: bool = False) -> Sequence[MailboxEntry]:
        return await self._folders.entries(counters=counters)

    async def create_mailbox(self, levels: Sequence[str]) -> MadeMailbox:
        return await self._folders.create(levels)

    async def rename_mailbox(self, path: str, levels: Sequence[str]) -> str:
        return await self._folders.rename(path, levels)

    async def subscribe(self, path: str, *, subscribed: bool) -> bool:
        return await self._folders.subscribe(path, subscribed=subscribed)

    async def delete_mailbox(self, path: str) -> bool:
        return await self._folders.delete(path)

    async def quota(self) -> Quota | None:
        """Only the number of messages is bounded here."""
        return None

    async def newest(self, path: str, *, limit: int) -> list[Listed]:
        """The newest messages of a mailbox, newest first. Raises :exc:`NotFound`."""
        place = await self._folders.get(path)

        async def unit(tx: Tx) -> list[SandboxMessage]:
            return await tx.sandbox.list(self._account, place.path, limit=limit)

        number = await self._reading.number(place)
        return [
            Listed(
                message=pack_message(number, found.uid),
                received_at=found.received_at,
                flags=found.flags,
                size=found.content.size,
                headers=header_block(await self._reading.octets(found)),
            )
            for found in await self._store.read(unit)
        ]

    # Private

    async def _move_all(self, place: Place, query: SearchQuery, target: Place) -> BulkMoved:
        uids = await self._reading.uids(place, query)
        moved = await self._changes.move(place, uids, target)
        old, new = await self._reading.number(place), await self._reading.number(target)
        pairs = tuple((pack_message(old, a), pack_message(new, b)) for a, b in moved)
        return BulkMoved(target.path, pairs)

    async def _get(self, message: str) -> tuple[Place, SandboxMessage]:
        place, uid = await self._place(message)

        async def unit(tx: Tx) -> SandboxMessage | None:
            return await tx.sandbox.find(self._account, place.path, uid)

        found = await self._store.read(unit)
        if found is None:
            raise _no_message()
        return place, found

    async def _place(self, message: str) -> tuple[Place, int]:
        """The mailbox and UID that a message id names."""
        key = unpack_message(message)
        if key is None:
            raise _no_message()
        mailbox = key.mailbox
        known = await self._store.read(lambda tx: tx.mailboxes.find(self._account, mailbox))
        if known is None:
            raise _no_message()
        place = await self._folders.alive(known.path, known.uidvalidity)
        if place is None:
            raise _no_message()
        return place, key.uid


def _no_message() -> NotFound:
    return NotFound("Requested message was not found", code="MessageNotFound")


def _info(leaf: Leaf) -> PartInfo:
    is_known = leaf.disposition in ("inline", "attachment")
    return PartInfo(
        part=leaf.number,
        content_type=leaf.content_type,
        filename=leaf.filename,
        disposition=leaf.disposition if is_known else None,
        content_id=leaf.content_id,
        encoded_size=leaf.encoded_size,
    )
