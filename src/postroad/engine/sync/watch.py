"""Following all mailboxes of an account over one connection.

The connection stays in IDLE on the main mailbox. What happens in others is told by the server
where it has NOTIFY, and else found by counting them every now and then. Between two changes
nothing is kept but the cursor of the main mailbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from postroad.domain.account import Account, ImapSettings
from postroad.domain.errors import RemoteFailure
from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.mailbox_state import MailboxCursor, MailboxState, SyncError
from postroad.engine.providers.imap_folders import MANY_MAILBOXES, Folders, take_listing
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.diff import Plan, plan
from postroad.engine.sync.folders import choose
from postroad.engine.sync.heard import News
from postroad.engine.sync.ingest import Ingest
from postroad.engine.sync.look import Followed, Looker, NoLastingUids
from postroad.engine.sync.troubles import Troubles
from postroad.observe import get_logger
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.store import Store, Tx
from postroad.store.messages import Cursors, decode_listing
from postroad.transport.imap import CommandRefused, IdleEnd

log = get_logger("postroad.sync")

ITEMS = ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ")
IDLE_S = 300.0  # then IDLE begins anew: a sign of life in both directions
# Mail comes in company, and Dovecot gathers for half a second what it tells to whoever waits; who
# begins to wait is told at once. So after new mail IDLE begins anew a few times, soon.
_SOON_S = (0.1, 0.2, 0.4)
NOTIFY_ROUND_S = 3600.0  # a server that tells everything is still asked now and then
_SELECTING = ("SELECT", "EXAMINE")
_NOTIFY_NAMES = 100  # that fit on a line
_CALM_SHARE = 4.0  # of a look's time, until the next one that nobody waits for
_CALM_MAX_S = 5.0
_LONG_LISTING = 100_000  # characters; a mailbox takes some hundred
# IDLE that says nothing, or ends without a word. Contract B-235.
_IDLE_LIMITS_S = {"rambler.ru": 55.0, "163.com": 55.0, "yahoo.com": 180.0}
_IDLE_IS_MUTE = ("163.com",)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a round over all mailboxes has found."""

    folders: Folders
    chosen: Sequence[Mailbox]  # that are followed, the main one first

    @property
    def main(self) -> Followed:
        return self.followed(self.chosen[0])

    def followed(self, mailbox: Mailbox) -> Followed:
        """One of ``chosen``."""
        return Followed(mailbox, self.folders.wire_names[mailbox.path])


