"""Reading messages for their announcement, patiently.

A server may name a message that it cannot give yet: that is tried three times more (contract
B-227), and then told as missing. One that has gone before it could be read never came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from postroad.domain.mailbox_state import MailboxCursor
from postroad.domain.message_index import Entry, Marks, fingerprint, marks
from postroad.engine.mail.details import shown_label
from postroad.engine.sync.arrival import Arrival
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.describe import Bodies, Describer, Description
from postroad.engine.sync.threads import thread_nodes
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.transport.imap import CommandRefused

BATCH = 50  # messages that are announced in one transaction
RETRY_S = (1.0, 1.7, 2.89)
_MAX_BYTES = 4 * 1024 * 1024  # of one message's header block

Sleep = Callable[[float], Awaitable[None]]


class Arrivals:
    """Reads messages of the selected mailbox.

    ``notify_from`` (epoch ms) is the date before which messages are not announced; ``threading``
    asks for threads of our own where the server has none.
    """

    def __init__(
        self,
        connection: Connection,
        describer: Describer,
        account: str,
        *,
        notify_from: int | None,
        threading: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._connection = connection
        self._describer = describer
        self._account = account
        self._notify_from = notify_from
        self._threading = threading
        self._sleep = sleep

    async def read(
        self, cursor: MailboxCursor, uids: NumSet, *, expected: Sequence[int]
    ) -> list[Arrival]:
        """Messages from ``cursor.announced`` on, by UID. ``expected`` ones are waited for."""
        found: dict[int, Fetched] = {}
        await self._fetch(cursor, uids, found)
        return await self._described(cursor, found, expected)

    async def read_few(self, cursor: MailboxCursor, growth: int) -> list[Arrival] | None:
        """All messages behind the known ones, without being told their UIDs.

        ``None`` when some of the at least ``growth`` messages are kept back: passing on to the
        next ones would lose them, so the server has to be asked which there are.
        """
        found: dict[int, Fetched] = {}
        await self._fetch(cursor, NumSet.since(cursor.uidnext), found)
        self._drop_news(found)
        numbers = [found[uid].seq for uid in sorted(found)]
        if len(numbers) < max(growth, 1) or numbers[0] > cursor.messages + 1:
            return None
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            return None
        return await self._described(cursor, found, ())

    async def _described(
        self, cursor: MailboxCursor, found: dict[int, Fetched], expected: Sequence[int]
    ) -> list[Arrival]:
        lacking: Sequence[int] = self._lacking(found, expected)
        waited_s = 0.0
        retries: dict[int, tuple[int, int]] = {}  # of those that took more than one try
        for number, pause_s in enumerate(RETRY_S, 1):
            lacking = await self._still_there(lacking, found)
            if not lacking:
                break
            await self._sleep(pause_s)
            waited_s += pause_s
            await self._fetch(cursor, NumSet.of(lacking), found)
            for uid in lacking:
                retries[uid] = (number, round(waited_s * 1000))
            lacking = self._lacking(found, lacking)
        whole = [row for uid, row in found.items() if uid not in lacking]
        ahead = await self._describer.read_ahead(self._connection, whole) if whole[1:] else {}
        arrivals = []
        for uid in sorted({*found, *lacking}):
            if uid in lacking:
                row = found.get(uid)
                known = row_marks(row) if row and row.flags is not None else None
                entry = Entry(uid, known or marks(()))
                arrivals.append(Arrival(entry, missing=retries[uid], is_indexed=known is not None))
            else:
                arrivals.append(await self._arrival(cursor, found[uid], retries.get(uid), ahead))
        return arrivals

    def _drop_news(self, found: dict[int, Fetched]) -> None:
        """Leave out messages that came while others were read.

        A server with NOTIFY tells the flags of each at once, amid the answer to our command.
        """
        complete = [uid for uid, row in found.items() if self._describer.is_complete(row)]
        last = max(complete, default=0)
        for uid in [uid for uid in found if uid > last]:
            del found[uid]

    async def _fetch(self, cursor: MailboxCursor, uids: NumSet, found: dict[int, Fetched]) -> None:
        for row in await self._rows(uids):
            if row.uid is not None and row.uid >= cursor.announced:
                found[row.uid] = row

    async def _rows(self, uids: NumSet) -> list[Fetched]:
        items = ["UID", "FLAGS", *self._connection.identity_items]
        if self._connection.can("X-GM-EXT-1"):
            items.append("X-GM-LABELS")
        if self._connection.can("CONDSTORE") or self._connection.can("QRESYNC"):
            items.append("MODSEQ")
        items += self._describer.items(self._connection)
        try:
            return await self._connection.uid_fetch(uids, items, max_bytes=_MAX_BYTES)
        except CommandRefused:
            # One message may be what the server chokes on: the others must not wait for it.
            if len(uids) == 1:
                return []
            present = await self._connection.uid_search(["UID", str(uids)])
            if len(present) <= 1:
                return []
            rows = []
            for uid in present:
                rows += await self._rows(NumSet.of([uid]))
            return rows

    def _lacking(self, found: dict[int, Fetched], expected: Sequence[int]) -> list[int]:
        broken = {uid for uid, row in found.items() if not self._describer.is_complete(row)}
        return sorted(broken | {uid for uid in expected if uid not in found})

    async def _still_there(
        self, lacking: Sequence[int], found: dict[int, Fetched]
    ) -> Sequence[int]:
        """Those of ``lacking`` that have not gone meanwhile; the others are not waited for."""
        if not lacking:
            return lacking
        present = set(await self._connection.uid_search(["UID", str(NumSet.of(lacking))]))
        for uid in lacking:
            if uid not in present:
                found.pop(uid, None)
        return [uid for uid in lacking if uid in present]

    async def _arrival(
        self,
        cursor: MailboxCursor,
        row: Fetched,
        retries: tuple[int, int] | None,
        ahead: Bodies,
    ) -> Arrival:
        assert row.uid is not None
        not_before = self._notify_from
        if not_before is not None and row.uid >= cursor.baseline:
            # It came while we looked. A Date field knows whole seconds only, and would make it
            # older than an account that is as young as this second.
            not_before = not_before // 1000 * 1000
        told = await self._describer.describe(
            self._connection, cursor, row, not_before=not_before, ahead=ahead
        )
        data: dict[str, object] | None = None
        if not_before is None or (told.date is not None and told.date >= not_before):
            data = dict(told.data)
            if retries is not None:
                data["missingRetries"], data["missingDelay"] = retries
        nodes = self._thread_nodes(row, told)
        return Arrival(
            Entry(
                row.uid,
                row_marks(row),
                fingerprint_of(self._account, row, told.identity),
                nodes[0] if nodes else 0,
            ),
            data,
            email_id=row.email_id,
            clue=told.clue if data is not None else None,
            thread_nodes=nodes,
        )

    def _thread_nodes(self, row: Fetched, told: Description) -> tuple[int, ...] | None:
        if not self._threading:
            return None
        return thread_nodes(told.identity, told.references) if row.thread_id is None else ()


def row_marks(row: Fetched) -> Marks:
    """Flags and labels as they are shown; what the server did not tell counts as none."""
    labels = None if row.labels is None else tuple(shown_label(one) for one in row.labels)
    return marks(row.flags or (), labels)


def fingerprint_of(account: str, row: Fetched, identity: str) -> int:
    """By the server's id of the message, or else by what stays the same when it is moved."""
    if row.email_id:
        return fingerprint(account, row.email_id)
    return fingerprint(account, identity, size=row.size, internal_date=row.internal_date)
