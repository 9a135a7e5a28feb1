"""The session of one IMAP account: its connections, and who follows what over them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from postroad.domain.account import Account, ImapSettings
from postroad.domain.errors import LeaseLost
from postroad.domain.lease import Lease
from postroad.domain.mailbox_state import Indexer
from postroad.engine.providers.imap_folders import Folders
from postroad.engine.sync.arrivals import Arrivals
from postroad.engine.sync.backfill import Backfill
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.describe import Describer
from postroad.engine.sync.folders import matches
from postroad.engine.sync.ingest import Ingest
from postroad.engine.sync.look import Followed, Looker, Rules
from postroad.engine.sync.side_watch import SideWatch
from postroad.engine.sync.watch import Learned, Watch
from postroad.store import Store

Dial = Callable[[], Awaitable[Connection]]
Synced = Callable[[], Awaitable[None]]


class ImapSession:
    """Follows an account's mailboxes from an open connection on, until it ends.

    ``dial`` opens further ones for ``subconnections``. ``on_listing`` hears of the mailboxes.
    ``turns`` are those of all sessions that read old mail for its threads.
    """

    def __init__(
        self,
        connection: Connection,
        account: Account,
        imap: ImapSettings,
        lease: Lease,
        store: Store,
        describer: Describer,
        *,
        threading: Callable[[], bool],
        is_logged: Callable[[], bool] = lambda: False,
        turns: asyncio.Semaphore,
        dial: Dial,
        on_listing: Callable[[Folders], None],
        rng: Random,
    ) -> None:
        self._connection = connection
        self._account = account
        self._store = store
        self._describer = describer
        self._dial = dial
        self._turns = turns
        self._rng = rng
        self._rules = Rules(
            account.account,
            Indexer.FAST if account.indexer == "fast" else Indexer.FULL,
            account.created_at if account.notify_from is None else account.notify_from,
            threading(),
        )
        self._threading = threading
        self._is_logged, self._was_logged = is_logged, is_logged()
        self._ingest = Ingest(store, lease, account.account)
        self._held: set[str] = set()
        self._turn = asyncio.Lock()
        self._sides: dict[str, asyncio.Task[None]] = {}
        self._old: asyncio.Task[None] | None = None  # reads old mail
        self._has_old = False
        self._group: asyncio.TaskGroup | None = None  # once all mailboxes were looked at
        self._watch = Watch(
            connection,
            store,
            self._ingest,
            self._looker(connection),
            account,
            imap,
            on_listing=on_listing,
            held=self._held,
            turn=self._turn,
        )

    @property
    def connections(self) -> int:
        """How many are open."""
        return 1 + len(self._held)

    @property
    def is_current(self) -> bool:
        """Whether threads are computed and a log is kept, or not, as it shall be now."""
        is_logged = self._is_logged() == self._was_logged
        return is_logged and self._threading() == self._rules.threading

    def ask(self) -> None:
        """Look at every mailbox soon."""
        self._watch.ask()

    def end(self) -> None:
        """Drop the connection: :meth:`run` ends."""
        self._connection.abort()

    async def run(self, on_synced: Synced) -> None:
        """Follow until the connection ends; always ends with an exception that tells why.

        ``on_synced`` is awaited each time that every mailbox was looked at.
        """
        if not self._account.subconnections and not self._rules.threading:
            # One task less for each of ten thousand accounts.
            await self._watch.run(lambda _: on_synced())
        try:
            async with asyncio.TaskGroup() as group:

                async def synced(learned: Learned) -> None:
                    self._keep_sides(learned, group)
                    await on_synced()
                    self._group = group
                    self._read_old()

                await self._watch.run(synced)
        except ExceptionGroup as errors:
            # The first is why; the others are what came of it.
            lost = errors.subgroup(LeaseLost)
            raise (lost or errors).exceptions[0] from None

    async def close(self) -> None:
        await self._connection.close()

    def _keep_sides(self, learned: Learned, group: asyncio.TaskGroup) -> None:
        """Have a side session for each mailbox of ``subconnections`` but the main one."""
        names = self._account.subconnections
        others = learned.chosen[1:] if names else ()
        wanted = {one.path: learned.followed(one) for one in others if matches(one, names)}
        for path in self._sides.keys() - wanted.keys():
            self._sides.pop(path).cancel()
        for path in wanted.keys() - self._sides.keys():
            self._sides[path] = group.create_task(self._side(wanted[path]).run())

    def _read_old(self) -> None:
        """Find the threads of old mail, where they are computed."""
        if not self._rules.threading or self._group is None:
            return
        self._has_old = True
        if self._old is None or self._old.done():
            self._old = self._group.create_task(self._reading_old())

    async def _reading_old(self) -> None:
        while self._has_old:  # more may have turned up when the last was read
            self._has_old = False
            backfill = Backfill(
                self._account.account, self._store, self._ingest, self._dial, turns=self._turns
            )
            await backfill.run()

    def _side(self, followed: Followed) -> SideWatch:
        async def open_one() -> tuple[Connection, Looker]:
            connection = await self._dial()
            return connection, self._looker(connection)

        return SideWatch(
            self._account.account,
            followed,
            open_one,
            held=self._held,
            turn=self._turn,
            rng=self._rng,
        )

    def _looker(self, connection: Connection) -> Looker:
        arrivals = Arrivals(
            connection,
            self._describer,
            self._account.account,
            notify_from=self._rules.notify_from,
            threading=self._rules.threading,
        )
        return Looker(
            connection,
            self._store,
            self._ingest,
            arrivals,
            self._rules,
            on_met=self._read_old,
        )