class Watch:
    """One session. ``held`` are paths that other sessions of the same account follow.

    ``turn`` is held while a mailbox is looked at that another session may take over.
    """

    def __init__(
        self,
        connection: Connection,
        store: Store,
        ingest: Ingest,
        looker: Looker,
        account: Account,
        imap: ImapSettings,
        *,
        on_listing: Callable[[Folders], None],
        held: set[str],
        turn: asyncio.Lock,
    ) -> None:
        self._connection = connection
        self._store = store
        self._ingest = ingest
        self._looker = looker
        self._account = account
        self._imap = imap
        self._on_listing = on_listing
        self._held = held
        self._turn = turn
        self._troubles = Troubles()
        self._is_asked = False
        self._has_notify = self._is_notify_refused = False
        self._told_of: tuple[bytes, ...] | None = None  # None: of all
        self._main: Followed | None = None
        self._calm_until_s = 0.0
        self._in_vain = 0  # looks in a row that found nothing
        self._soon: Iterator[float] = iter(())  # seconds to the next signs of life

    def ask(self) -> None:
        """Look at every mailbox soon."""
        self._is_asked = True
        self._connection.stop_idle()

    async def run(self, on_synced: Callable[[Learned], Awaitable[None]]) -> None:
        """Follow until the connection ends; always ends with an exception.

        ``on_synced`` hears that every mailbox was looked at, each time.
        """
        if self._connection.can("ENABLE"):
            await self._connection.enable("QRESYNC")
        loop = asyncio.get_running_loop()
        cursor, learned = await self._round()
        await on_synced(learned)
        await self._be_told(learned)
        del learned
        next_round_s = loop.time() + self._round_s
        while True:
            news = News()
            until_s = min(next_round_s, self._troubles.next_s or next_round_s)
            idle_s = next(self._soon, self._idle_s)
            wait_s = max(0.0, min(idle_s, until_s - loop.time()))
            # Who asked while a round was running means what happened behind its back.
            end = IdleEnd.STOPPED
            if not self._is_asked:
                end = await self._connection.idle(news.hear, max_s=wait_s)
            if news.is_of_selected and cursor is not None:
                cursor = await self._follow(cursor, news)
            elif end is IdleEnd.EXPIRED and self._is_mute:
                cursor = await self._open(self._main) if self._main is not None else None
            if news.statuses:
                cursor = await self._look_at_told(news, cursor)
            is_due = loop.time() >= until_s
            if is_due or self._is_asked or news.is_all or news.is_listing:
                cursor, learned = await self._round()
                await on_synced(learned)
                await self._be_told(learned)
                del learned
                next_round_s = loop.time() + self._round_s

    async def _be_told(self, learned: Learned) -> None:
        """Ask the server to tell of all that is followed, where it has NOTIFY."""
        if not self._connection.can("NOTIFY") or self._is_notify_refused:
            return
        names = None
        if self._account.paths is not None:
            if len(learned.chosen) > _NOTIFY_NAMES:
                return
            wire_names = learned.folders.wire_names
            names = tuple(wire_names[one.path] for one in learned.chosen)
        if self._has_notify and names == self._told_of:
            return
        try:
            # With the counts of now: what came since we counted is found by them.
            await self._connection.notify(mailboxes=names, status=True)
            self._has_notify, self._told_of = True, names
        except CommandRefused:
            self._is_notify_refused = True  # then it is asked as any other server is

    # The main mailbox

    async def _follow(self, cursor: MailboxCursor, news: News) -> MailboxCursor | None:
        """Look at the main mailbox; ``None`` when it has to be selected again."""
        loop = asyncio.get_running_loop()
        if self._in_vain or not news.is_growth_alone:
            await asyncio.sleep(min(_CALM_MAX_S, max(0.0, self._calm_until_s - loop.time())))
        began_s, before = loop.time(), cursor
        try:
            cursor = await self._looker.follow(cursor, news)
        except CommandRefused as refused:
            await self._note(cursor.path, refused, None)
            return None
        except ValueError:
            self._is_asked = True  # what is stored cannot be read; selecting it begins anew
            return None
        ended_s = loop.time()
        # A server that goes on about mail that is not there is listened to ever more slowly.
        is_vain = news.is_growth_alone and cursor == before
        if cursor.uidnext != before.uidnext and not self._is_mute:
            self._soon = iter(_SOON_S)
        self._in_vain = self._in_vain + 1 if is_vain else 0
        calm_s = (ended_s - began_s) * _CALM_SHARE * 2 ** min(self._in_vain, 12)
        self._calm_until_s = ended_s + min(_CALM_MAX_S, calm_s)
        return cursor

    # All mailboxes

    async def _round(self) -> tuple[MailboxCursor | None, Learned]:
        """Look at every mailbox that has changed, and select the main one."""
        self._is_asked = False
        early = await self._open_early() if self._main is None else None
        learned = await self._learn()
        cursors = await self._cursors()
        is_lost = not cursors.paths() and await self._was_connected()  # contract B-228
        await self._forget(learned, cursors)
        self._main = main = learned.main
        # The main one first: new mail there must not wait for the counts of all others.
        if early is None or early.path != main.mailbox.path:
            early = await self._open(main, is_lost=is_lost)
        cursor = early
        wire_names = learned.folders.wire_names
        waiting = [one for one in learned.chosen[1:] if one.path not in self._held]
        names = [wire_names[one.path] for one in waiting if one.path in cursors]
        counts: dict[bytes, MailboxStatus] = {}
        if names:
            found = await self._connection.status_all(ITEMS, names=names)
            counts = {one.wire_name: one for one in found}
        has_left = False
        for number, mailbox in enumerate(waiting, 1):
            if number % MANY_MAILBOXES == 0:
                await asyncio.sleep(0)  # others have their turn
            status = counts.get(wire_names[mailbox.path])
            if self._has_changed(cursors.get(mailbox.path), mailbox, status):
                has_left = True
                await self._visit(learned.followed(mailbox), status, is_lost=is_lost)
        if has_left:
            cursor = await self._open(main)
        if not self._troubles:
            await self._clear_error()
        return cursor, learned

    async def _open_early(self) -> MailboxCursor | None:
        """Select what was the main mailbox the last time, before anything else is asked.

        New mail is told that much sooner, and a large Maildir is spared a reading: Dovecot does
        it when the mailboxes were listed before.
        """
        is_gmail = self._connection.can("X-GM-EXT-1")
        if self._account.paths is None and not is_gmail:
            main: Mailbox | None = Mailbox("INBOX", None, SpecialUse.INBOX)
        else:
            encoded = await self._store.read(
                lambda tx: tx.messages.listing(self._account.account), quick=True
            )
            known = await _decoded(encoded)
            main = next(iter(choose(known, self._account.paths, is_gmail=is_gmail)), None)
        if main is not None:
            cursor = await self._looker.cursor(main.path)
            if cursor is not None and cursor.is_ready:
                main = replace(main, delimiter=cursor.delimiter)
                return await self._open(Followed(main, self._connection.wire_name(main.path)))
        return None

    async def _learn(self) -> Learned:
        listing = await self._connection.list_mailboxes()
        folders = await take_listing(listing, await self._connection.namespace(), self._imap)
        del listing
        if not folders.mailboxes:
            raise RemoteFailure("The mail server lists no mailboxes")  # contract B-066
        is_gmail = self._connection.can("X-GM-EXT-1")
        chosen = choose(folders.mailboxes, self._account.paths, is_gmail=is_gmail)
        if not chosen:
            await self._ingest.put_listing(folders.mailboxes)
            await self._forget(Learned(folders, []), await self._cursors())
            raise RemoteFailure("None of the mailboxes that shall be followed exists")
        await self._ingest.put_listing(folders.mailboxes)
        self._on_listing(folders)
        return Learned(folders, chosen)

    async def _forget(self, learned: Learned, cursors: Cursors) -> None:
        """Drop what is not there any more, and what is not followed any more."""
        followed = {one.path for one in learned.chosen}
        self._troubles.keep(followed)
        for path in cursors.paths() - followed:
            cursor = cursors.get(path)
            if cursor is not None:
                is_there = path in learned.folders.wire_names
                await self._ingest.forget(cursor, is_deleted=not is_there)

    async def _look_at_told(self, news: News, cursor: MailboxCursor | None) -> MailboxCursor | None:
        """Look at mailboxes of which the server has told new counts."""
        has_left = False
        for status in news.statuses.values():
            if self._main is not None and status.wire_name == self._main.wire_name:
                continue
            known = await self._looker.cursor(status.path)
            if known is None:
                news.is_listing = True  # a mailbox that is new to us
                continue
            mailbox = Mailbox(known.path, known.delimiter, known.special_use)
            if known.path in self._held or not self._has_changed(known, mailbox, status):
                continue
            has_left = True
            await self._visit(Followed(mailbox, status.wire_name), status)
        if has_left and self._main is not None:
            return await self._open(self._main)
        return cursor

    async def _visit(
        self, followed: Followed, status: MailboxStatus | None, *, is_lost: bool = False
    ) -> None:
        async with self._turn:
            if followed.mailbox.path not in self._held:
                await self._open(followed, status, is_lost=is_lost)

    def _has_changed(
        self, cursor: MailboxCursor | None, mailbox: Mailbox, status: MailboxStatus | None
    ) -> bool:
        """Whether a mailbox is worth selecting."""
        now_s = asyncio.get_running_loop().time()
        if not self._troubles.may_look(mailbox.path, now_s, status):
            return False
        if cursor is None or status is None or not cursor.is_ready or not cursor.is_told:
            return True
        if status.uidvalidity is None or status.messages is None:
            return True
        seen = MailboxState(
            status.uidvalidity, status.uidnext, status.messages, status.highestmodseq
        )
        return plan(cursor, seen, now=self._store.now()) is not Plan.NOTHING

    async def _open(
        self,
        followed: Followed | None,
        status: MailboxStatus | None = None,
        *,
        is_lost: bool = False,
    ) -> MailboxCursor | None:
        """Select a mailbox and look at it; ``None`` when it refuses, which harms no other.

        ``is_lost`` tells that it was known once, if nothing is known of it now.
        """
        if followed is None:
            return None
        path = followed.mailbox.path
        try:
            cursor = await self._looker.open(followed, is_lost=is_lost)
        except (CommandRefused, NoLastingUids) as refused:
            await self._note(path, refused, status)
            return None
        self._troubles.clear(path)
        return cursor

    async def _note(
        self, path: str, refused: CommandRefused | NoLastingUids, status: MailboxStatus | None
    ) -> None:
        is_select = isinstance(refused, NoLastingUids) or refused.command in _SELECTING
        now_s = asyncio.get_running_loop().time()
        self._troubles.note(path, now_s, is_select=is_select, status=status)
        log.warning(
            "mailbox cannot be followed",
            account=self._account.account,
            path=path,
            error=refused.message,
        )
        error = SyncError(path, self._store.now(), refused.message)
        await self._store.write(
            lambda tx: tx.accounts.set_status(self._account.account, sync_error=error)
        )

    async def _clear_error(self) -> None:
        async def unit(tx: Tx) -> None:
            status = await tx.accounts.find_status(self._account.account)
            if status is not None and status.sync_error is not None:
                await tx.accounts.set_status(self._account.account, sync_error=None)

        await self._store.write(unit)

    async def _was_connected(self) -> bool:
        status = await self._store.read(lambda tx: tx.accounts.status(self._account.account))
        return status.connected_before

    async def _cursors(self) -> Cursors:
        return await self._store.read(
            lambda tx: tx.messages.cursors(self._account.account), quick=True
        )

    # Times

    @property
    def _round_s(self) -> float:
        polled_s = float(self._imap.resync_delay_s)
        # Whoever is told of some mailboxes is not told of a new one.
        is_told_all = self._has_notify and self._told_of is None
        return max(polled_s, NOTIFY_ROUND_S) if is_told_all else polled_s

    @property
    def _idle_s(self) -> float:
        return _by_host(self._imap.host, _IDLE_LIMITS_S, IDLE_S)

    @property
    def _is_mute(self) -> bool:
        return self._imap.host.lower().endswith(_IDLE_IS_MUTE)


async def _decoded(encoded: str) -> list[Mailbox]:
    if len(encoded) > _LONG_LISTING:
        return await asyncio.to_thread(decode_listing, encoded)
    return decode_listing(encoded)


def _by_host(host: str, limits: dict[str, float], default: float) -> float:
    host = host.lower()
    return next((limit for name, limit in limits.items() if host.endswith(name)), default)
