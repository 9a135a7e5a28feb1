"""The mailboxes of a sandbox account: five that are always there, and what people add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from postroad.domain.account import Account
from postroad.domain.errors import Invalid, NotFound
from postroad.domain.event import Event
from postroad.domain.mailbox import (
    Mailbox,
    MailboxCounters,
    MailboxEntry,
    SpecialUse,
    split_path,
)
from postroad.engine.providers.entries import in_order, new_path
from postroad.engine.providers.results import MadeMailbox
from postroad.engine.providers.sandbox_news import SandboxNews, count
from postroad.store import Store, Tx
from postroad.store.sandbox import SandboxFolder

DELIMITER = "/"
MAX_FOLDERS = 1000

MAILBOXES = tuple(
    Mailbox(path=path, delimiter=DELIMITER, special_use=use, special_use_source="extension")
    for path, use in (
        ("INBOX", SpecialUse.INBOX),
        ("Drafts", SpecialUse.DRAFTS),
        ("Junk", SpecialUse.JUNK),
        ("Sent", SpecialUse.SENT),
        ("Trash", SpecialUse.TRASH),
    )
)
INBOX = MAILBOXES[0]
_USUAL = {mailbox.path: mailbox for mailbox in MAILBOXES}


@dataclass(frozen=True, slots=True)
class Place:
    """One mailbox in one of its lives."""

    mailbox: Mailbox
    uidvalidity: str

    @property
    def path(self) -> str:
        return self.mailbox.path


class SandboxFolders:
    """Mailboxes of one account, as rows."""

    def __init__(self, account: Account, store: Store) -> None:
        self._configured = account
        self._account = account.account
        # An account deleted and made again is another life of its mailboxes.
        self._life = str(account.created_at)
        self._store = store

    async def all(self) -> list[Place]:
        """Every mailbox, the usual ones first."""
        return self._places(await self._store.read(self._read))

    async def get(self, path: str) -> Place:
        """The mailbox at a path, or of a special use. Raises :exc:`NotFound`."""
        usual = _find_usual(path)
        if usual is not None:
            return Place(usual, self._life)
        for place in await self.all():
            if place.path == path:
                return place
        raise no_folder()

    async def alive(self, path: str, uidvalidity: str) -> Place | None:
        """The mailbox at ``path`` if it still lives the life that an id means."""
        try:
            place = await self.get(path)
        except NotFound:
            return None
        return place if place.uidvalidity == uidvalidity else None

    async def entries(self, *, counters: bool) -> list[MailboxEntry]:
        async def unit(tx: Tx) -> tuple[list[SandboxFolder], list[tuple[str, tuple[str, ...]]]]:
            return await tx.sandbox.folders(self._account), await tx.sandbox.flags(self._account)

        async def uids(tx: Tx) -> dict[str, int]:
            return await tx.sandbox.last_uids(self._account)

        folders, flags = await self._store.read(unit)
        last_uids = await self._store.read(uids)
        counts: dict[str, list[int]] = {}
        for path, own in flags:
            count = counts.setdefault(path, [0, 0])
            count[0] += 1
            count[1] += "\\seen" not in {flag.lower() for flag in own}
        found = []
        for place in self._places(folders):
            parent, name = split_path(place.path, DELIMITER)
            messages, unseen = counts.get(place.path, [0, 0])
            found.append(
                MailboxEntry(
                    place.mailbox,
                    parent_path=parent,
                    name=name,
                    messages=messages,
                    uid_next=last_uids.get(place.path, 0) + 1,
                    counters=MailboxCounters(messages, unseen) if counters else None,
                )
            )
        return in_order(found)

    async def create(self, levels: Sequence[str]) -> MadeMailbox:
        path = new_path(levels, DELIMITER)

        async def unit(tx: Tx) -> tuple[bool, list[Event]]:
            folders = await tx.sandbox.folders(self._account)
            if any(place.path == path for place in self._places(folders)):
                return False, []
            if len(folders) >= MAX_FOLDERS:
                raise Invalid("The account has too many mailboxes", code="LIMIT")
            await tx.sandbox.put_folder(self._account, path, is_subscribed=True, made_at=tx.now)
            news = SandboxNews(tx, self._configured)
            news.mailbox_made(_mailbox(path), tx.now)
            return True, await news.record()

        is_new, events = await self._store.write(unit)
        count(events)
        return MadeMailbox(path, is_new)

    async def rename(self, path: str, levels: Sequence[str]) -> str:
        """Move a mailbox and all below it; each begins a new life. Raises :exc:`Invalid`."""
        place = await self.get(path)
        if place.path in _USUAL:
            raise Invalid(f"{place.path} cannot be renamed", code="CANNOT")
        target = new_path(levels, DELIMITER)

        async def unit(tx: Tx) -> list[Event]:
            news = SandboxNews(tx, self._configured)
            folders = await tx.sandbox.folders(self._account)
            if any(known.path == target for known in self._places(folders)):
                raise Invalid("There is a mailbox of that name", code="ALREADYEXISTS")
            for folder in folders:
                below = folder.mailbox.startswith(place.path + DELIMITER)
                if folder.mailbox != place.path and not below:
                    continue
                moved = target + folder.mailbox[len(place.path) :]
                await tx.sandbox.put_folder(
                    self._account, moved, is_subscribed=folder.is_subscribed, made_at=tx.now
                )
                await tx.sandbox.move_folder(self._account, folder.mailbox, moved)
                news.mailbox_gone(_mailbox(folder.mailbox))
                news.mailbox_made(_mailbox(moved), tx.now)
            return await news.record()

        if target.startswith(place.path + DELIMITER):
            raise Invalid("A mailbox cannot be moved below itself", code="CANNOT")
        if target != place.path:
            count(await self._store.write(unit))
        return target

    async def subscribe(self, path: str, *, subscribed: bool) -> bool:
        place = await self.get(path)

        async def unit(tx: Tx) -> None:
            await tx.sandbox.put_folder(
                self._account, place.path, is_subscribed=subscribed, made_at=tx.now
            )

        await self._store.write(unit)
        return True

    async def delete(self, path: str) -> bool:
        """Delete a mailbox; the usual ones stay."""
        place = await self.get(path)
        if place.path in _USUAL:
            return False

        async def unit(tx: Tx) -> list[Event]:
            await tx.sandbox.delete_folder(self._account, place.path)
            news = SandboxNews(tx, self._configured)
            news.mailbox_gone(place.mailbox)
            return await news.record()

        count(await self._store.write(unit))
        return True

    async def _read(self, tx: Tx) -> list[SandboxFolder]:
        return await tx.sandbox.folders(self._account)

    def _places(self, folders: Sequence[SandboxFolder]) -> list[Place]:
        changed = {folder.mailbox: folder for folder in folders}
        places = []
        for path, mailbox in _USUAL.items():
            if (known := changed.pop(path, None)) is not None:
                mailbox = replace(mailbox, subscribed=known.is_subscribed)
            places.append(Place(mailbox, self._life))
        for path, folder in changed.items():
            mailbox = _mailbox(path, subscribed=folder.is_subscribed)
            places.append(Place(mailbox, str(folder.made_at)))
        return places


def _mailbox(path: str, *, subscribed: bool = True) -> Mailbox:
    return Mailbox(path=path, delimiter=DELIMITER, subscribed=subscribed)


def no_folder() -> NotFound:
    return NotFound("Requested folder was not found", code="FolderNotFound")


def _find_usual(path: str) -> Mailbox | None:
    if path.upper() == "INBOX":  # the one name without case. RFC 9051 §5.1
        return _USUAL["INBOX"]
    if path.startswith("\\"):
        wanted = path.lower()
        found = (one for one in MAILBOXES if one.special_use and one.special_use.lower() == wanted)
        return next(found, None)
    return _USUAL.get(path)
