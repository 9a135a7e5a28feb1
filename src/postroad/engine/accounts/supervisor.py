"""Keeps one runner for each account that has a mailbox, following the rows.

A hint names the account that changed; the poll compares all rows with the runners that exist,
so that a change made by another process is followed too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

from postroad.domain.account import Account, AccountState
from postroad.domain.errors import PostroadError, Unavailable
from postroad.engine.accounts.record import REFUSED_LIMIT_MS
from postroad.engine.accounts.runner import AccountRunner
from postroad.engine.accounts.session import Connector
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger
from postroad.store import Store, Tx

log = get_logger("postroad.accounts")

POLL_S = 15.0
LOGINS_PER_HOST = 20  # in flight at once, so that a restart does not storm a server
RESTART_PAUSE_S = 5.0
REST_S = 2.0  # before the store is asked again that did not answer
SPREAD_S = 0.002  # for each account of a start, so that they do not all begin in one moment


class Supervisor:
    """Runs until cancelled."""

    def __init__(
        self,
        store: Store,
        connector: Connector,
        *,
        node_id: str,
        on_change: Callable[[str | None], None],
        let_go: Callable[[str], Awaitable[None]],
        rng: Random | None = None,
        refused_limit_ms: int = REFUSED_LIMIT_MS,
    ) -> None:
        self._store = store
        self._connector = connector
        self._node_id = node_id
        self._on_change = on_change
        self._let_go = let_go
        self._rng = rng or Random()
        self._refused_limit_ms = refused_limit_ms
        self._runners: dict[str, tuple[Account, AccountRunner, asyncio.Task[None]]] = {}
        self._logins: dict[str, asyncio.Semaphore] = {}
        self._changed: set[str] = set()
        self._look_at = 0.0  # loop time; when all rows are compared next
        self._hint = Hint()

    def _hear(self, account: str) -> None:
        """A hint: an account that changed, or nothing when any may have."""
        self._on_change(account or None)
        if account:
            self._changed.add(account)
        else:
            self._look_at = 0.0
        self._hint.set()

    def reconnect(self, account: str) -> None:
        """Drop the account's session and open another."""
        if (held := self._runners.get(account)) is not None:
            held[1].reconnect()

    def renew(self) -> None:
        """Open sessions anew that were opened under other settings than those of now."""
        for _, runner, _ in self._runners.values():
            runner.renew()

    def connections_of(self, account: str) -> int:
        held = self._runners.get(account)
        return 0 if held is None else held[1].connections

    def ask(self, account: str) -> None:
        """Have the account's mailboxes looked at soon; all accounts' for an empty id."""
        if (held := self._runners.get(account)) is not None:
            held[1].ask()

    async def run(self) -> None:
        """Follow the rows for ever."""
        async with asyncio.TaskGroup() as runners:
            with (
                self._store.wake.listen("accounts", self._hear),
                self._store.wake.listen("sync", self.ask),
                Wakeup(self._hint, poll_s=POLL_S) as wakeup,
            ):
                while True:
                    try:
                        await self._follow_changes(runners)
                    except Unavailable as error:
                        log.warning("accounts wait for the store", error=error.message)
                        self._look_at = 0.0
                        await asyncio.sleep(REST_S)
                        continue
                    await wakeup.wait()

    async def _follow_changes(self, runners: asyncio.TaskGroup) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._look_at:
            await self._follow_all()
            self._look_at = now + POLL_S
        spread_s = len(self._changed) * SPREAD_S
        while self._changed:
            account = self._changed.pop()
            try:
                await self._follow(account, runners, spread_s=spread_s)
            except Unavailable:
                self._changed.add(account)
                raise

    async def _follow_all(self) -> None:
        versions = dict(await self._store.read(lambda tx: tx.accounts.all_ids()))
        for account in self._runners.keys() - versions.keys():
            self._changed.add(account)
        for account, version in versions.items():
            held = self._runners.get(account)
            if held is None or held[0].version != version:
                self._changed.add(account)
                self._on_change(account)

    async def _follow(
        self, account_id: str, runners: asyncio.TaskGroup, *, spread_s: float
    ) -> None:
        account = await self._store.read(lambda tx: tx.accounts.find(account_id))
        held = self._runners.get(account_id)
        if held is not None:
            if account is not None and _same_way_in(held[0], account):
                self._runners[account_id] = (account, held[1], held[2])
                return
            held[2].cancel()
            del self._runners[account_id]
            await self._let_go(account_id)
        if account is None:
            return
        if not account.has_mailbox:
            await self._store.write(lambda tx: _show_unset(tx, account_id))
            return
        host = account.imap.host if account.imap is not None else ""
        logins = self._logins.setdefault(host, asyncio.Semaphore(LOGINS_PER_HOST))
        runner = AccountRunner(
            account,
            self._store,
            self._connector,
            node_id=self._node_id,
            rng=self._rng,
            logins=logins,
            refused_limit_ms=self._refused_limit_ms,
            start_after_s=self._rng.random() * spread_s if spread_s > SPREAD_S else 0.0,
        )
        task = runners.create_task(self._guard(account_id, runner))
        self._runners[account_id] = (account, runner, task)

    async def _guard(self, account: str, runner: AccountRunner) -> None:
        """The edge of an account: whatever goes wrong in it restarts it, and nothing else."""
        while True:
            try:
                return await runner.run()
            except Exception:
                log.exception("account runner failed", account=account)
            with suppress(PostroadError):  # the store may be the reason
                await runner.show_failure(RESTART_PAUSE_S)
            await asyncio.sleep(RESTART_PAUSE_S)


def _same_way_in(held: Account, now: Account) -> bool:
    """Whether a running session still fits the configuration."""
    return _followed(held) == _followed(now)


def _followed(account: Account) -> tuple[object, ...]:
    """What a session depends on."""
    return (
        account.imap,
        account.proxy,
        account.is_sandbox,
        account.paths,
        account.subconnections,
        account.indexer,
        account.notify_from,
        account.threading,
        account.logs,
        account.created_at,
    )


async def _show_unset(tx: Tx, account: str) -> None:
    status = await tx.accounts.status(account)
    if status.state is not AccountState.UNSET:
        await tx.accounts.set_status(
            account, state=AccountState.UNSET, last_error=None, next_try_at=None
        )
