"""Messages in the mailboxes of sandbox accounts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from postroad.domain.submission import Content
from postroad.store.accounts import Accounts
from postroad.store.backend import Row, Session

MAX_MESSAGES = 10_000  # that one mailbox keeps; the oldest make room for new ones


@dataclass(frozen=True, slots=True)
class SandboxMessage:
    """One message as it lies in its mailbox. A copy of its row."""

    account: str
    mailbox: str
    uid: int  # from 1, grows, never reused
    flags: tuple[str, ...]
    received_at: int  # epoch ms; IMAP's internal date
    message_id: str  # with <>; empty when the message has none
    content: Content


@dataclass(frozen=True, slots=True)
class SandboxFolder:
    """A mailbox that somebody made, or one of the usual ones with another subscription."""

    mailbox: str
    is_subscribed: bool
    made_at: int  # epoch ms


class Sandbox:
    """Sandbox mailboxes. Each message owns its content and takes it along when it goes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._accounts = Accounts(session)

    async def find_account(self, email: str) -> str | None:
        """The sandbox account whose address this is, in any case; the first by id if several."""
        for row in await self._session.many("sandbox_accounts_of", email=email.lower()):
            if await self.has_account(row[0]):
                return str(row[0])
        return None

    async def has_account(self, account: str) -> bool:
        """Whether this is a sandbox account that still exists."""
        found = await self._accounts.find(account)
        return found is not None and found.is_sandbox

    async def put(
        self,
        account: str,
        mailbox: str,
        *,
        message_id: str,
        content: Content,
        flags: Sequence[str],
        received_at: int | None = None,
    ) -> int:
        """Add a message whose content was inserted in this unit; its UID.

        Raises :exc:`Conflict` when the account does not exist. Beyond :data:`MAX_MESSAGES` the
        oldest go.
        """
        place = {"account": account, "mailbox": mailbox}
        uid = int((await self._session.one("sandbox_next_uid", **place))[0])
        await self._session.run(
            "sandbox_insert",
            **place,
            uid=uid,
            flags=json.dumps(list(flags)),
            received_at=self._session.now if received_at is None else received_at,
            message_id=message_id,
            content_id=content.content_id,
        )
        if uid > MAX_MESSAGES:
            await self._session.run("sandbox_trim", **place, uid=uid - MAX_MESSAGES)
        return uid

    async def find(self, account: str, mailbox: str, uid: int) -> SandboxMessage | None:
        row = await self._session.maybe("sandbox_find", account=account, mailbox=mailbox, uid=uid)
        return None if row is None else _message(row)

    async def find_by_message_id(self, account: str, mailbox: str, message_id: str) -> int | None:
        """The UID of the newest message with this Message-ID."""
        row = await self._session.maybe(
            "sandbox_find_by_message_id", account=account, mailbox=mailbox, message_id=message_id
        )
        return None if row is None else int(row[0])

    async def set_flags(self, account: str, mailbox: str, uid: int, flags: Sequence[str]) -> bool:
        """Replace the flags; false when there is no such message."""
        changed = await self._session.run(
            "sandbox_set_flags",
            account=account,
            mailbox=mailbox,
            uid=uid,
            flags=json.dumps(list(flags)),
        )
        return changed == 1

    async def page(
        self, account: str, mailbox: str, *, skip: int, limit: int
    ) -> list[SandboxMessage]:
        """Messages newest first, without the newest ``skip``."""
        rows = await self._session.many(
            "sandbox_page", account=account, mailbox=mailbox, skip=skip, limit=limit
        )
        return [_message(row) for row in rows]

    async def count(self, account: str, mailbox: str) -> int:
        row = await self._session.one("sandbox_count", account=account, mailbox=mailbox)
        return int(row[0])

    async def flags(self, account: str) -> list[tuple[str, tuple[str, ...]]]:
        """Mailbox and flags of every message."""
        rows = await self._session.many("sandbox_flags", account=account)
        return [(row[0], tuple(json.loads(row[1]))) for row in rows]

    async def last_uids(self, account: str) -> dict[str, int]:
        """The last UID given out in each mailbox that ever had a message."""
        return {
            row[0]: int(row[1])
            for row in await self._session.many("sandbox_last_uids", account=account)
        }

    async def move(self, account: str, mailbox: str, uid: int, destination: str) -> int | None:
        """Move one message; its new UID, or ``None`` when it is not there."""
        if await self.find(account, mailbox, uid) is None:
            return None
        place = {"account": account, "mailbox": destination}
        new_uid = int((await self._session.one("sandbox_next_uid", **place))[0])
        await self._session.run(
            "sandbox_move",
            account=account,
            mailbox=mailbox,
            uid=uid,
            destination=destination,
            new_uid=new_uid,
        )
        if new_uid > MAX_MESSAGES:
            await self._session.run("sandbox_trim", **place, uid=new_uid - MAX_MESSAGES)
        return new_uid

    async def delete(self, account: str, mailbox: str, uid: int) -> bool:
        """Expunge one message; false when it is not there."""
        deleted = await self._session.run(
            "sandbox_delete", account=account, mailbox=mailbox, uid=uid
        )
        return deleted == 1

    async def folders(self, account: str) -> list[SandboxFolder]:
        """What was made or changed, by path."""
        rows = await self._session.many("sandbox_folders", account=account)
        return [SandboxFolder(row[0], bool(row[1]), int(row[2])) for row in rows]

    async def put_folder(
        self, account: str, mailbox: str, *, is_subscribed: bool, made_at: int
    ) -> None:
        """Make a mailbox, or change the subscription of one. Raises :exc:`Conflict`."""
        await self._session.run(
            "sandbox_put_folder",
            account=account,
            mailbox=mailbox,
            is_subscribed=int(is_subscribed),
            made_at=made_at,
        )

    async def delete_folder(self, account: str, mailbox: str) -> None:
        """Drop a mailbox with everything in it."""
        place = {"account": account, "mailbox": mailbox}
        await self._session.run("sandbox_delete_folder", **place)
        await self._session.run("sandbox_delete_mailbox", **place)

    async def move_folder(self, account: str, mailbox: str, destination: str) -> None:
        """Give a mailbox another path; the messages keep their UIDs."""
        place = {"account": account, "mailbox": mailbox}
        await self._session.run("sandbox_copy_mailbox", **place, destination=destination)
        await self._session.run("sandbox_move_all", **place, destination=destination)
        await self.delete_folder(account, mailbox)

    async def list(self, account: str, mailbox: str, *, limit: int) -> list[SandboxMessage]:
        """The newest messages, newest first."""
        rows = await self._session.many(
            "sandbox_list", account=account, mailbox=mailbox, limit=limit
        )
        return [_message(row) for row in rows]


def _message(row: Row) -> SandboxMessage:
    return SandboxMessage(
        account=row[0],
        mailbox=row[1],
        uid=row[2],
        flags=tuple(json.loads(row[3])),
        received_at=row[4],
        message_id=row[5],
        content=Content(content_id=row[6], size=row[7], bcc_start=row[8], bcc_end=row[9]),
    )
