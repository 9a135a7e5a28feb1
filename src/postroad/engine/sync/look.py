"""Looking at one mailbox: the first time, again after an absence, and while it is selected.

What is seen goes to :class:`~postroad.engine.sync.ingest.Ingest` in batches, so that a look that
is cut off goes on where it was. Old mail is known first and announced afterwards, new mail is
announced in the order of its UIDs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from postroad.domain.errors import LeaseLost, RemoteFailure
from postroad.domain.mailbox import Mailbox
from postroad.domain.mailbox_state import Indexer, MailboxCursor, MailboxState
from postroad.domain.message_index import Entry, Marks, fingerprint
from postroad.engine.sync.arrivals import BATCH, Arrivals, row_marks
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.diff import Plan, Sight, is_complete, plan
from postroad.engine.sync.heard import News
from postroad.engine.sync.ingest import Ingest
from postroad.engine.sync.recent import find_recent
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.mailbox_commands import QresyncParams
from postroad.protocol.imap.numset import MAX_NUMBER, NumSet
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.store import Store

INDEX_BATCH = 2500  # messages in one command of a full pass; five chunks
_FEW = 50  # new messages that are read without asking which they are


class NoLastingUids(RemoteFailure):
    """A mailbox without UIDVALIDITY: what is known of it now would be of no use later."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A mailbox that is followed, and how it is named on the wire."""

    mailbox: Mailbox
    wire_name: bytes


@dataclass(frozen=True, slots=True)
class Rules:
    """How an account's mailboxes are followed."""

    account: str
    indexer: Indexer
    notify_from: int | None  # epoch ms; older mail is not announced
    threading: bool = False


