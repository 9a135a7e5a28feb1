"""Accounts that are followed inside the test's own process, on a store of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

from postroad import store as stores
from postroad.domain.account import (
    Account,
    AccountState,
    AccountStatus,
    ImapSettings,
    Login,
    TlsOptions,
)
from postroad.domain.message_index import Entry
from postroad.domain.secret import Secret
from postroad.engine.accounts.connector import AccountConnector
from postroad.engine.accounts.credentials import StoredCredentials
from postroad.engine.accounts.directory import Directory
from postroad.engine.accounts.registry import Accounts
from postroad.engine.accounts.supervisor import Supervisor
from postroad.engine.accounts.verify import Verifier
from postroad.engine.node import Node
from postroad.engine.protocol_log import ProtocolLog
from postroad.engine.providers.registry import Providers
from postroad.engine.providers.route import MailboxRoute
from postroad.engine.settings import Settings
from postroad.engine.sync.describe import MessageDescriber
from postroad.engine.trust import Trust
from postroad.store import Store
from postroad.store.events import EventPosition
from postroad.transport.imap import ImapTimeouts
from support.sync_rig import Told

LIMIT_S = 20.0
_numbers = itertools.count(1)


class MailServer(Protocol):
    """Where the accounts are; any user name gets in with the one password."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def password(self) -> str: ...


class Followed:
    """What a test sees of the accounts."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        settings: Settings,
        connector: AccountConnector,
        providers: Providers,
        log: ProtocolLog,
    ) -> None:
        self.store = store
        self.connector = connector
        self.accounts = accounts
        self.settings = settings
        self.providers = providers
        self.log = log

    async def add(self, server: MailServer, user: str, **changes: object) -> str:
        login = Login(user, Secret(server.password))
        imap = ImapSettings(server.host, server.port, login=login, tls=TlsOptions(verify=False))
        draft = Account(user, user, f"{user}@example.test", created_at=0, imap=imap)
        account, _ = await self.accounts.create(replace(draft, **changes))  # type: ignore[arg-type]  # a test names fields
        return account

    async def connected(self, account: str) -> None:
        await self.until(lambda: self._is(account, AccountState.CONNECTED))

    async def status(self, account: str) -> AccountStatus:
        return await self.store.read(lambda tx: tx.accounts.status(account))

    async def _is(self, account: str, state: AccountState) -> bool:
        return (await self.status(account)).state is state

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until ``holds`` (sync or async) is true; look again at every commit."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                result = holds()
                if asyncio.iscoroutine(result):
                    result = await result
                if result:
                    return
                await asyncio.sleep(0.01)

    async def events(self, account: str, *names: str) -> list[Told]:
        rows = await self.store.read(lambda tx: tx.events.read_after(EventPosition(), 1_000_000))
        told = [
            Told(one.name, one.path, json.loads(one.data))
            for _, one in rows
            if one.account == account
        ]
        return [one for one in told if not names or one.name in names]

    async def subjects(self, account: str) -> list[object]:
        """Subjects of the announced messages, in order."""
        return [one.data.get("subject") for one in await self.events(account, "messageNew")]

    async def announced(self, account: str, subjects: Sequence[str]) -> None:
        """Wait until exactly these were announced, in any order."""

        async def are_all() -> bool:
            return len(await self.subjects(account)) >= len(subjects)

        await self.until(are_all)
        assert sorted(str(one) for one in await self.subjects(account)) == sorted(subjects)

    async def index(self, account: str, path: str = "INBOX") -> list[Entry]:
        cursor = await self.store.read(lambda tx: tx.messages.cursor(account, path))
        assert cursor is not None
        chunks = await self.store.read(
            lambda tx: tx.messages.chunks(account, cursor.number, from_uid=1, limit=10_000)
        )
        return [entry for _, chunk in chunks for entry in chunk.entries()]

    async def index_bytes(self, account: str, path: str = "INBOX") -> int:
        """How many octets the index of a mailbox takes."""
        cursor = await self.store.read(lambda tx: tx.messages.cursor(account, path))
        assert cursor is not None
        chunks = await self.store.read(
            lambda tx: tx.messages.chunks(account, cursor.number, from_uid=1, limit=10_000)
        )
        return sum(len(chunk.encode()) for _, chunk in chunks)


def message(subject: str, *, body: str = "Hello", date: datetime | None = None) -> bytes:
    """A mail of now, or of ``date``, with a Message-ID of its own."""
    at = format_datetime(date or datetime.now(UTC))
    return (
        f"From: Ann <ann@example.test>\r\nTo: bob@example.test\r\nSubject: {subject}\r\n"
        f"Message-ID: <{subject}.{next(_numbers)}@example.test>\r\nDate: {at}\r\n\r\n{body}\r\n"
    ).encode()


async def wait_for(followed: Followed, account: str, name: str, count: int) -> list[Told]:
    """Wait until so many events of a kind were recorded; all that were."""

    async def are_there() -> bool:
        return len(await followed.events(account, name)) >= count

    await followed.until(are_there)
    return await followed.events(account, name)


async def told(followed: Followed, account: str, name: str, count: int) -> list[object]:
    """Wait for so many events; what each says of the message: its UID or its path."""
    events = await wait_for(followed, account, name, count)
    return [one.data.get("uid", one.data.get("path")) for one in events]


@asynccontextmanager
async def following(
    database: Path | str,
    *,
    is_idle: bool = False,
    timeouts: ImapTimeouts | None = None,
    **settings: object,
) -> AsyncIterator[Followed]:
    """Everything that follows accounts, and nothing else of the program.

    ``is_idle`` leaves it to the test to open sessions.
    """
    store = await stores.open(database)
    current = Settings(store)
    await current.load()
    if settings:
        await current.update(settings)
    node = Node(store, "node", is_alone=True)
    await node.start()
    directory = Directory(store)
    credentials, trust = StoredCredentials(), Trust(current, min_version="TLSv1.2")
    log = ProtocolLog(store, current, node_id="node")
    route = MailboxRoute(current, trust, timeouts=timeouts, log=log)
    providers = Providers(store, credentials, route)
    describer = MessageDescriber(current)
    connector = AccountConnector(store, current, credentials, route, providers, describer)
    supervisor = Supervisor(
        store,
        connector,
        node_id="node",
        on_change=directory.forget,
        let_go=providers.forget,
    )
    accounts = Accounts(
        store,
        directory,
        Verifier(current, trust, route, providers),
        connections_of=supervisor.connections_of,
        reconnect=supervisor.reconnect,
    )
    running = asyncio.create_task(asyncio.Event().wait() if is_idle else supervisor.run())
    logging = asyncio.create_task(log.run(supervisor.renew))
    try:
        yield Followed(store, accounts, current, connector, providers, log)
        assert not running.done(), running.exception()
    finally:
        running.cancel()
        logging.cancel()
        await asyncio.gather(running, logging, return_exceptions=True)
        await providers.close_all()
        await store.close()
