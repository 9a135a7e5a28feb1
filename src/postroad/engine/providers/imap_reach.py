"""What every command to an IMAP account begins with: a connection, a mailbox, a message.

Message ids carry a mailbox number and a UID (contract §3); the number is resolved to a path and a
UIDVALIDITY, and a mailbox that has begun a new life answers no id of its old one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from postroad.domain.account import ImapSettings
from postroad.domain.errors import (
    Invalid,
    LocalProtocolError,
    NotFound,
    PostroadError,
    RemoteFailure,
    RemoteProtocolError,
    Unavailable,
)
from postroad.domain.mailbox import Mailbox, MailboxNumber, SpecialUse
from postroad.domain.message_id import MessageKey, unpack_message
from postroad.engine.providers.imap_folders import Folders, take_listing
from postroad.engine.providers.imap_pool import ImapPool
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.status import Condition
from postroad.transport.imap import (
    CommandRefused,
    ConnectionLost,
    DialError,
    ImapConnection,
)

T = TypeVar("T")

_STALE_S = 60.0  # a use that a listing this old lacks is looked for again
# Deleted and made again under its name, a mailbox shows itself to whoever selects it, while some
# servers (Dovecot) go on showing the old one to whoever has it open.
_RESELECT_S = 30.0
_NO_TARGET_CODES = frozenset({"NONEXISTENT", "TRYCREATE"})
# CANNOT is for names that no mailbox of the server can have. RFC 5530 §3
_MISSING_MAILBOX_CODES = _NO_TARGET_CODES | {"CANNOT", None}


class MailboxNumbers(Protocol):
    """The numbers of one account's mailboxes (contract B-035)."""

    async def get_number(self, path: str, uidvalidity: str) -> int:
        """The number of this life of a mailbox; a new one when it is met for the first time."""
        ...

    async def find(self, number: int) -> MailboxNumber | None: ...


