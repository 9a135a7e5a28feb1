"""Writing down what was seen in mailboxes, and telling of it, in one transaction per batch.

Each unit begins with the check of the account's lease: whoever lost it writes nothing. The cursor
of a mailbox moves in the unit that records what it passes, so that a process that is killed at
any moment neither loses a message nor announces one twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from postroad.domain.errors import LeaseLost
from postroad.domain.event import Event
from postroad.domain.lease import Lease
from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.mailbox_state import Indexer, MailboxCursor, MailboxState
from postroad.domain.message_index import MAX_MESSAGES, Chunk, Entry
from postroad.engine.providers.imap_folders import MANY_MAILBOXES
from postroad.engine.returns.record import Returns
from postroad.engine.returns.tally import tally
from postroad.engine.sync.arrival import Arrival, portions
from postroad.engine.sync.diff import Changes, Sight, amend, split
from postroad.engine.sync.moves import Moves
from postroad.engine.sync.threads import email_name, thread_name
from postroad.engine.sync.told import Teller
from postroad.observe import metrics
from postroad.store import Store, Tx
from postroad.store.messages import encode_listing

T = TypeVar("T")

_MAX_UID = 0xFFFF_FFFF
_CHUNKS_AT_A_TIME = 4  # in one transaction

Unit = Callable[[Tx, list[Event]], Coroutine[Any, Any, T]]


@dataclass(frozen=True, slots=True)
class Identity:
    """What an old message is called."""

    uid: int
    fingerprint: int
    thread_nodes: tuple[int, ...]  # of itself, which is the first, and of all that it refers to


class Ingest:
    """The writing side of one account's sync. Methods return the cursor as it stands now.

    All raise :exc:`~postroad.domain.errors.LeaseLost` when another took over.
    """

    def __init__(self, store: Store, lease: Lease, account: str) -> None:
        self._store = store
        self._lease = lease
        self._account = account
        self._moves = Moves(account)

    # Mailboxes

    async def begin(
        self,
        mailbox: Mailbox,
        state: MailboxState,
        *,
        uidnext: int,
        indexer: Indexer,
        is_lost: bool = False,
    ) -> MailboxCursor:
        """Meet a mailbox, or another life of one, and tell of it.

        ``uidnext`` is the server's, or what stands for it. Old mail is announced later where the
        account is new, or the mailbox is where new mail arrives; never after a reset.
        ``is_lost`` tells that what was known of it is of no use.
        """
        assert state.uidvalidity is not None
        uidvalidity = state.uidvalidity

        async def unit(tx: Tx, events: list[Event]) -> MailboxCursor:
            known = await tx.messages.cursor(self._account, mailbox.path)
            status = await tx.accounts.status(self._account)
            if known is not None:
                await tx.messages.forget_messages(self._account, known.number)
            has_changed = known is not None and known.uidvalidity != uidvalidity
            was_lost = is_lost or (
                known is None
                and status.connected_before
                and not await tx.messages.has_cursors(self._account)
            )
            is_main = mailbox.special_use in (SpecialUse.INBOX, SpecialUse.ALL)
            is_silent = has_changed or was_lost or (status.connected_before and not is_main)
            cursor = MailboxCursor(
                path=mailbox.path,
                number=await tx.mailboxes.number(self._account, mailbox.path, str(uidvalidity)),
                uidvalidity=uidvalidity,
                announced=uidnext if is_silent else 1,
                baseline=uidnext,
                highestmodseq=state.highestmodseq,
                indexer=indexer,
                special_use=mailbox.special_use,
                delimiter=mailbox.delimiter,
            )
            if indexer is Indexer.FAST:
                cursor = replace(
                    cursor, uidnext=uidnext, messages=state.messages, checked_at=tx.now
                )
            await tx.messages.put_cursor(self._account, cursor)
            await tx.threads.begin(self._account, cursor.path, uid=uidnext)
            teller = Teller.of(self._account, cursor)
            if has_changed and known is not None:
                events.append(
                    teller.mailbox_reset(
                        uidvalidity, reason="uidValidityChange", previous=known.uidvalidity
                    )
                )
            elif was_lost:
                events.append(
                    teller.mailbox_reset(uidvalidity, reason="syncStateLost", previous=None)
                )
            if known is None or has_changed:
                events.append(teller.mailbox_new(uidvalidity))
            return cursor

        return await self._write(unit)

    async def forget(self, cursor: MailboxCursor, *, is_deleted: bool) -> None:
        """Drop a mailbox; ``is_deleted`` tells of it, otherwise it is only followed no more."""

        async def unit(tx: Tx, events: list[Event]) -> None:
            known = await tx.messages.cursor(self._account, cursor.path)
            if known is None:
                return
            await tx.messages.forget_mailbox(self._account, known)
            if is_deleted:
                events.append(Teller.of(self._account, known).mailbox_deleted())

        await self._write(unit)

    async def settle(self, cursor: MailboxCursor, **changes: Any) -> MailboxCursor:
        """Move what a look without messages moves: counts, MODSEQ, the time of the look."""
        settled = replace(cursor, **changes)
        if settled != cursor:

            async def unit(tx: Tx, events: list[Event]) -> None:
                await self._compare(tx, cursor)
                await tx.messages.put_cursor(self._account, settled)

            await self._write(unit)
        return settled

    async def put_listing(self, mailboxes: Sequence[Mailbox]) -> None:
        if len(mailboxes) > MANY_MAILBOXES:
            encoded = await asyncio.to_thread(encode_listing, mailboxes)
        else:
            encoded = encode_listing(mailboxes)

        async def unit(tx: Tx, events: list[Event]) -> None:
            await tx.messages.put_listing(self._account, encoded)

        await self._write(unit)

    # Messages

    async def index(
        self, cursor: MailboxCursor, entries: Sequence[Entry], *, uidnext: int
    ) -> MailboxCursor:
        """Know old messages, in order of UID, without telling anybody."""

        async def unit(tx: Tx, events: list[Event]) -> MailboxCursor:
            await self._compare(tx, cursor)
            await self._append(tx, cursor, entries)
            moved = replace(cursor, messages=cursor.messages + len(entries), uidnext=uidnext)
            await tx.messages.put_cursor(self._account, moved)
            return moved

        return await self._write(unit)

    async def announce(
        self, cursor: MailboxCursor, arrivals: Sequence[Arrival], *, upto: int
    ) -> MailboxCursor:
        """Tell of messages in order of UID; afterwards all below ``upto`` are told and known.

        Takes several transactions where reports tell of very many recipients.
        """
        *first, last = portions(arrivals) or [[]]
        for some in first:
            cursor = await self._announce(cursor, some, upto=some[-1].entry.uid + 1)
        return await self._announce(cursor, last, upto=upto)

    async def _announce(
        self, cursor: MailboxCursor, arrivals: Sequence[Arrival], *, upto: int
    ) -> MailboxCursor:
        async def unit(tx: Tx, events: list[Event]) -> MailboxCursor:
            await self._compare(tx, cursor)
            new = [
                one.entry for one in arrivals if one.entry.uid >= cursor.uidnext and one.is_indexed
            ]
            if cursor.indexer is Indexer.FULL:
                await self._append(tx, cursor, new)
            teller = Teller.of(self._account, cursor)
            news = ((one.data, one.clue) for one in arrivals)
            returns = await Returns.begin(tx, self._account, news)
            threads = await self._threads(tx, cursor, arrivals, upto)
            for one in arrivals:
                if one.missing is not None:
                    retries, delay_ms = one.missing
                    events.append(
                        teller.message_missing(one.entry.uid, retries=retries, delay_ms=delay_ms)
                    )
                    continue
                was_met = await self._moves.arrived(tx, cursor, one.entry, one.email_id, events)
                if one.data is not None:
                    data = {**one.data, **_ids(one, threads.get(one.entry.uid))}
                    seems_new = not was_met and cursor.special_use is not SpecialUse.SENT
                    told = await returns.tell(data, one.clue, is_first=not was_met)
                    events.append(teller.message_new({**told.data, "seemsLikeNew": seems_new}))
                    events += told.events
            moved = replace(
                cursor,
                messages=cursor.messages + len(new),
                uidnext=max(cursor.uidnext, upto),
                announced=max(cursor.announced, upto),
            )
            await tx.messages.put_cursor(self._account, moved)
            return moved

        return await self._write(unit)

    async def identify(
        self, path: str, number: int, known: Sequence[Identity], *, upto: int
    ) -> None:
        """Learn what old messages are called and what they refer to; all below ``upto`` are done.

        Nobody is told. A mailbox that has begun another life meanwhile is left alone.
        """

        async def unit(tx: Tx, events: list[Event]) -> None:
            cursor = await tx.messages.cursor(self._account, path)
            if cursor is None or cursor.number != number:
                return
            await self._name(tx, cursor, known)
            await tx.threads.join(self._account, [one.thread_nodes for one in known])
            await tx.threads.set_threaded(self._account, path, number, uid=upto)

        await self._write(unit)

    async def amend(self, cursor: MailboxCursor, sight: Sight) -> MailboxCursor:
        """Bring known messages up to date with a sight, and tell what has changed.

        Takes several transactions where many messages are concerned. Raises :exc:`ValueError`
        when what is stored cannot be read.
        """
        if sight.is_empty:
            return cursor
        starts = await self._store.read(
            lambda tx: tx.messages.chunk_starts(self._account, cursor.number), quick=True
        )
        if not starts or starts[0] != 1:
            starts.insert(0, 1)
        parts = list(split(sight, starts).items())
        for first in range(0, len(parts), _CHUNKS_AT_A_TIME):
            some = [(starts[at], part) for at, part in parts[first : first + _CHUNKS_AT_A_TIME]]
            cursor = await self._amend_some(cursor, some)
        return cursor

    async def _amend_some(
        self, cursor: MailboxCursor, parts: Iterable[tuple[int, Sight]]
    ) -> MailboxCursor:
        async def unit(tx: Tx, events: list[Event]) -> MailboxCursor:
            await self._compare(tx, cursor)
            messages = cursor.messages
            teller = Teller.of(self._account, cursor)
            for start, part in parts:
                held = await tx.messages.chunk_of(self._account, cursor.number, start)
                chunk = held[1] if held is not None and held[0] == start else Chunk()
                changes = amend(chunk, part)
                if not changes:
                    continue
                await self._put(tx, cursor.number, start, chunk)
                messages += len(changes.found) - len(changes.gone)
                if changes.found:
                    low, high = changes.found[0], changes.found[-1] + 1
                    tx.threads.set_unthreaded(self._account, cursor.path, low=low, high=high)
                await self._tell(tx, cursor, teller, changes, events)
            moved = replace(cursor, messages=messages)
            if moved != cursor:
                await tx.messages.put_cursor(self._account, moved)
            return moved

        return await self._write(unit)

    # Private

    async def _compare(self, tx: Tx, cursor: MailboxCursor) -> None:
        """Make sure that nobody else has moved the cursor. Raises :exc:`LeaseLost`."""
        if await tx.messages.cursor(self._account, cursor.path) != cursor:
            raise LeaseLost(f"{cursor.path} of {self._account} is followed by somebody else")

    async def _name(self, tx: Tx, cursor: MailboxCursor, known: Sequence[Identity]) -> None:
        """Put into the index what known messages are called."""
        left = {one.uid: one for one in known}
        while left and cursor.indexer is Indexer.FULL:
            held = await tx.messages.chunk_of(self._account, cursor.number, min(left))
            if held is None:
                break
            start, chunk = held
            mine = {uid for uid in left if uid <= (chunk.uids[-1] if len(chunk) else start)}
            for uid in mine or {min(left)}:
                one, at = left.pop(uid), chunk.find(uid)
                if at is not None:
                    chunk.prints[at] = chunk.prints[at] or one.fingerprint
                    chunk.nodes[at] = one.thread_nodes[0]
            await tx.messages.put_chunk(self._account, cursor.number, start, chunk)

    async def _tell(
        self,
        tx: Tx,
        cursor: MailboxCursor,
        teller: Teller,
        changes: Changes,
        events: list[Event],
    ) -> None:
        told = [(one.uid, teller.message_updated(one)) for one in changes.changed]
        told += [(one.uid, teller.message_deleted(one.uid)) for one in changes.gone]
        events.extend(event for _, event in sorted(told, key=lambda pair: pair[0]))
        for one in changes.gone:
            await self._moves.gone(tx, cursor, one, events)

    async def _append(self, tx: Tx, cursor: MailboxCursor, entries: Sequence[Entry]) -> None:
        """Put messages behind all that are known, filling the last chunk first."""
        if not entries:
            return
        held = await tx.messages.chunk_of(self._account, cursor.number, _MAX_UID)
        start, chunk = held if held is not None else (1, Chunk())
        for entry in entries:
            if len(chunk) >= MAX_MESSAGES:
                await tx.messages.put_chunk(self._account, cursor.number, start, chunk)
                start, chunk = entry.uid, Chunk()
            chunk.insert(entry)
        await tx.messages.put_chunk(self._account, cursor.number, start, chunk)

    async def _put(self, tx: Tx, number: int, start: int, chunk: Chunk) -> None:
        """Write a chunk; one that has grown too large becomes several."""
        entries = chunk.entries()
        for first in range(0, max(1, len(entries)), MAX_MESSAGES):
            piece = Chunk(entries[first : first + MAX_MESSAGES])
            first_uid = start if first == 0 else piece.uids[0]
            await tx.messages.put_chunk(self._account, number, first_uid, piece)

    async def _threads(
        self, tx: Tx, cursor: MailboxCursor, arrivals: Sequence[Arrival], upto: int
    ) -> dict[int, int]:
        """Put messages into their threads, which are told by UID.

        All are joined before any is told: one may tie together what others before it began.
        """
        unread = [one.entry.uid for one in arrivals if one.thread_nodes is None]
        if unread:
            tx.threads.set_unthreaded(self._account, cursor.path, low=unread[0], high=upto)
        groups = {one.entry.uid: one.thread_nodes for one in arrivals if one.thread_nodes}
        old = [
            Identity(one.entry.uid, one.entry.fingerprint, one.thread_nodes)
            for one in arrivals
            if one.thread_nodes and one.entry.uid < cursor.uidnext
        ]
        await self._name(tx, cursor, old)
        names = await tx.threads.join(self._account, list(groups.values()))
        return dict(zip(groups, names, strict=True))

    async def _write(self, unit: Unit[T]) -> T:
        """Run a unit under the lease, record the events that it made, and count them."""

        async def fenced(tx: Tx) -> tuple[T, list[Event]]:
            await tx.leases.check(self._lease)
            events: list[Event] = []
            result = await unit(tx, events)
            if events:
                await tx.events.record(*events)
            return result, events

        result, events = await self._store.write(fenced)
        for event in events:
            metrics.event_recorded(event.name.value)
        tally(events)
        return result


def _ids(one: Arrival, thread: int | None) -> dict[str, object]:
    """What is told of a message whose thread was computed."""
    if thread is None:
        return {}
    ids: dict[str, object] = {"threadId": thread_name(thread)}
    if one.email_id is None:
        ids["emailId"] = email_name(one.entry.fingerprint)
    return ids
