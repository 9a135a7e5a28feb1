"""The way into a mailbox over IMAP, behind the interface of every provider.

Commands run on a small pool of connections of their own, beside whatever session watches the
account. Message ids carry a mailbox number and a UID (contract §3); the number is resolved to a
path and a UIDVALIDITY, and a mailbox that has begun a new life answers no id of its old one.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from postroad.domain.account import Account, ImapSettings
from postroad.domain.errors import (
    Invalid,
    LocalProtocolError,
    NotFound,
    RemoteFailure,
    RemoteProtocolError,
    TooLarge,
    Unavailable,
)
from postroad.domain.mailbox import Mailbox, MailboxNumber, SpecialUse
from postroad.domain.message import Appended, PartContent, ReferencedMessage
from postroad.domain.message_id import MessageKey, is_part_number, pack_message, unpack_message
from postroad.domain.secret import Secret
from postroad.engine.providers.base import Octets, Traits
from postroad.engine.providers.imap_folders import Folders, read_listing
from postroad.engine.providers.imap_parts import attachable, decode, part_info
from postroad.engine.providers.imap_pool import MAX_CONNECTIONS, WARM_S, Connect, ImapPool
from postroad.protocol.imap import utf7
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.status import AppendUidCode, Condition
from postroad.protocol.imap.structure import BodyPart
from postroad.protocol.mime.structure import header_block
from postroad.transport.imap import CommandRefused, DialError, ImapConnection, ImapTimeouts

T = TypeVar("T")

_MAX_HEADER_BYTES = 2 * 1024 * 1024
_STALE_S = 60.0  # a use that a listing this old lacks is looked for again
_BARE_LINE_END = re.compile(rb"\r?\n")
_MISSING_MAILBOX_CODES = frozenset({"NONEXISTENT", "TRYCREATE", None})
_GMAIL_HOSTS = frozenset({"imap.gmail.com", "imap.googlemail.com"})
_OUTLOOK_DOMAINS = (".office365.com", ".outlook.com")
_LARGE_BYTES = 256 * 1024  # decoding takes longer than a millisecond beyond it


class MailboxNumbers(Protocol):
    """The numbers of one account's mailboxes (contract B-035)."""

    async def get_number(self, path: str, uidvalidity: str) -> int:
        """The number of this life of a mailbox; a new one when it is met for the first time."""
        ...

    async def find(self, number: int) -> MailboxNumber | None: ...


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
    before the first call. Call :meth:`close` when the account goes.
    """

    def __init__(
        self,
        account: Account,
        *,
        numbers: MailboxNumbers,
        connect: Connect,
        max_connections: int = MAX_CONNECTIONS,
        warm_s: float = WARM_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = _settings(account)
        self._numbers = numbers
        self._pool = ImapPool(connect, max_connections=max_connections, warm_s=warm_s)
        self._clock = clock
        self._folders: Folders | None = None
        self._listed_at = 0.0
        self._listing = asyncio.Lock()
        self._files_sent = _is_known_to_file(self._settings.host)

    async def close(self) -> None:
        """Log out of all idle connections; those at work end with it."""
        await self._pool.close()

    async def learn(self, connection: ImapConnection) -> None:
        """Take the listing and the traits from a connection that somebody else holds.

        A runner that has just connected spares us a connection of our own by it.
        """
        with _as_provider_errors():
            await self._list(connection)

    # MailProvider

    @property
    def traits(self) -> Traits:
        """Gmail and Outlook file sent mail themselves (contract B-127).

        Known hosts are believed at once; the capabilities decide when they have been heard.
        """
        return Traits(files_sent=self._files_sent)

    async def mailboxes(self) -> Sequence[Mailbox]:
        return (await self._run(self._list)).mailboxes

    async def find_mailbox(self, use: SpecialUse) -> Mailbox | None:
        async with self._listing:
            folders = self._folders
            found = folders.find(use) if folders is not None else None
            if found is None and (folders is None or self._is_stale()):
                found = (await self._run(self._list)).find(use)
        return found

    async def append(
        self, path: str, content: Octets, *, flags: Sequence[str], date_ms: int | None = None
    ) -> Appended:
        path = _normal(path)
        name = self._wire_name(path)

        async def work(connection: ImapConnection) -> AppendUidCode | None:
            selected = connection.selected
            if selected is not None and selected.wire_name == name:
                # Deleted and made again meanwhile, it would be refused as the one that it was.
                await self._select(connection, name, read_only=True)
            try:
                return await connection.append(name, content, flags=flags, date_ms=date_ms)
            except CommandRefused as refused:
                if refused.code in ("TRYCREATE", "NONEXISTENT"):
                    self._folders = None  # what we remember is out of date
                    raise _no_folder() from refused
                raise

        code = await self._run(work, may_repeat=False)
        if code is None or not code.uids.ranges:
            return Appended(path)
        number = await self._numbers.get_number(path, str(code.uidvalidity))
        return Appended(path, pack_message(number, code.uids.ranges[0][0]))

    async def find_by_message_id(self, path: str, message_id: str) -> str | None:
        path = _normal(path)
        name = self._wire_name(path)

        async def work(connection: ImapConnection) -> tuple[SelectedMailbox, list[int]]:
            mailbox = await self._select(connection, name, read_only=True)
            if mailbox is None:
                raise _no_folder()
            return mailbox, await connection.search_header("Message-ID", message_id)

        mailbox, uids = await self._run(work)
        if not uids:
            return None
        if mailbox.uidvalidity is None:
            raise RemoteFailure("The mailbox has no lasting UIDs")
        number = await self._numbers.get_number(path, str(mailbox.uidvalidity))
        return pack_message(number, uids[-1])

    async def read_reference(self, message: str) -> ReferencedMessage:
        async def work(connection: ImapConnection, key: MessageKey) -> Fetched:
            items = ["UID", "FLAGS", "BODYSTRUCTURE", "BODY.PEEK[HEADER]"]
            if connection.can("OBJECTID"):
                items.append("THREADID")
            elif connection.can("X-GM-EXT-1"):
                items.append("X-GM-THRID")
            return await _fetch_one(connection, key.uid, items, max_bytes=_MAX_HEADER_BYTES)

        row = await self._on_message(message, work, read_only=True)
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
            raise _no_part()

        async def work(connection: ImapConnection, key: MessageKey) -> tuple[BodyPart, bytes]:
            row = await _fetch_one(
                connection, key.uid, ["UID", "BODYSTRUCTURE"], max_bytes=_MAX_HEADER_BYTES
            )
            found = row.structure.find(part) if row.structure is not None else None
            if found is None or found.is_multipart:
                raise _no_part()
            if found.size > max_bytes:
                raise TooLarge(f"The part has {found.size} octets; {max_bytes} are allowed")
            row = await _fetch_one(
                connection, key.uid, ["UID", f"BODY.PEEK[{part}]"], max_bytes=max_bytes
            )
            content = row.sections.get(part)
            if content is None:
                raise _no_part()
            if len(content) > max_bytes:
                raise TooLarge(f"The part has {len(content)} octets; {max_bytes} are allowed")
            return found, content

        found, content = await self._on_message(message, work, read_only=True)
        info = part_info(found)
        if len(content) > _LARGE_BYTES:
            return PartContent(info, await asyncio.to_thread(decode, found, content))
        return PartContent(info, decode(found, content))

    async def add_flags(self, message: str, flags: Sequence[str]) -> None:
        async def work(connection: ImapConnection, key: MessageKey) -> None:
            mailbox = connection.selected
            assert mailbox is not None
            if mailbox.is_read_only:
                raise RemoteFailure("The mailbox can only be read")
            kept = [flag for flag in flags if mailbox.keeps(flag)]
            uids = NumSet.of([key.uid])
            if kept and await connection.uid_store(uids, "+FLAGS", kept):
                return
            # Silence means that the message is gone, or that nothing changed.
            await _fetch_one(connection, key.uid, ["UID"], max_bytes=0)

        await self._on_message(message, work, read_only=False)

    # Private

    async def _run(
        self, work: Callable[[ImapConnection], Awaitable[T]], *, may_repeat: bool = True
    ) -> T:
        with _as_provider_errors():
            return await self._pool.run(work, may_repeat=may_repeat)

    async def _on_message(
        self,
        message: str,
        work: Callable[[ImapConnection, MessageKey], Awaitable[T]],
        *,
        read_only: bool,
    ) -> T:
        """Do ``work`` where the message's mailbox is selected in the life that its id means."""
        key = unpack_message(message)
        mailbox = await self._numbers.find(key.mailbox) if key is not None else None
        if key is None or mailbox is None:
            raise _no_message()
        name = self._wire_name(mailbox.path)

        async def in_mailbox(connection: ImapConnection) -> T:
            selected = await self._select(connection, name, read_only=read_only)
            if selected is None or str(selected.uidvalidity) != mailbox.uidvalidity:
                raise _no_message()
            return await work(connection, key)

        return await self._run(in_mailbox)

    async def _select(
        self, connection: ImapConnection, name: bytes, *, read_only: bool
    ) -> SelectedMailbox | None:
        """Select anew, so that what has just arrived is seen; ``None`` if there is no such one."""
        try:
            return await connection.select(name, read_only=read_only)
        except CommandRefused as refused:
            is_no = refused.status.condition is Condition.NO
            if is_no and refused.code in _MISSING_MAILBOX_CODES:
                return None
            raise

    async def _list(self, connection: ImapConnection) -> Folders:
        namespace = await connection.namespace()
        listing = await connection.list_mailboxes()
        if not listing.entries:
            # Every account has an INBOX; a server that shows nothing is ill (contract B-066).
            connection.abort()
            raise Unavailable("The mail server listed no mailboxes", code="IMAPUnavailable")
        folders = read_listing(listing, namespace, self._settings)
        self._folders, self._listed_at = folders, self._clock()
        is_gmail = connection.can("X-GM-EXT-1") and folders.find(SpecialUse.ALL) is not None
        self._files_sent = is_gmail or _is_outlook(self._settings.host)
        return folders

    def _is_stale(self) -> bool:
        return self._clock() - self._listed_at > _STALE_S

    def _wire_name(self, path: str) -> bytes:
        known = self._folders.wire_names.get(path) if self._folders is not None else None
        if known is not None:
            return known
        try:
            return utf7.encode(path)
        except LocalProtocolError as error:
            raise _no_folder() from error


