"""The way into a mailbox over IMAP, behind the interface of every provider.

Commands run on a small pool of connections of their own, beside whatever session watches the
account. The parts: :mod:`imap_reach` finds connection and mailbox, :mod:`imap_reading`,
:mod:`imap_streams`, :mod:`imap_changes` and :mod:`imap_mailboxes` do the work.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence

from postroad.domain.account import Account, ImapSettings
from postroad.domain.errors import Invalid, RemoteFailure, TooLarge
from postroad.domain.mailbox import Mailbox, MailboxEntry, SpecialUse
from postroad.domain.message import Appended, FlagChange, PartContent, ReferencedMessage
from postroad.domain.message_id import MessageKey, is_part_number, pack_message
from postroad.domain.search import SearchQuery
from postroad.domain.secret import Secret
from postroad.engine.providers.base import Choose, Octets, Traits
from postroad.engine.providers.imap_changes import ImapChanges
from postroad.engine.providers.imap_folders import Folders
from postroad.engine.providers.imap_mailboxes import ImapMailboxes
from postroad.engine.providers.imap_parts import attachable, decode, part_info
from postroad.engine.providers.imap_pool import MAX_CONNECTIONS, WARM_S, Connect, ImapPool
from postroad.engine.providers.imap_reach import (
    ImapReach,
    MailboxNumbers,
    as_provider_errors,
    no_part,
)
from postroad.engine.providers.imap_reading import MAX_HEADER_BYTES, ImapReading, fetch_one
from postroad.engine.providers.imap_streams import ImapStreams
from postroad.engine.providers.kept import KeptMailboxes, Shelf
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
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.status import AppendUidCode
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.structure import header_block
from postroad.transport.imap import CommandRefused, ImapConnection, ImapTimeouts, ToAppend

__all__ = ["ImapProvider", "MailboxNumbers", "connector"]

_BARE_LINE_END = re.compile(rb"\r?\n")
_GMAIL_HOSTS = frozenset({"imap.gmail.com", "imap.googlemail.com"})
_OUTLOOK_DOMAINS = (".office365.com", ".outlook.com")
_LARGE_BYTES = 256 * 1024  # decoding takes longer than a millisecond beyond it


def connector(
    account: Account,
    *,
    proxy: Secret[str] | None = None,
    client_id: Mapping[str, str] | None = None,
    timeouts: ImapTimeouts | None = None,
    compress: bool = True,
) -> Connect:
    """How connections for ``account`` are opened; its own proxy wins over ``proxy``."""
    settings = _settings(account)

    async def connect() -> ImapConnection:
        return await ImapConnection.open(
            settings,
            proxy=account.proxy or proxy,
            client_id=client_id,
            timeouts=timeouts,
            compress=compress,
        )

    return connect


class ImapProvider:
    """A :class:`~postroad.engine.providers.base.MailProvider` over IMAP.

    ``connect`` opens an authenticated connection (see :func:`connector`). Nothing is dialed
    before the first call. ``shelf`` is shared by all providers of a process. Call :meth:`close`
    when the account goes.
    """

    def __init__(
        self,
        account: Account,
        *,
        numbers: MailboxNumbers,
        connect: Connect,
        max_connections: int = MAX_CONNECTIONS,
        warm_s: float = WARM_S,
        shelf: Shelf | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = _settings(account)
        self._host = settings.host.lower().rstrip(".")
        kept = KeptMailboxes(shelf or Shelf())
        self._pool = ImapPool(
            connect, max_connections=max_connections, warm_s=warm_s, on_cold=kept.clear
        )
        self._reach = ImapReach(settings, numbers=numbers, pool=self._pool, clock=clock)
        self._reading = ImapReading(self._reach, kept)
        self._streams = ImapStreams(self._reach)
        self._changes = ImapChanges(self._reach)
        self._mailboxes = ImapMailboxes(self._reach)

    async def close(self) -> None:
        """Log out of all idle connections; those at work end with it."""
        await self._pool.close()

    async def learn(self, connection: ImapConnection) -> None:
        """Take the listing and the traits from a connection that somebody else holds.

        A runner that has just connected spares us a connection of our own by it.
        """
        with as_provider_errors():
            await self._reach.list(connection)

    def know(self, folders: Folders, *, is_gmail: bool) -> None:
        """Take a listing that somebody else has just read."""
        self._reach.know(folders, is_gmail=is_gmail)

    # MailProvider

    @property
    def traits(self) -> Traits:
        """Gmail and Outlook file sent mail themselves (contract B-127).

        Known hosts are believed at once; the capabilities decide when they have been heard.
        """
        is_gmail = self._reach.is_gmail
        if is_gmail is None:
            is_gmail = self._host in _GMAIL_HOSTS
        files_sent = is_gmail or self._host.endswith(_OUTLOOK_DOMAINS)
        return Traits(files_sent=files_sent, has_labels=is_gmail)

    async def mailboxes(self) -> Sequence[Mailbox]:
        return (await self._reach.run(self._reach.list)).mailboxes

    async def find_mailbox(self, use: SpecialUse) -> Mailbox | None:
        return await self._reach.find(use)

    async def append(
        self, path: str, content: Octets, *, flags: Sequence[str], date_ms: int | None = None
    ) -> Appended:
        path = await self._reach.resolve(path)
        code = await self._append(path, [ToAppend(content, flags, date_ms)])
        if code is None or not code.uids.ranges:
            return Appended(path)
        number = await self._reach.numbers.get_number(path, str(code.uidvalidity))
        message = pack_message(number, code.uids.ranges[0][0])
        return Appended(path, message, str(code.uidvalidity))

    async def append_all(
        self, path: str, contents: Sequence[Octets], *, flags: Sequence[str]
    ) -> None:
        path = await self._reach.resolve(path)
        await self._append(path, [ToAppend(content, flags) for content in contents])

    async def _append(self, path: str, messages: Sequence[ToAppend]) -> AppendUidCode | None:
        async def work(connection: ImapConnection) -> AppendUidCode | None:
            name = self._reach.wire_name(path, connection)
            selected = connection.selected
            if selected is not None and selected.wire_name == name:
                # Deleted and made again meanwhile, it would be refused as the one that it was.
                await connection.unselect()
            try:
                return await connection.append_many(name, messages)
            except CommandRefused as refused:
                raise await self._reach.refusal(connection, refused, path) from refused

        return await self._reach.run(work, may_repeat=False)

    async def find_by_message_id(self, path: str, message_id: str) -> str | None:
        path = await self._reach.resolve(path)

        async def work(
            connection: ImapConnection, mailbox: SelectedMailbox
        ) -> tuple[SelectedMailbox, list[int]]:
            return mailbox, await connection.search_header("Message-ID", message_id)

        mailbox, uids = await self._reach.in_mailbox(path, work, read_only=True)
        if not uids:
            return None
        return pack_message(await self._reach.number(path, mailbox), uids[-1])

    async def read_reference(self, message: str) -> ReferencedMessage:
        async def work(connection: ImapConnection, key: MessageKey, path: str) -> Fetched:
            items = ["UID", "FLAGS", "BODYSTRUCTURE", "BODY.PEEK[HEADER]"]
            items += connection.identity_items
            return await fetch_one(connection, key.uid, items, max_bytes=MAX_HEADER_BYTES)

        row = await self._reach.on_message(message, work, read_only=True)
        header = row.sections.get("HEADER")
        if header is None:
            raise RemoteFailure("The mail server did not give the headers of the message")
        parts = attachable(row.structure) if row.structure is not None else ()
        return ReferencedMessage(
            message=message,
            headers=header_block(_BARE_LINE_END.sub(b"\r\n", header)),
            flags=tuple(flag for flag in row.flags or () if flag.lower() != "\\recent"),
            parts=tuple(part_info(part) for part in parts),
            thread_id=row.thread_id,
        )

    async def read_part(self, message: str, part: str, *, max_bytes: int) -> PartContent:
        if not is_part_number(part):
            raise no_part()

        async def work(
            connection: ImapConnection, key: MessageKey, path: str
        ) -> tuple[BodyPart, bytes]:
            row = await fetch_one(
                connection, key.uid, ["UID", "BODYSTRUCTURE"], max_bytes=MAX_HEADER_BYTES
            )
            found = row.structure.find(part) if row.structure is not None else None
            if found is None or found.is_multipart:
                raise no_part()
            if found.size > max_bytes:
                raise TooLarge(f"The part has {found.size} octets; {max_bytes} are allowed")
            row = await fetch_one(
                connection, key.uid, ["UID", f"BODY.PEEK[{part}]"], max_bytes=max_bytes
            )
            content = row.sections.get(part)
            if content is None:
                raise no_part()
            if len(content) > max_bytes:
                raise TooLarge(f"The part has {len(content)} octets; {max_bytes} are allowed")
            return found, content

        found, content = await self._reach.on_message(message, work, read_only=True)
        info = part_info(found)
        if len(content) > _LARGE_BYTES:
            return PartContent(info, await asyncio.to_thread(decode, found, content))
        return PartContent(info, decode(found, content))

    async def add_flags(self, message: str, flags: Sequence[str]) -> None:
        await self._changes.change_flags(message, FlagChange(add=tuple(flags)))

    # Reading

    async def list_messages(self, path: str, wish: PageWish) -> FoundPage:
        return await self._reading.page(path, wish)

    async def search(self, path: str, query: SearchQuery, wish: PageWish) -> FoundPage:
        return await self._reading.search(path, query, wish)

    async def read_message(
        self,
        message: str,
        *,
        choose: Choose | None = None,
        likely: Sequence[str] = (),
        mark_seen: bool = False,
    ) -> ReadMessage:
        return await self._reading.read(message, choose=choose, likely=likely, mark_seen=mark_seen)

    async def open_part(self, message: str, part: str) -> PartStream:
        return await self._streams.open_part(message, part)

    async def open_source(self, message: str) -> SourceStream:
        return await self._streams.open_source(message)

    # Changing

    async def change_flags(
        self, message: str, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        await self._changes.change_flags(message, flags, labels)

    async def move(self, message: str, path: str) -> Moved:
        return await self._changes.move(message, path)

    async def remove(self, message: str, *, force: bool = False) -> Removal:
        return await self._changes.remove(message, force=force)

    async def change_flags_of(
        self, path: str, query: SearchQuery, flags: FlagChange, labels: FlagChange | None = None
    ) -> None:
        await self._changes.change_flags_of(path, query, flags, labels)

    async def move_all(self, path: str, query: SearchQuery, destination: str) -> BulkMoved:
        return await self._changes.move_all(path, query, destination)

    async def remove_all(
        self, path: str, query: SearchQuery, *, force: bool = False
    ) -> BulkRemoval:
        return await self._changes.remove_all(path, query, force=force)

    # Mailboxes

    async def entries(self, *, counters: bool = False) -> Sequence[MailboxEntry]:
        return await self._mailboxes.entries(counters=counters)

    async def create_mailbox(self, levels: Sequence[str]) -> MadeMailbox:
        return await self._mailboxes.create(levels)

    async def rename_mailbox(self, path: str, levels: Sequence[str]) -> str:
        return await self._mailboxes.rename(path, levels)

    async def subscribe(self, path: str, *, subscribed: bool) -> bool:
        return await self._mailboxes.subscribe(path, subscribed=subscribed)

    async def delete_mailbox(self, path: str) -> bool:
        return await self._mailboxes.delete(path)

    async def quota(self) -> Quota | None:
        return await self._mailboxes.quota()


def _settings(account: Account) -> ImapSettings:
    if account.imap is None:
        raise Invalid("The account has no IMAP settings")
    return account.imap
