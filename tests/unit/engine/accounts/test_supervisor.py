"""Many accounts at once: a start that storms no server, and failures that stay where they are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from postroad import store as stores
from postroad.domain.account import Account, AccountState, AccountStatus, ImapSettings
from postroad.domain.lease import Lease
from postroad.engine.accounts.session import SandboxSession, Session
from postroad.engine.accounts.supervisor import LOGINS_PER_HOST, Supervisor
from postroad.store import Store, Tx


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await stores.open(tmp_path)
    await made.write(lambda tx: tx.nodes.beat("node", 10**12))
    yield made
    await made.close()


class Gate:
    """Opens a session once a test lets it; counts who is at it."""

    def __init__(self) -> None:
        self.at_it: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.opened: set[str] = set()
        self.let_in = asyncio.Semaphore(0)
        self.fails_for: str | None = None

    async def open(self, account: Account, lease: Lease) -> Session:
        if account.account == self.fails_for:
            self.fails_for = None
            raise ZeroDivisionError("a mistake of ours")
        assert account.imap is not None
        host = account.imap.host
        self.at_it[host] += 1
        self.most[host] = max(self.most[host], self.at_it[host])
        await self.let_in.acquire()
        self.at_it[host] -= 1
        self.opened.add(account.account)
        return SandboxSession()


@asynccontextmanager
async def supervised(store: Store, gate: Gate, hosts: dict[str, str]) -> AsyncIterator[None]:
    async def unit(tx: Tx) -> None:
        for name, host in hosts.items():
            await tx.accounts.put(Account(name, name, None, 0, imap=ImapSettings(host, 993)))

    await store.write(unit)

    async def let_go(account: str) -> None:
        pass

    supervisor = Supervisor(
        store,
        gate,
        node_id="node",
        on_change=lambda account: None,
        let_go=let_go,
        rng=Random(1),
    )
    running = asyncio.create_task(supervisor.run())
    try:
        yield
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_start_has_so_many_logins_on_the_way_to_a_host_and_no_more(store: Store) -> None:
    gate = Gate()
    hosts = {f"big{n}": "big.example.com" for n in range(3 * LOGINS_PER_HOST)}
    hosts |= {"small": "small.example.com"}
    async with supervised(store, gate, hosts):
        await until(lambda: gate.at_it["big.example.com"] == LOGINS_PER_HOST)
        await until(lambda: gate.at_it["small.example.com"] == 1)
        for _ in hosts:
            gate.let_in.release()
            await asyncio.sleep(0)
        await until(lambda: len(gate.opened) == len(hosts))
    assert gate.most == {"big.example.com": LOGINS_PER_HOST, "small.example.com": 1}


async def test_a_mistake_of_ours_costs_one_account_and_is_shown(store: Store) -> None:
    gate = Gate()
    gate.fails_for = "unlucky"
    for _ in range(3):
        gate.let_in.release()
    hosts = {"unlucky": "a.example.com", "other": "a.example.com"}
    async with supervised(store, gate, hosts):
        await until(lambda: gate.opened == {"other"})

        async def status() -> AccountStatus:
            return await store.read(lambda tx: tx.accounts.status("unlucky"))

        async with asyncio.timeout(5):
            while (await status()).state is not AccountState.DISCONNECTED:
                await asyncio.sleep(0.005)
        error = (await status()).last_error
        assert error is not None
        assert "log" in (error.description or "")
        assert (await status()).next_try_at is not None