class Looker:
    """Looks at mailboxes over one connection, one at a time.

    ``on_met`` hears when all old messages of a mailbox are known that were not before.
    """

    def __init__(
        self,
        connection: Connection,
        store: Store,
        ingest: Ingest,
        arrivals: Arrivals,
        rules: Rules,
        *,
        on_met: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._store = store
        self._ingest = ingest
        self._arrivals = arrivals
        self._rules = rules
        self._on_met = on_met

    async def cursor(self, path: str) -> MailboxCursor | None:
        return await self._store.read(
            lambda tx: tx.messages.cursor(self._rules.account, path), quick=True
        )

    async def open(self, followed: Followed, *, is_lost: bool = False) -> MailboxCursor:
        """Select a mailbox and bring what is known of it up to date.

        ``is_lost``: that nothing is known of it is a loss, not a first meeting. Raises
        :exc:`~postroad.transport.imap.CommandRefused` when it cannot be selected, and
        :exc:`NoLastingUids`.
        """
        cursor = await self.cursor(followed.mailbox.path)
        selected = await self._select(followed, cursor)
        state = _state(selected)
        if state.uidvalidity is None:
            raise NoLastingUids("The mailbox has no lasting UIDs, it cannot be followed")
        was_ready = cursor is not None and cursor.is_ready
        if cursor is None or cursor.uidvalidity != state.uidvalidity:
            is_lost = is_lost and cursor is None
            cursor = await self._meet(followed, selected, is_lost=is_lost)
            was_ready = False
        elif cursor.special_use is not followed.mailbox.special_use:
            cursor = await self._ingest.settle(cursor, special_use=followed.mailbox.special_use)
        try:
            cursor = await self._look(cursor, selected)
        except ValueError:
            # What is stored cannot be read: begin anew, quietly.
            cursor, was_ready = await self._meet(followed, selected, is_lost=True), False
            cursor = await self._look(cursor, selected)
        if not was_ready:
            self._on_met()
        return cursor

    async def follow(self, cursor: MailboxCursor, news: News) -> MailboxCursor:
        """Look at the selected mailbox after the server has told of changes in it."""
        selected = self._connection.selected
        assert selected is not None
        known = cursor.uidnext
        if news.has_grown or news.is_all or selected.exists > cursor.messages:
            # Where others went it cannot be counted how many came.
            asks_which = news.has_expunged or bool(news.vanished)
            cursor = await self._take_new(cursor, selected, asks_which=asks_which)
            if cursor.indexer is Indexer.FULL:
                cursor = await self._take_more(cursor, selected)
        if cursor.indexer is Indexer.FAST:
            return await self._ingest.settle(cursor, messages=selected.exists)
        if news.is_new_alone(known) and is_complete(cursor, _state(selected)):
            # MODSEQ stays behind: what the server tells again after a reconnect is no news then.
            return cursor
        sight = Sight({}, vanished=tuple(news.vanished))
        modseq = cursor.highestmodseq
        if modseq is not None:
            sight, highest = await self._changed_since(cursor, modseq, sight)
            modseq = max(modseq, highest)
        elif news.is_all:
            return await self._full_pass(cursor, selected)
        else:
            sight = replace(sight, rows=await self._flags_of(news.rows, cursor))
        cursor = await self._ingest.amend(cursor, sight)
        cursor = await self._complete(cursor, selected)
        return await self._ingest.settle(cursor, highestmodseq=modseq)

    # The parts of a look

    async def _select(self, followed: Followed, cursor: MailboxCursor | None) -> SelectedMailbox:
        qresync = None
        if (
            "QRESYNC" in self._connection.enabled
            and cursor is not None
            and cursor.is_ready
            and cursor.highestmodseq is not None
            and cursor.indexer is Indexer.FULL
        ):
            qresync = QresyncParams(cursor.uidvalidity, cursor.highestmodseq)
        return await self._connection.select(
            followed.wire_name,
            read_only=True,
            condstore=self._connection.can("CONDSTORE"),
            qresync=qresync,
        )

    async def _meet(
        self, followed: Followed, selected: SelectedMailbox, *, is_lost: bool = False
    ) -> MailboxCursor:
        state = _state(selected)
        uidnext = state.uidnext
        if uidnext is None:
            uids = await self._uids(selected)
            uidnext = uids[-1] + 1 if uids else 1
        return await self._ingest.begin(
            followed.mailbox,
            state,
            uidnext=uidnext,
            indexer=self._rules.indexer,
            is_lost=is_lost,
        )

    async def _look(self, cursor: MailboxCursor, selected: SelectedMailbox) -> MailboxCursor:
        state = _state(selected)
        if not cursor.is_ready:
            cursor = await self._build(cursor, selected)
        if not cursor.is_told:
            cursor = await self._tell_old(cursor)
        chosen = plan(cursor, state, now=self._store.now())
        if chosen is Plan.NOTHING and not selected.is_resynced:
            return cursor
        if selected.exists > cursor.messages or state.uidnext != cursor.uidnext:
            cursor = await self._take_new(cursor, selected)
            if cursor.indexer is Indexer.FULL:
                cursor = await self._take_more(cursor, selected)
        if cursor.indexer is Indexer.FAST:
            return await self._ingest.settle(cursor, messages=selected.exists)
        if chosen is Plan.FULL_PASS:
            cursor = await self._full_pass(cursor, selected)
        elif selected.is_resynced:
            known = _flags(selected.changed, cursor)
            cursor = await self._ingest.amend(
                cursor, Sight(known, vanished=selected.vanished.ranges)
            )
            selected.changed.clear()
        elif cursor.highestmodseq is not None and chosen is Plan.CHANGED_SINCE:
            sight, _ = await self._changed_since(cursor, cursor.highestmodseq, Sight({}))
            cursor = await self._ingest.amend(cursor, sight)
        cursor = await self._complete(cursor, selected)
        return await self._ingest.settle(cursor, highestmodseq=state.highestmodseq)

    async def _build(self, cursor: MailboxCursor, selected: SelectedMailbox) -> MailboxCursor:
        """Know every message that was there when the mailbox was met."""
        was_begun = cursor.uidnext > 1
        uids = await self._uids(selected)
        uids = [uid for uid in uids if cursor.uidnext <= uid < cursor.baseline]
        try:
            cursor = await self._index(cursor, uids)
        except ExceptionGroup as errors:
            # The first is why; whoever lost the lease has no other reason.
            lost = errors.subgroup(LeaseLost)
            raise (lost or errors).exceptions[0] from None
        # What changed between two halves of the look is told by MODSEQ, or looked for soon.
        is_certain = not was_begun or cursor.highestmodseq is not None
        return await self._ingest.settle(
            cursor,
            uidnext=max(cursor.uidnext, cursor.baseline),
            checked_at=self._store.now() if is_certain else 1,
        )

    async def _index(self, cursor: MailboxCursor, uids: Sequence[int]) -> MailboxCursor:
        items = self._flag_items(with_identity=True)
        async with asyncio.TaskGroup() as group:
            writing: asyncio.Task[MailboxCursor] | None = None
            for first in range(0, len(uids), INDEX_BATCH):
                batch = uids[first : first + INDEX_BATCH]
                entries = await self._entries(batch, items)
                if writing is not None:
                    cursor = await writing
                # The next batch is on its way while this one goes to the disk.
                writing = group.create_task(
                    self._ingest.index(cursor, entries, uidnext=batch[-1] + 1)
                )
            if writing is not None:
                cursor = await writing
        return cursor

    async def _entries(self, batch: Sequence[int], items: Sequence[str]) -> list[Entry]:
        found: dict[int, Entry] = {}
        salt = self._rules.account

        def take(row: Fetched) -> None:
            if row.uid is not None and row.flags is not None:
                print_ = fingerprint(salt, row.email_id) if row.email_id else 0
                found[row.uid] = Entry(row.uid, row_marks(row), print_)

        span = NumSet(((batch[0], batch[-1]),))
        await self._connection.uid_fetch_stream(span, items, take)
        return [found[uid] for uid in sorted(found)]

    async def _tell_old(self, cursor: MailboxCursor) -> MailboxCursor:
        """Announce what was there already and is recent enough."""
        since, now = self._rules.notify_from, self._store.now()
        found = await find_recent(self._connection, cursor, since=since, now=now)
        uids = [uid for uid in found if cursor.announced <= uid]
        for first in range(0, len(uids), BATCH):
            batch = uids[first : first + BATCH]
            arrivals = await self._arrivals.read(cursor, NumSet.of(batch), expected=batch)
            cursor = await self._ingest.announce(cursor, arrivals, upto=batch[-1] + 1)
        if not cursor.is_told:
            cursor = await self._ingest.settle(cursor, announced=cursor.uidnext)
        return cursor

    async def _take_more(self, cursor: MailboxCursor, selected: SelectedMailbox) -> MailboxCursor:
        """Announce what came while others were announced, as long as it goes on."""
        asks_which = False
        while selected.exists > cursor.messages:
            before = cursor.uidnext
            cursor = await self._take_new(cursor, selected, asks_which=asks_which)
            if cursor.uidnext == before:
                if asks_which:
                    break
                asks_which = True  # the server tells of a message and does not give it
        return cursor

    async def _take_new(
        self, cursor: MailboxCursor, selected: SelectedMailbox, *, asks_which: bool = False
    ) -> MailboxCursor:
        """Announce what lies behind the messages that are known."""
        growth = selected.exists - cursor.messages
        if 0 < growth <= _FEW and cursor.indexer is Indexer.FULL and not asks_which:
            arrivals = await self._arrivals.read_few(cursor, growth)
            if arrivals is not None:
                upto = arrivals[-1].entry.uid + 1
                return await self._ingest.announce(cursor, arrivals, upto=upto)
        if not selected.exists:
            return cursor
        found = await self._connection.uid_search(["UID", f"{cursor.uidnext}:{MAX_NUMBER}"])
        uids = [uid for uid in found if uid >= cursor.uidnext]
        for first in range(0, len(uids), BATCH):
            batch = uids[first : first + BATCH]
            arrivals = await self._arrivals.read(cursor, NumSet.of(batch), expected=batch)
            cursor = await self._ingest.announce(cursor, arrivals, upto=batch[-1] + 1)
        return cursor

    async def _changed_since(
        self, cursor: MailboxCursor, modseq: int, sight: Sight
    ) -> tuple[Sight, int]:
        """What changed after ``modseq`` among known messages, and the highest MODSEQ seen."""
        rows: dict[int, Marks] = {}
        highest = modseq

        def take(row: Fetched) -> None:
            nonlocal highest
            if row.uid is not None and row.flags is not None:
                rows[row.uid] = row_marks(row)
            if row.modseq is not None:
                highest = max(highest, row.modseq)

        if cursor.uidnext <= 1:
            return sight, highest
        has_qresync = "QRESYNC" in self._connection.enabled
        gone = await self._connection.uid_fetch_stream(
            NumSet(((1, cursor.uidnext - 1),)),
            self._flag_items(),
            take,
            changed_since=modseq,
            vanished=has_qresync,
        )
        return replace(sight, rows=rows, vanished=sight.vanished + gone.ranges), highest

    async def _complete(self, cursor: MailboxCursor, selected: SelectedMailbox) -> MailboxCursor:
        """Find out which messages have gone, if the counts say that some have."""
        if is_complete(cursor, _state(selected)):
            return cursor
        uids = set(await self._uids(selected))
        span = (1, cursor.uidnext - 1)
        cursor = await self._ingest.amend(cursor, Sight({}, span, present=uids))
        known = sum(1 for uid in uids if uid < cursor.uidnext)
        return cursor if known == cursor.messages else await self._full_pass(cursor, selected)

    async def _full_pass(self, cursor: MailboxCursor, selected: SelectedMailbox) -> MailboxCursor:
        """Compare the flags of every message."""
        uids = [uid for uid in await self._uids(selected) if uid < cursor.uidnext]
        items = self._flag_items()
        low = 1
        for first in range(0, len(uids), INDEX_BATCH):
            batch = uids[first : first + INDEX_BATCH]
            is_last = first + INDEX_BATCH >= len(uids)
            high = cursor.uidnext - 1 if is_last else batch[-1]
            rows = {entry.uid: entry.marks for entry in await self._entries(batch, items)}
            cursor = await self._ingest.amend(cursor, Sight(rows, (low, high), set(batch)))
            low = high + 1
        if not uids and cursor.uidnext > 1:
            cursor = await self._ingest.amend(cursor, Sight({}, (1, cursor.uidnext - 1)))
        return await self._ingest.settle(cursor, checked_at=self._store.now())

    async def _flags_of(self, rows: Sequence[Fetched], cursor: MailboxCursor) -> dict[int, Marks]:
        """The flags of messages of which a server without MODSEQ has said that they changed."""
        told = _flags(rows, cursor)
        nameless = sorted({row.seq for row in rows if row.uid is None and row.flags is not None})
        if nameless:
            uids = await self._connection.uid_search([str(NumSet.of(nameless))])
            found = NumSet.of(uid for uid in uids if uid < cursor.uidnext)
            if found.ranges:
                rows = await self._connection.uid_fetch(found, self._flag_items())
                told.update(_flags(rows, cursor))
        return told

    async def _uids(self, selected: SelectedMailbox) -> list[int]:
        """Every UID of the mailbox. Raises :exc:`RemoteFailure` for an answer that cannot be."""
        uids = await self._connection.uid_search(["ALL"]) if selected.exists else []
        if selected.exists and not uids:
            raise RemoteFailure(
                f"The mail server counts {selected.exists} messages and finds none of them"
            )
        return uids

    def _flag_items(self, *, with_identity: bool = False) -> list[str]:
        items = ["UID", "FLAGS"]
        if self._connection.can("X-GM-EXT-1"):
            items.append("X-GM-LABELS")
        if with_identity:
            items += self._connection.identity_items[:1]
        return items


def _state(selected: SelectedMailbox) -> MailboxState:
    return MailboxState(
        selected.uidvalidity, selected.uidnext, selected.exists, selected.highestmodseq
    )


def _flags(rows: Sequence[Fetched], cursor: MailboxCursor) -> dict[int, Marks]:
    """What rows tell of messages that are known."""
    return {
        row.uid: row_marks(row)
        for row in rows
        if row.uid is not None and row.flags is not None and row.uid < cursor.uidnext
    }
