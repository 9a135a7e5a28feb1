"""One account's way in: what is shown of it, when it is tried again, and when it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from postroad import store as stores
from postroad.domain.account import Account, AccountState, AccountStatus, ImapSettings, Login
from postroad.domain.errors import LeaseLost, Unavailable
from postroad.domain.lease import Lease
from postroad.domain.secret import Secret
from postroad.engine.accounts.record import REFUSED_LIMIT_MS, Record
from postroad.engine.accounts.runner import AccountRunner
from postroad.engine.accounts.session import Refusal, Session
from postroad.store import Store, Tx
from postroad.store.events import EventPosition
from support.store import Clock

LOGIN = Login("ann", Secret("secret"))
ACCOUNT = Account("a", "A", None, created_at=0, imap=ImapSettings("imap.test", 143, login=LOGIN))
REFUSED = Refusal("NO [AUTHENTICATIONFAILED] no", "AUTHENTICATIONFAILED", is_auth=True)
UNREACHED = Refusal("no answer", "ETIMEDOUT")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    made = await stores.open(tmp_path, clock=clock)

    async def unit(tx: Tx) -> None:
        await tx.accounts.put(ACCOUNT)
        await tx.nodes.beat("node", 10**12)

    await made.write(unit)
    yield made
    await made.close()


class ScriptedSession:
    """Is in order at once, and ends when a test says so."""

    connections = 1

    def __init__(self) -> None:
        self.ending: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.asked = 0
        self.is_closed = False
        self.is_synced = True
        self.is_current = True

    async def run(self, on_synced: Callable[[], Awaitable[None]]) -> None:
        if self.is_synced:
            await on_synced()
        raise await self.ending

    def ask(self) -> None:
        self.asked += 1

    def end(self) -> None:
        self.ending.set_result(Unavailable("ended by us"))

    async def close(self) -> None:
        self.is_closed = True


class ScriptedConnector:
    """Gives what it was told to give, one after the other; then it waits for ever."""

    def __init__(self, *answers: ScriptedSession | Refusal) -> None:
        self._answers = list(answers)
        self.leases: list[Lease] = []

    async def open(self, account: Account, lease: Lease) -> Session:
        self.leases.append(lease)
        if not self._answers:
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Refusal):
            raise answer
        return answer


class Running:
    """A runner that runs."""

    def __init__(self, store: Store, connector: ScriptedConnector) -> None:
        self.store = store
        self.connector = connector
        self.seconds = 0.0  # what the runner takes for the time
        self.runner = AccountRunner(
            ACCOUNT,
            store,
            connector,
            node_id="node",
            rng=Random(1),
            logins=asyncio.Semaphore(2),
            clock=lambda: self.seconds,
        )
        self.task = asyncio.ensure_future(self.runner.run())

    async def until(self, state: AccountState) -> AccountStatus:
        async with asyncio.timeout(5):
            while True:
                status = await self.store.read(lambda tx: tx.accounts.status("a"))
                if status.state is state:
                    return status
                await asyncio.sleep(0.002)

    async def until_opened(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.connector.leases) < count:
                await asyncio.sleep(0.002)

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def events(self) -> list[str]:
        rows = await self.store.read(lambda tx: tx.events.read_after(EventPosition(), 1000))
        return [one.name for _, one in rows]


async def test_the_way_in_is_shown_step_by_step(store: Store) -> None:
    session = ScriptedSession()
    session.is_synced = False
    running = Running(store, ScriptedConnector(session))
    await running.until(AccountState.SYNCING)
    assert running.runner.connections == 1
    assert await running.events() == []
    await running.stop()
    assert session.is_closed


async def test_once_in_order_it_is_connected_and_tells_so_once(store: Store) -> None:
    first, second = ScriptedSession(), ScriptedSession()
    running = Running(store, ScriptedConnector(first, second))
    status = await running.until(AccountState.CONNECTED)
    assert status.synced_at is not None
    running.runner.ask()
    assert first.asked == 1
    running.runner.reconnect()
    await running.until_opened(2)
    await running.until(AccountState.CONNECTED)
    assert await running.events() == ["authenticationSuccess", "accountInitialized"]
    await running.stop()


async def test_a_session_that_follows_by_old_settings_makes_room_for_another(
    store: Store,
) -> None:
    old = ScriptedSession()
    old.is_current = False
    running = Running(store, ScriptedConnector(old, ScriptedSession()))
    await running.until_opened(2)
    await running.until(AccountState.CONNECTED)
    assert old.is_closed
    await running.stop()


async def test_a_lost_session_says_why_and_when_it_comes_back(store: Store, clock: Clock) -> None:
    session = ScriptedSession()
    running = Running(store, ScriptedConnector(session, ScriptedSession()))
    await running.until(AccountState.CONNECTED)
    session.ending.set_result(Unavailable("The IMAP server said goodbye: restart"))
    status = await running.until(AccountState.DISCONNECTED)
    assert status.last_error is not None
    assert "restart" in status.last_error.response
    assert status.next_try_at is not None
    assert 2_000 <= status.next_try_at - clock.ms <= 3_000
    running.runner.reconnect()  # ends the pause
    status = await running.until(AccountState.CONNECTED)
    assert status.last_error is None
    await running.stop()


async def test_a_lost_lease_is_taken_again_before_the_next_session(store: Store) -> None:
    session = ScriptedSession()
    connector = ScriptedConnector(session, ScriptedSession())
    running = Running(store, connector)
    await running.until(AccountState.CONNECTED)
    session.ending.set_result(LeaseLost("taken"))
    await asyncio.sleep(0)
    running.runner.reconnect()
    await running.until_opened(2)
    assert connector.leases[1].token > connector.leases[0].token
    await running.stop()
    assert await store.read(lambda tx: tx.leases.held_by("node")) == []


async def test_a_refused_login_is_told_once_and_says_what_to_do(store: Store) -> None:
    running = Running(store, ScriptedConnector(REFUSED, REFUSED, ScriptedSession()))
    status = await running.until(AccountState.AUTHENTICATION_ERROR)
    assert status.last_error is not None
    assert status.last_error.description is not None
    assert "password" in status.last_error.description
    for _ in range(2):
        running.runner.reconnect()
        await asyncio.sleep(0.02)
    await running.until(AccountState.CONNECTED)
    assert await running.events() == [
        "authenticationError",
        "authenticationSuccess",
        "accountInitialized",
    ]
    await running.stop()


async def test_who_cannot_connect_is_tried_at_twice_the_pause_each_time(
    store: Store, clock: Clock
) -> None:
    """Contract B-231: from 2 s to 10 min, a fifth of it by chance, so that no storm comes of it."""
    running = Running(store, ScriptedConnector(*[UNREACHED] * 12))
    pauses = []
    for tries in range(1, 12):
        await running.until_opened(tries)
        status = await running.until(AccountState.CONNECT_ERROR)
        assert status.next_try_at is not None
        pauses.append((status.next_try_at - clock.ms) / 1000)
        running.runner.reconnect()  # ends the pause
    await running.stop()
    longest = [min(600.0, 2.0 * 2**n) for n in range(11)]
    assert all(most * 0.8 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len({pause / most for pause, most in zip(pauses, longest, strict=True)}) > 5


async def test_a_session_that_is_lost_soon_is_opened_after_ever_longer_pauses(
    store: Store, clock: Clock
) -> None:
    sessions = [ScriptedSession() for _ in range(10)]
    running = Running(store, ScriptedConnector(*sessions))
    pauses = []
    for session in sessions[:8]:
        await running.until(AccountState.CONNECTED)
        session.ending.set_result(Unavailable("gone"))
        status = await running.until(AccountState.DISCONNECTED)
        assert status.next_try_at is not None
        pauses.append((status.next_try_at - clock.ms) / 1000)
        running.runner.reconnect()
    shortest = [min(30.0, 2.0 * 1.5**n) for n in range(8)]
    assert all(least <= pause <= least + 1 for pause, least in zip(pauses, shortest, strict=True))
    await running.stop()


async def test_a_session_that_lasted_five_minutes_is_opened_again_at_once(store: Store) -> None:
    session = ScriptedSession()
    running = Running(store, ScriptedConnector(session, ScriptedSession()))
    await running.until(AccountState.CONNECTED)
    running.seconds += 300
    session.ending.set_result(Unavailable("gone"))
    await running.until_opened(2)
    await running.until(AccountState.CONNECTED)
    await running.stop()


async def test_three_days_of_refused_logins_switch_the_account_off(
    store: Store, clock: Clock
) -> None:
    record = Record(store, ACCOUNT)
    assert await record.refused(REFUSED, 60)
    clock.advance(REFUSED_LIMIT_MS - 1)
    assert await record.refused(UNREACHED, 60)
    assert await record.refused(REFUSED, 60)
    clock.advance(1)
    assert not await record.refused(REFUSED, 60)

    account = await store.read(lambda tx: tx.accounts.get("a"))
    status = await store.read(lambda tx: tx.accounts.status("a"))
    assert account.imap is not None
    assert account.imap.disabled
    assert account.version == ACCOUNT.version + 1
    assert status.state is AccountState.UNSET
    assert status.last_error is not None
    assert "3 days" in (status.last_error.description or "")


async def test_a_success_in_between_begins_the_three_days_anew(store: Store, clock: Clock) -> None:
    record = Record(store, ACCOUNT)
    assert await record.refused(REFUSED, 60)
    await record.connected()
    clock.advance(REFUSED_LIMIT_MS)

    assert await record.refused(REFUSED, 60)
    account = await store.read(lambda tx: tx.accounts.get("a"))
    assert account == replace(ACCOUNT, created_at=account.created_at)


async def test_an_account_that_another_node_follows_is_left_alone(
    store: Store, clock: Clock
) -> None:
    async def taken(tx: Tx) -> None:
        await tx.nodes.beat("other", 60_000)
        await tx.leases.take("account:a", "other")

    await store.write(taken)
    connector = ScriptedConnector(ScriptedSession())
    running = Running(store, connector)
    await asyncio.sleep(0.05)
    assert connector.leases == []
    clock.advance(60_001)  # the other one is dead
    running.runner.reconnect()
    await running.until(AccountState.CONNECTED)
    await running.stop()
