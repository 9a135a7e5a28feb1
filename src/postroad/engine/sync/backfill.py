"""Reading the headers of old mail, so that it finds its threads.

It happens behind the first look, on a connection of its own and at a bounded pace; what is done
is remembered batch by batch. Only for accounts whose threads are computed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from postroad.domain.errors import LeaseLost, PostroadError
from postroad.engine.mail.details import summary_of
from postroad.engine.sync.arrivals import fingerprint_of
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.describe import references_of
from postroad.engine.sync.ingest import Identity, Ingest
from postroad.engine.sync.threads import identity_of, thread_nodes
from postroad.observe import get_logger
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.store import Store
from postroad.store.threads import Unthreaded
from postroad.transport.imap import CommandRefused, DialError

log = get_logger("postroad.sync")

BATCH = 100
PAUSE_S = 0.25  # between two batches: at most 400 messages a second
RETRY_S = 60.0
AT_ONCE = 4  # accounts; each takes a tenth of a core
TRIES = 3  # at a message that the server cannot give
_MAX_BYTES = 4 * 1024 * 1024  # of one message's envelope and fields
_FIELD_BYTES = 64 * 1024  # more than the references that count take
_ITEMS = (
    "UID",
    "RFC822.SIZE",
    "INTERNALDATE",
    "ENVELOPE",
    f"BODY.PEEK[HEADER.FIELDS (REFERENCES)]<0.{_FIELD_BYTES}>",
)

Dial = Callable[[], Awaitable[Connection]]


class Backfill:
    """Runs until nothing is left to read.

    ``turns`` bounds how many accounts are read at a time, all of the process together.

    What cannot be read together is read one by one, and a message that ends the connection each
    time is passed over: it is a thread of its own.
    """

    def __init__(
        self,
        account: str,
        store: Store,
        ingest: Ingest,
        dial: Dial,
        *,
        turns: asyncio.Semaphore,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = account
        self._store = store
        self._ingest = ingest
        self._dial = dial
        self._turns = turns
        self._sleep = sleep
        self._asked: list[int] = []  # UIDs that are being read
        self._suspects: list[int] = []  # one of them cannot be read
        self._tries = 0

    async def run(self) -> None:
        """Raises :exc:`LeaseLost`, and nothing else."""
        while await self._next() is not None:
            try:
                async with self._turns:
                    connection = await self._dial()
                    try:
                        await self._read_all(connection)
                    finally:
                        await asyncio.shield(connection.close())
                return  # what waits still waits for its mailbox
            except LeaseLost:
                raise
            except (PostroadError, DialError) as error:
                log.info("old mail waits", account=self._account, reason=str(error))
                self._suspect()
                await self._sleep(RETRY_S)

    def _suspect(self) -> None:
        """Remember what was being read when the connection ended."""
        if self._asked and self._asked == self._suspects[: len(self._asked)]:
            self._tries += 1
        elif self._asked:
            self._suspects, self._tries = self._asked, 1
        self._asked = []

    async def _next(self, after: str = "") -> Unthreaded | None:
        return await self._store.read(
            lambda tx: tx.threads.find_unthreaded(self._account, after=after), quick=True
        )

    async def _read_all(self, connection: Connection) -> None:
        """Go through the mailboxes; one that is not as it was known waits for another time."""
        after = ""
        while (todo := await self._next(after)) is not None:
            name = connection.wire_name(todo.path)
            try:
                selected = await connection.select(name, read_only=True)
            except CommandRefused:
                after = todo.path
                continue
            if selected.uidvalidity != todo.uidvalidity:
                after = todo.path
                continue
            found = await connection.uid_search(["UID", f"{todo.low}:{todo.high}"])
            uids = sorted({uid for uid in found if todo.low <= uid <= todo.high})
            while uids:
                batch, uids = self._portion(uids)
                rows = await self._rows(connection, batch)
                known = [self._identity(row, todo) for row in rows if row.thread_id is None]
                await self._ingest.identify(todo.path, todo.number, known, upto=batch[-1] + 1)
                if len(known) < len(rows):
                    break  # the server knows threads itself
                await self._sleep(PAUSE_S * len(batch) / BATCH)
            await self._ingest.identify(todo.path, todo.number, [], upto=todo.high + 1)

    def _portion(self, uids: list[int]) -> tuple[list[int], list[int]]:
        """The messages to read next and those behind them."""
        size = 1 if uids[0] in self._suspects else BATCH
        return uids[:size], uids[size:]

    async def _rows(self, connection: Connection, batch: list[int]) -> list[Fetched]:
        if batch == self._suspects[:1] and self._tries >= TRIES:
            log.warning("a message is not read for its thread", account=self._account, uid=batch[0])
            return []
        self._asked = batch
        items = [*_ITEMS, *connection.identity_items]
        rows = await connection.uid_fetch(NumSet.of(batch), items, max_bytes=_MAX_BYTES)
        self._asked, self._tries = [], 0
        self._suspects = [uid for uid in self._suspects if uid > batch[-1]]
        return [row for row in rows if row.uid is not None and row.uid in batch]

    def _identity(self, row: Fetched, todo: Unthreaded) -> Identity:
        assert row.uid is not None
        summary = summary_of(row, message="", path=todo.path)
        identity = identity_of(summary, row.internal_date)
        return Identity(
            row.uid,
            fingerprint_of(self._account, row, identity),
            thread_nodes(identity, references_of(row, summary)),
        )
