"""Mailboxes over IMAP: list with counters, create, rename, subscribe, delete; quota."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from postroad.domain.errors import Invalid
from postroad.domain.mailbox import Mailbox, MailboxCounters, MailboxEntry, split_path
from postroad.engine.providers.entries import in_order, new_path
from postroad.engine.providers.imap_folders import Folders
from postroad.engine.providers.imap_reach import ImapReach
from postroad.engine.providers.results import MadeMailbox, Quota
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.transport.imap import CommandRefused, ImapConnection

_COUNTED = ("MESSAGES", "UNSEEN", "UIDNEXT")
_STORAGE_UNIT = 1024  # octets. RFC 9208 §5.1


class ImapMailboxes:
    """Mailboxes of one account."""

    def __init__(self, reach: ImapReach) -> None:
        self._reach = reach

    async def entries(self, *, counters: bool) -> list[MailboxEntry]:
        async def work(connection: ImapConnection) -> tuple[Folders, list[MailboxStatus]]:
            folders = await self._reach.list(connection)
            if not counters:
                return folders, []
            names = [folders.wire_names[mailbox.path] for mailbox in folders.mailboxes]
            return folders, await connection.status_all(_COUNTED, names=names)

        folders, counted = await self._reach.run(work)
        counts = {status.wire_name: status for status in counted}
        return in_order(
            _entry(mailbox, counts.get(folders.wire_names[mailbox.path]), counters=counters)
            for mailbox in folders.mailboxes
        )

    async def create(self, levels: Sequence[str]) -> MadeMailbox:
        path = await self._path_of(levels)

        async def work(connection: ImapConnection) -> MadeMailbox:
            name = self._reach.wire_name(path, connection)
            try:
                mailbox_id = await connection.create(name)
            except CommandRefused as refused:
                folders = await self._reach.list(connection)
                if refused.code == "ALREADYEXISTS" or path in folders.wire_names:
                    return MadeMailbox(path, is_new=False)
                raise _refusal(refused, code="CreateFailed") from refused
            with suppress(CommandRefused):  # what nobody is subscribed to many clients hide
                await connection.subscribe(name)
            await self._reach.list(connection)
            return MadeMailbox(path, True, mailbox_id)

        return await self._reach.run(work, may_repeat=False)

    async def rename(self, path: str, levels: Sequence[str]) -> str:
        old = await self._reach.resolve(path)
        new = await self._path_of(levels)

        async def work(connection: ImapConnection) -> None:
            reach = self._reach
            names = reach.wire_name(old, connection), reach.wire_name(new, connection)
            await connection.unselect()  # some servers rename nothing that is in use
            try:
                await connection.rename(*names)
            except CommandRefused as refused:
                raise _refusal(refused, code="RenameFailed") from refused
            with suppress(CommandRefused):
                await connection.unsubscribe(names[0])
            await self._reach.list(connection)

        await self._reach.run(work, may_repeat=False)
        return new

    async def subscribe(self, path: str, *, subscribed: bool) -> bool:
        path = await self._reach.resolve(path)

        async def work(connection: ImapConnection) -> bool:
            name = self._reach.wire_name(path, connection)
            try:
                await (connection.subscribe if subscribed else connection.unsubscribe)(name)
            except CommandRefused:
                return False
            return True

        return await self._reach.run(work)

    async def delete(self, path: str) -> bool:
        path = await self._reach.resolve(path)

        async def work(connection: ImapConnection) -> bool:
            name = self._reach.wire_name(path, connection)
            await connection.unselect()
            try:
                await connection.delete(name)
            except CommandRefused:
                return False
            with suppress(CommandRefused):
                await connection.unsubscribe(name)
            await self._reach.list(connection)
            return True

        return await self._reach.run(work, may_repeat=False)

    async def quota(self) -> Quota | None:
        """The tightest quota of INBOX that counts octets."""
        found = await self._reach.run(lambda connection: connection.quota())
        uses = [quota.resources.get("STORAGE") for quota in found or ()]
        known = [use for use in uses if use is not None and use.limit > 0]
        if not known:
            return None
        tightest = max(known, key=lambda use: use.used / use.limit)
        return Quota(tightest.used * _STORAGE_UNIT, tightest.limit * _STORAGE_UNIT)

    async def _path_of(self, levels: Sequence[str]) -> str:
        """The path, below the prefix where all of the user's mailboxes have to lie."""
        folders = await self._reach.folders()
        path = new_path(levels, folders.delimiter)
        prefix = folders.prefix
        is_outside = bool(prefix) and path != "INBOX" and not path.startswith(prefix)
        return prefix + path if is_outside else path


def _entry(mailbox: Mailbox, status: MailboxStatus | None, *, counters: bool) -> MailboxEntry:
    parent, name = split_path(mailbox.path, mailbox.delimiter)
    counted = None
    if counters:
        counted = MailboxCounters(error="The mail server does not count this mailbox")
    if counters and status is not None:
        counted = MailboxCounters(status.messages, status.unseen)
    return MailboxEntry(
        mailbox,
        parent_path=parent,
        name=name,
        messages=None if status is None else status.messages,
        uid_next=None if status is None else status.uidnext,
        counters=counted,
    )


def _refusal(refused: CommandRefused, *, code: str) -> Invalid:
    """Contract B-022, B-078, B-079: the server's code, and its words in the details."""
    return Invalid(
        refused.status.text or refused.message,
        code=refused.code or code,
        info={"details": {"response": refused.status.line}},
    )
