"""Reading the headers of old mail, so that it finds its threads.

It happens behind the first look, on a connection of its own and at a bounded pace; what is done
is remembered batch by batch. Only for accounts whose threads are computed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from postroad.domain.errors import LeaseLost, PostroadError, RemoteFailure
from postroad.engine.sync.arrivals import fingerprint_of
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.describe import references_of
from postroad.engine.sync.ingest import Identity, Ingest
from postroad.engine.sync.threads import thread_nodes
from postroad.observe import get_logger
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.mime.headers import message_ids, parse_headers
from postroad.store import Store
from postroad.store.messages import Unthreaded
from postroad.transport.imap import DialError

log = get_logger("postroad.sync")

BATCH = 100
PAUSE_S = 0.25  # between two batches: at most 400 messages a second
RETRY_S = 60.0
_MAX_BYTES = 1024 * 1024  # of one message's fields
_ITEMS = (
    "UID",
    "RFC822.SIZE",
    "INTERNALDATE",
    "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID IN-REPLY-TO REFERENCES)]",
)

Dial = Callable[[], Awaitable[Connection]]


class Backfill:
    """Runs until nothing is left to read."""

    def __init__(
        self,
        account: str,
        store: Store,
        ingest: Ingest,
        dial: Dial,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = account
        self._store = store
        self._ingest = ingest
        self._dial = dial
        self._sleep = sleep

    async def run(self) -> None:
        """Raises :exc:`LeaseLost`, and nothing else."""
        while await self._next() is not None:
            try:
                connection = await self._dial()
                try:
                    if connection.identity_items:
                        return  # the server knows threads itself
                    await self._read_all(connection)
                finally:
                    await asyncio.shield(connection.close())
            except LeaseLost:
                raise
            except (PostroadError, DialError) as error:
                log.info("old mail waits", account=self._account, reason=str(error))
                await self._sleep(RETRY_S)

    async def _next(self) -> Unthreaded | None:
        return await self._store.read(
            lambda tx: tx.messages.find_unthreaded(self._account), quick=True
        )

    async def _read_all(self, connection: Connection) -> None:
        while (todo := await self._next()) is not None:
            name = connection.wire_name(todo.path)
            selected = await connection.select(name, read_only=True)
            if selected.uidvalidity != todo.uidvalidity:
                raise RemoteFailure(f"{todo.path} has begun another life")
            found = await connection.uid_search(["UID", f"{todo.low}:{todo.high}"])
            uids = [uid for uid in found if todo.low <= uid <= todo.high]
            for first in range(0, len(uids), BATCH):
                batch = uids[first : first + BATCH]
                rows = await connection.uid_fetch(NumSet.of(batch), _ITEMS, max_bytes=_MAX_BYTES)
                known = [self._identity(row) for row in rows if row.uid is not None]
                await self._ingest.identify(todo.path, todo.number, known, upto=batch[-1] + 1)
                await self._sleep(PAUSE_S)
            await self._ingest.identify(todo.path, todo.number, [], upto=todo.high + 1)

    def _identity(self, row: Fetched) -> Identity:
        assert row.uid is not None
        block = next((one for one in row.sections.values() if one is not None), b"")
        written = parse_headers(block).raw("Message-ID") or ""
        message_id = next(iter(message_ids(written)), None)
        return Identity(
            row.uid,
            fingerprint_of(self._account, row, message_id),
            thread_nodes(message_id, references_of(row)),
        )
