"""Following all mailboxes of an account over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from postroad import store as stores
from postroad.domain.account import Account, ImapSettings
from postroad.domain.errors import PostroadError, RemoteFailure
from postroad.engine.sync.session import ImapSession
from postroad.store import Store
from support.scripted_mailbox import ScriptedConnection, ScriptedDescriber, ScriptedServer
from support.sync_rig import ACCOUNT, NEW, NOTIFY_FROM, Rig

IMAP = ImapSettings("imap.example.com", 143)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await stores.open(tmp_path)
    yield made
    await made.close()


class Following:
    """A session that runs."""

    def __init__(self, session: ImapSession, connection: ScriptedConnection, rig: Rig) -> None:
        self.session = session
        self.connection = connection
        self.rig = rig
        self.rounds = 0
        self.asks = 0  # so often, another round is asked for as soon as one has ended
        self.changed = asyncio.Event()

    async def synced(self) -> None:
        self.rounds += 1
        self.changed.set()
        if self.asks:
            self.asks -= 1
            self.session.ask()

    async def until_rounds(self, count: int) -> None:
        async with asyncio.timeout(5):
            while self.rounds < count:
                self.changed.clear()
                await self.changed.wait()

    async def until_told(self, name: str, count: int) -> None:
        async with asyncio.timeout(5):
            while len(await self.rig.events(name)) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def following(
    store: Store,
    server: ScriptedServer,
    *,
    account: Callable[[Account], Account] = lambda one: one,
    imap: ImapSettings = IMAP,
    is_running: bool = True,
    is_deaf: bool = False,
) -> AsyncIterator[Following]:
    rig = await Rig.begin(store, server)
    connection = server.connect()
    connection.is_deaf = is_deaf

    async def dial() -> ScriptedConnection:
        return server.connect()

    configured = Account(ACCOUNT, "A", None, NOTIFY_FROM, imap=IMAP, notify_from=NOTIFY_FROM)
    session = ImapSession(
        connection,
        account(configured),
        imap,
        rig.lease,
        store,
        ScriptedDescriber(),
        threading=lambda: False,
        turns=asyncio.Semaphore(1),
        dial=dial,
        on_listing=lambda folders: None,
        rng=Random(1),
    )
    held = Following(session, connection, rig)
    running = asyncio.ensure_future(session.run(held.synced))
    try:
        if is_running:
            await held.until_rounds(1)
        yield held
    finally:
        session.end()
        running.cancel()
        with suppress(PostroadError, asyncio.CancelledError):
            await running


async def test_a_mailbox_that_refuses_harms_no_other(store: Store) -> None:
    server = ScriptedServer("INBOX", "Bad", "Box")
    server["Bad"].refuses = True
    async with following(store, server) as held:
        assert [one.path for one in await held.rig.events("mailboxNew")] == ["INBOX", "Box"]
        status = await store.read(lambda tx: tx.accounts.status(ACCOUNT))
        assert status.sync_error is not None
        assert status.sync_error.path == "Bad"
        server["INBOX"].append("<a>", date=NEW)
        await held.until_told("messageNew", 1)
        server["Bad"].refuses = False
        await held.until_told("mailboxNew", 3)
        await held.until_rounds(2)
        status = await store.read(lambda tx: tx.accounts.status(ACCOUNT))
        assert status.sync_error is None


async def test_other_mailboxes_are_counted_when_asked(store: Store) -> None:
    server = ScriptedServer("INBOX", "Box", "Quiet")
    async with following(store, server) as held:
        server["Box"].append("<a>", date=NEW)
        held.connection.commands.clear()
        held.session.ask()
        await held.until_told("messageNew", 1)
        await held.until_rounds(2)
        assert held.connection.commands.count("SELECT") == 3  # INBOX, Box, and INBOX again


async def test_a_round_that_is_asked_for_before_the_wait_begins_is_made(store: Store) -> None:
    async with following(store, ScriptedServer("INBOX", "Box"), is_running=False) as held:
        held.asks = 1
        await held.until_rounds(2)


async def test_with_notify_other_mailboxes_tell_of_themselves(store: Store) -> None:
    server = ScriptedServer("INBOX", "Box", capabilities=("NOTIFY", "CONDSTORE", "QRESYNC"))
    async with following(store, server) as held:
        await asyncio.wait_for(held.connection.is_idling.wait(), 5)
        server["Box"].append("<a>", date=NEW)
        await held.until_told("messageNew", 1)
        server["INBOX"].append("<b>", date=NEW)
        await held.until_told("messageNew", 2)
        assert held.rounds == 1


async def test_with_notify_a_path_filter_is_told_of_its_mailboxes_alone(store: Store) -> None:
    server = ScriptedServer(
        "INBOX", "Box", "Other", "Late", capabilities=("NOTIFY", "CONDSTORE", "QRESYNC")
    )
    server.delete("Late")
    wanted = ("INBOX", "Box", "Late")
    async with following(store, server, account=lambda one: replace(one, paths=wanted)) as held:
        await asyncio.wait_for(held.connection.is_idling.wait(), 5)
        assert list(held.connection.told_of or ()) == [b"INBOX", b"Box"]
        server["Other"].append("<o>", date=NEW)
        server["Box"].append("<a>", date=NEW)
        await held.until_told("messageNew", 1)
        assert held.rounds == 1
        server.create("Late")
        held.session.ask()
        await held.until_told("mailboxNew", 3)
        server["Late"].append("<b>", date=NEW)
        await held.until_told("messageNew", 2)
        assert list(held.connection.told_of or ()) == [b"INBOX", b"Box", b"Late"]
        assert await held.rig.announced() == {"<a>": 1, "<b>": 1}


async def test_when_all_that_was_known_is_gone_every_mailbox_is_told_as_reset(
    store: Store,
) -> None:
    server = ScriptedServer("INBOX", "Box")
    for name in ("INBOX", "Box"):
        server[name].append(date=NEW)
    async with following(store, server) as held:
        await held.until_told("messageNew", 2)
        await held.rig.mark_connected()
        await store.write(lambda tx: tx.messages.forget_account(ACCOUNT))
        held.session.ask()
        await held.until_rounds(2)
        resets = await held.rig.events("mailboxReset")
        assert [(one.path, one.data["reason"]) for one in resets] == [
            ("INBOX", "syncStateLost"),
            ("Box", "syncStateLost"),
        ]
        server.create("New")
        held.session.ask()
        await held.until_told("mailboxNew", 5)
        assert len(await held.rig.events("mailboxReset")) == 2
        assert len(await held.rig.events("messageNew")) == 2


async def test_a_mailbox_that_is_gone_is_told_and_forgotten(store: Store) -> None:
    server = ScriptedServer("INBOX", "Box")
    async with following(store, server) as held:
        server.delete("Box")
        held.session.ask()
        await held.until_told("mailboxDeleted", 1)
        cursors = await store.read(lambda tx: tx.messages.cursors(ACCOUNT))
        assert list(cursors.paths()) == ["INBOX"]


async def test_the_last_mailbox_of_a_path_filter_is_told_when_it_is_gone(store: Store) -> None:
    server = ScriptedServer("INBOX", "Box")
    async with following(store, server, account=lambda one: replace(one, paths=("Box",))) as held:
        server.delete("Box")
        with pytest.raises(RemoteFailure, match="None of the mailboxes"):
            await held.session.run(held.synced)
        assert [one.path for one in await held.rig.events("mailboxDeleted")] == ["Box"]


async def test_a_listing_without_mailboxes_is_the_servers_fault(store: Store) -> None:
    server = ScriptedServer("INBOX")
    async with following(store, server) as held:
        server.mailboxes.clear()
        with pytest.raises(RemoteFailure, match="lists no mailboxes"):
            await held.session.run(held.synced)
        assert not await held.rig.events("mailboxDeleted")


async def test_the_end_of_the_connection_ends_the_session_with_its_reason(store: Store) -> None:
    server = ScriptedServer("INBOX")
    async with following(store, server) as held:
        await asyncio.wait_for(held.connection.is_idling.wait(), 5)
        server.drop_connections()
        await asyncio.sleep(0)
        with pytest.raises(PostroadError, match="closed the connection"):
            await held.session.run(held.synced)


async def test_after_new_mail_the_wait_begins_anew_a_few_times(store: Store) -> None:
    """Servers gather what they tell to whoever waits, and mail comes in company."""
    server = ScriptedServer("INBOX")
    async with following(store, server) as held:
        await asyncio.wait_for(held.connection.is_idling.wait(), 5)
        waits = held.connection.waits
        waits.clear()
        server["INBOX"].append("<a>", date=NEW)
        async with asyncio.timeout(5):
            while len(waits) < 4:
                await asyncio.sleep(0.005)
        assert [round(wait_s, 1) for wait_s in waits[:3]] == [0.1, 0.2, 0.4]
        assert waits[3] > 60


@pytest.mark.parametrize(
    ("host", "longest"),
    [("imap.rambler.ru", 55), ("imap.163.com", 55), ("imap.mail.yahoo.com", 180), ("x.test", 300)],
)
async def test_idle_is_kept_short_where_servers_hang_up(
    store: Store, host: str, longest: int
) -> None:
    """Contract B-235."""
    async with following(store, ScriptedServer("INBOX"), imap=ImapSettings(host, 993)) as held:
        await asyncio.wait_for(held.connection.is_idling.wait(), 5)
        assert longest - 1 < held.connection.waits[-1] <= longest


async def test_a_server_that_says_nothing_in_idle_is_looked_at_after_it(store: Store) -> None:
    server = ScriptedServer("INBOX")
    imap = ImapSettings("imap.163.com", 993)
    async with following(store, server, imap=imap, is_deaf=True) as held:
        server["INBOX"].append("<a>", date=NEW)
        await held.until_told("messageNew", 1)