class ImapReach:
    """Runs work on connections of one account, where the work wants to be."""

    def __init__(
        self,
        settings: ImapSettings,
        *,
        numbers: MailboxNumbers,
        pool: ImapPool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.numbers = numbers
        self.settings = settings
        self.pool = pool
        self.is_gmail: bool | None = None  # None: the capabilities have not been heard
        self._clock = clock
        self._folders: Folders | None = None
        self._listed_at = 0.0
        self._listing = asyncio.Lock()

    async def run(
        self,
        work: Callable[[ImapConnection], Awaitable[T]],
        *,
        may_repeat: bool = True,
        selected: bytes | None = None,
    ) -> T:
        """Do ``work`` on a connection, best on one that has ``selected`` open already."""
        with as_provider_errors():
            return await self.pool.run(work, may_repeat=may_repeat, selected=selected)

    async def in_mailbox(
        self,
        path: str,
        work: Callable[[ImapConnection, SelectedMailbox], Awaitable[T]],
        *,
        read_only: bool,
        may_repeat: bool = True,
    ) -> T:
        """Do ``work`` where the mailbox at ``path`` is selected and its news are heard."""

        async def inside(connection: ImapConnection) -> T:
            name = self.wire_name(path, connection)
            mailbox = await self._enter(connection, name, read_only=read_only)
            if mailbox is None:
                if self._folders is not None and path in self._folders.wire_names:
                    self.forget_folders()  # a special use may have led to where it was
                raise no_folder()
            return await work(connection, mailbox)

        return await self.run(inside, may_repeat=may_repeat, selected=self._likely_name(path))

    async def on_message(
        self,
        message: str,
        work: Callable[[ImapConnection, MessageKey, str], Awaitable[T]],
        *,
        read_only: bool,
        may_repeat: bool = True,
    ) -> T:
        """Do ``work`` where the message's mailbox is selected in the life that its id means."""
        key = unpack_message(message)
        mailbox = await self.numbers.find(key.mailbox) if key is not None else None
        if key is None or mailbox is None:
            raise no_message()
        path = mailbox.path

        async def inside(connection: ImapConnection) -> T:
            name = self.wire_name(path, connection)
            before = connection.selected
            selected = await self._enter(connection, name, read_only=read_only, waits=not read_only)
            if (
                selected is not None
                and selected is before
                and str(selected.uidvalidity) != mailbox.uidvalidity
            ):
                # Deleted and made again behind our back, it may have come to life anew.
                selected = await self._select(connection, name, read_only=read_only)
            if selected is None or str(selected.uidvalidity) != mailbox.uidvalidity:
                raise no_message()
            return await work(connection, key, path)

        return await self.run(inside, may_repeat=may_repeat, selected=self._likely_name(path))

    async def number(self, path: str, selected: SelectedMailbox) -> int:
        """The number of a selected mailbox. Raises :exc:`RemoteFailure` when UIDs do not last."""
        if selected.uidvalidity is None:
            raise RemoteFailure("The mailbox has no lasting UIDs")
        return await self.numbers.get_number(path, str(selected.uidvalidity))

    async def refusal(
        self, connection: ImapConnection, refused: CommandRefused, path: str
    ) -> PostroadError:
        """What it means that the server puts nothing into the mailbox at ``path``.

        A server may refuse a name that nobody could create without TRYCREATE (RFC 9051 §6.3.12;
        Courier does outside of its namespace). Then the listing tells whether it is there.
        """
        if refused.code in _NO_TARGET_CODES:
            self.forget_folders()  # what we remember is out of date
            return no_folder()
        if refused.code is None and refused.status.condition is Condition.NO:
            folders = await self.list(connection)
            return refused if path in folders.wire_names else no_folder()
        return refused

    # Which mailboxes there are

    async def list(self, connection: ImapConnection) -> Folders:
        """Ask the server for the mailboxes and remember them."""
        namespace = await connection.namespace()
        listing = await connection.list_mailboxes()
        if not listing.entries:
            # Every account has an INBOX; a server that shows nothing is ill (contract B-066).
            connection.abort()
            raise Unavailable("The mail server listed no mailboxes", code="IMAPUnavailable")
        folders = await take_listing(listing, namespace, self.settings)
        is_gmail = connection.can("X-GM-EXT-1") and folders.find(SpecialUse.ALL) is not None
        self.know(folders, is_gmail=is_gmail)
        return folders

    def know(self, folders: Folders, *, is_gmail: bool) -> None:
        """Take a listing that somebody else has just read."""
        self._folders, self._listed_at = folders, self._clock()
        self.is_gmail = is_gmail

    async def folders(self) -> Folders:
        """The mailboxes, from memory where they are known."""
        async with self._listing:
            known = self._folders
            return known if known is not None else await self.run(self.list)

    async def find(self, use: SpecialUse) -> Mailbox | None:
        """The mailbox of a use; an old listing that lacks it is made anew."""
        async with self._listing:
            folders = self._folders
            found = folders.find(use) if folders is not None else None
            if found is None and (folders is None or self._is_stale()):
                found = (await self.run(self.list)).find(use)
        return found

    async def mailbox(self, path: str) -> Mailbox:
        """The mailbox at ``path`` as the listing tells of it; a bare one if it does not."""
        found = (await self.folders()).by_path(path)
        return found if found is not None else Mailbox(path, None)

    async def resolve(self, path: str) -> str:
        """A path with INBOX in capitals, or that of a special use (contract B-045, B-046).

        Raises :exc:`NotFound` for a use that no mailbox has.
        """
        if path.upper() == "INBOX":
            return "INBOX"
        if not path.startswith("\\"):
            return path
        wanted = path.lower()
        use = next((use for use in SpecialUse if use.lower() == wanted), None)
        if use is None:
            return path  # a name may begin that way too
        if use is SpecialUse.INBOX:
            return "INBOX"
        found = await self.find(use)
        if found is None:
            raise no_folder()
        return found.path

    def forget_folders(self) -> None:
        """What is remembered of the mailboxes is no longer true."""
        self._folders = None

    def wire_name(self, path: str, connection: ImapConnection) -> bytes:
        """As the server spelled it, else as ``connection`` spells names.

        Raises :exc:`NotFound` for what can be no name.
        """
        known = self._folders.wire_names.get(path) if self._folders is not None else None
        if known is not None:
            return known
        try:
            return connection.wire_name(path)
        except LocalProtocolError as error:
            raise no_folder() from error

    def _likely_name(self, path: str) -> bytes:
        """What a mailbox is called where it is open already; wrong, it costs a SELECT."""
        known = self._folders.wire_names.get(path) if self._folders is not None else None
        return known or path.encode("utf-8", "replace")

    def _is_stale(self) -> bool:
        return self._clock() - self._listed_at > _STALE_S

    # Selecting

    async def _enter(
        self, connection: ImapConnection, name: bytes, *, read_only: bool, waits: bool = True
    ) -> SelectedMailbox | None:
        """Select a mailbox unless it is; what has happened in it meanwhile is known either way.

        Without ``waits`` it is known to the server when the next command comes, which is enough
        for what names messages by UID. Nothing was changed before it, so what is lost here can be
        begun again.
        """
        selected = connection.selected
        try:
            if (
                selected is None
                or selected.wire_name != name
                or (selected.is_read_only and not read_only)
                or self._clock() - (selected.selected_at or 0.0) > _RESELECT_S
            ):
                return await self._select(connection, name, read_only=read_only)
            if waits:
                await connection.noop()
            else:
                connection.noop_ahead()
        except ConnectionLost as lost:
            raise ConnectionLost(lost.message, was_sent=False, code=lost.code) from lost
        return connection.selected

    async def _select(
        self, connection: ImapConnection, name: bytes, *, read_only: bool
    ) -> SelectedMailbox | None:
        """Select a mailbox anew; ``None`` if there is no such one."""
        try:
            mailbox = await connection.select(name, read_only=read_only)
        except CommandRefused as refused:
            is_no = refused.status.condition is Condition.NO
            if is_no and refused.code in _MISSING_MAILBOX_CODES:
                return None
            raise
        mailbox.selected_at = self._clock()
        return mailbox


@contextmanager
def as_provider_errors() -> Iterator[None]:
    """Turn what the wire raises into the kinds that a provider may raise."""
    try:
        yield
    except DialError as error:
        raise Unavailable(error.message, code="IMAPUnavailable") from error
    except RemoteProtocolError as error:
        raise RemoteFailure(f"The mail server does not speak IMAP: {error.message}") from error
    except LocalProtocolError as error:
        raise Invalid(error.message) from error


def no_message() -> NotFound:
    return NotFound("Requested message was not found", code="MessageNotFound")


def no_part() -> NotFound:
    return NotFound("Requested part was not found", code="MessageNotFound")


def no_folder() -> NotFound:
    return NotFound("Requested folder was not found", code="FolderNotFound")
