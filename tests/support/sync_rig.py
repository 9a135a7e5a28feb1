"""One account of a store, followed over scripted connections."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from postroad.domain.account import Account, AccountState, ImapSettings
from postroad.domain.lease import Lease
from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.mailbox_state import Indexer, MailboxCursor
from postroad.domain.message_index import Entry
from postroad.engine.sync.arrivals import Arrivals
from postroad.engine.sync.ingest import Ingest
from postroad.engine.sync.look import Followed, Looker, Rules
from postroad.protocol.imap import utf7
from postroad.store import Store, Tx
from postroad.store.events import EventPosition
from support.scripted_mailbox import ScriptedConnection, ScriptedDescriber, ScriptedServer

ACCOUNT = "a"
NODE = "node"
NOTIFY_FROM = 1_650_000_000_000
NEW = NOTIFY_FROM + 86_400_000 * 5  # a date of mail that is to be announced


@dataclass
class Told:
    """One recorded event."""

    name: str
    path: str | None
    data: dict[str, object] = field(default_factory=dict)


class Rig:
    """The sync of one account, without its runner."""

    def __init__(
        self,
        store: Store,
        server: ScriptedServer,
        lease: Lease,
        *,
        indexer: Indexer = Indexer.FULL,
        threading: bool = False,
    ) -> None:
        self.store = store
        self.server = server
        self.lease = lease
        self.ingest = Ingest(store, lease, ACCOUNT)
        self.rules = Rules(ACCOUNT, indexer, NOTIFY_FROM, threading)
        self.waited: list[float] = []

    @classmethod
    async def begin(
        cls,
        store: Store,
        server: ScriptedServer,
        *,
        indexer: Indexer = Indexer.FULL,
        threading: bool = False,
    ) -> Rig:
        async def unit(tx: Tx) -> Lease:
            imap = ImapSettings("imap.example.com", 143)
            await tx.accounts.put(Account(ACCOUNT, "A", None, NOTIFY_FROM, imap=imap))
            await tx.nodes.beat(NODE, 10**12)
            lease = await tx.leases.acquire(f"account:{ACCOUNT}", NODE)
            assert lease is not None
            return lease

        lease = await store.write(unit)
        return cls(store, server, lease, indexer=indexer, threading=threading)

    async def connect(self) -> tuple[ScriptedConnection, Looker]:
        connection = self.server.connect()
        await connection.enable("QRESYNC")
        return connection, self.looker(connection)

    def arrivals(self, connection: ScriptedConnection) -> Arrivals:
        return Arrivals(
            connection,
            ScriptedDescriber(),
            ACCOUNT,
            notify_from=NOTIFY_FROM,
            threading=self.rules.threading,
            sleep=self._sleep,
        )

    def looker(self, connection: ScriptedConnection) -> Looker:
        arrivals = self.arrivals(connection)
        return Looker(connection, self.store, self.ingest, arrivals, self.rules)

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def followed(self, name: str) -> Followed:
        use = SpecialUse.INBOX if name == "INBOX" else None
        return Followed(Mailbox(name, "/", use), utf7.encode(name))

    async def look_at_all(self) -> None:
        """One connection that looks at every mailbox and leaves."""
        connection, looker = await self.connect()
        for name in tuple(self.server.mailboxes):
            await looker.open(self.followed(name))
        await connection.close()

    async def mark_connected(self) -> None:
        async def unit(tx: Tx) -> None:
            await tx.accounts.set_status(
                ACCOUNT, state=AccountState.CONNECTED, connected_before=True
            )

        await self.store.write(unit)

    async def cursor(self, name: str = "INBOX") -> MailboxCursor:
        cursor = await self.store.read(lambda tx: tx.messages.cursor(ACCOUNT, name))
        assert cursor is not None
        return cursor

    async def index(self, name: str = "INBOX") -> list[Entry]:
        cursor = await self.cursor(name)
        chunks = await self.store.read(
            lambda tx: tx.messages.chunks(ACCOUNT, cursor.number, from_uid=1, limit=10_000)
        )
        return [entry for _, chunk in chunks for entry in chunk.entries()]

    async def events(self, *names: str) -> list[Told]:
        """Every event so far, in order, or those of some names."""
        rows = await self.store.read(lambda tx: tx.events.read_after(EventPosition(), 1_000_000))
        told = [Told(one.name, one.path, json.loads(one.data)) for _, one in rows]
        return [one for one in told if not names or one.name in names]

    async def announced(self) -> Counter[object]:
        """How often each Message-ID was announced."""
        return Counter(one.data["messageId"] for one in await self.events("messageNew"))