async def _fetch_one(
    connection: ImapConnection, uid: int, items: Sequence[str], *, max_bytes: int
) -> Fetched:
    rows = await connection.uid_fetch(NumSet.of([uid]), items, max_bytes=max_bytes)
    if not rows:
        raise _no_message()
    return rows[0]


@contextmanager
def _as_provider_errors() -> Iterator[None]:
    """Turn what the wire raises into the kinds that a provider may raise."""
    try:
        yield
    except DialError as error:
        raise Unavailable(error.message, code="IMAPUnavailable") from error
    except RemoteProtocolError as error:
        raise RemoteFailure(f"The mail server does not speak IMAP: {error.message}") from error
    except LocalProtocolError as error:
        raise Invalid(error.message) from error


def _settings(account: Account) -> ImapSettings:
    if account.imap is None:
        raise Invalid("The account has no IMAP settings")
    return account.imap


def _normal(path: str) -> str:
    return "INBOX" if path.upper() == "INBOX" else path


def _is_outlook(host: str) -> bool:
    return host.lower().rstrip(".").endswith(_OUTLOOK_DOMAINS)


def _is_known_to_file(host: str) -> bool:
    return host.lower().rstrip(".") in _GMAIL_HOSTS or _is_outlook(host)


def _no_message() -> NotFound:
    return NotFound("Requested message was not found", code="MessageNotFound")


def _no_part() -> NotFound:
    return NotFound("Requested part was not found", code="MessageNotFound")


def _no_folder() -> NotFound:
    return NotFound("Requested folder was not found", code="FolderNotFound")
