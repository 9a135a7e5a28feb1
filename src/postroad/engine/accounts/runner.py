"""One account's way in: connect, stay connected, come back.

A runner owns the live session of one account and the account's shown state. Every change of
state is a row, and the event that tells of it is in the same commit. An account that cannot be
reached costs itself only: it tries again with growing pauses.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Protocol

from postroad.domain.account import Account, AccountState, LastError
from postroad.domain.event import Event, EventName
from postroad.engine.wakeup import Hint
from postroad.observe import get_logger, metrics
from postroad.store import Store, Tx

log = get_logger("postroad.accounts")

FIRST_PAUSE_S = 2.0  # doubling to MAX_PAUSE_S while the first connection fails (contract B-231)
MAX_PAUSE_S = 600.0
STABLE_AFTER_S = 300.0  # a session this old reconnects at once
LOST_PAUSE_S = 2.0  # for younger ones, growing by half to 30 s
LOST_PAUSE_MAX_S = 30.0


class Session(Protocol):
    """A live way into the mailbox that tells when it ends."""

    async def wait_closed(self) -> str:
        """Wait for the end of the session; the reason, for people."""
        ...

    async def close(self) -> None: ...


class Refusal(Exception):
    """A connection attempt failed. ``is_auth`` tells a refused login from everything else."""

    def __init__(self, response: str, code: str | None, *, is_auth: bool = False) -> None:
        super().__init__(response)
        self.response = response
        self.code = code
        self.is_auth = is_auth


class Connector(Protocol):
    """Opens sessions. Raises :exc:`Refusal`."""

    async def open(self, account: Account) -> Session: ...


class AccountRunner:
    """Runs until cancelled. ``reconnect`` drops the session, or ends a pause, at once."""

    def __init__(
        self,
        account: Account,
        store: Store,
        connector: Connector,
        *,
        rng: Random,
        logins: asyncio.Semaphore,
    ) -> None:
        self._account = account
        self._store = store
        self._connector = connector
        self._rng = rng
        self._logins = logins  # bounds logins under way to the same host
        self._again = Hint()
        self.is_connected = False

    def reconnect(self) -> None:
        self._again.set()

    async def run(self) -> None:
        """Hold the way in open, for ever."""
        failures = losses = 0
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._set(AccountState.CONNECTING)
                async with self._logins:
                    session = await self._connector.open(self._account)
            except Refusal as refusal:
                failures += 1
                pause_s = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 20))
                pause_s *= 1 - 0.2 * self._rng.random()
                await self._record_refusal(refusal, pause_s)
                await self._again.wait(pause_s)
                continue
            failures = 0
            opened_at = loop.time()
            try:
                await self._record_connected()
                self.is_connected = True
                reason = await self._until_closed(session)
            finally:
                self.is_connected = False
                await asyncio.shield(session.close())
            if reason is None:
                losses = 0
                continue
            await self._record_lost(reason)
            losses = 0 if loop.time() - opened_at >= STABLE_AFTER_S else losses + 1
            if losses:
                pause_s = min(LOST_PAUSE_MAX_S, LOST_PAUSE_S * 1.5 ** min(losses - 1, 20))
                await self._again.wait(pause_s + self._rng.random())

    async def _until_closed(self, session: Session) -> str | None:
        """Why the session ended; ``None`` when a fresh one was asked for."""
        self._again.take()
        closed = asyncio.ensure_future(session.wait_closed())
        again = asyncio.ensure_future(self._again.wait(None))
        try:
            await asyncio.wait((closed, again), return_when=asyncio.FIRST_COMPLETED)
            return closed.result() if closed.done() else None
        finally:
            for task in (closed, again):
                task.cancel()
            await asyncio.gather(closed, again, return_exceptions=True)

    async def _set(self, state: AccountState) -> None:
        await self._store.write(
            lambda tx: tx.accounts.set_status(self._account.account, state=state)
        )

    async def _record_connected(self) -> None:
        account = self._account.account
        login = self._account.imap.login if self._account.imap is not None else None

        async def unit(tx: Tx) -> list[Event]:
            before = await tx.accounts.status(account)
            events: list[Event] = []
            if not before.authenticated_before and login is not None:
                data: dict[str, object] = {"user": login.user}
                events.append(Event(EventName.AUTHENTICATION_SUCCESS, account, data))
            if not before.connected_before:
                initialized: dict[str, object] = {"initialized": True}
                events.append(Event(EventName.ACCOUNT_INITIALIZED, account, initialized))
            if events:
                await tx.events.record(*events)
            await tx.accounts.set_status(
                account,
                state=AccountState.CONNECTED,
                last_error=None,
                next_try_at=None,
                connected_before=True,
                authenticated_before=True,
                told_error=None,
            )
            return events

        for event in await self._store.write(unit):
            metrics.event_recorded(event.name.value)
        log.info("account connected", account=account)

    async def _record_refusal(self, refusal: Refusal, pause_s: float) -> None:
        account = self._account.account
        state = AccountState.AUTHENTICATION_ERROR if refusal.is_auth else AccountState.CONNECT_ERROR
        name = EventName.AUTHENTICATION_ERROR if refusal.is_auth else EventName.CONNECT_ERROR
        error = LastError(refusal.response, refusal.code, _advice(refusal))
        # A repeat of what was told last is not told again (EVENTS §2.4).
        key = f"{name.value}:{refusal.code or refusal.response}"

        async def unit(tx: Tx) -> bool:
            is_news = await tx.accounts.told_error(account) != key
            if is_news:
                data: dict[str, object] = {"response": refusal.response}
                if refusal.code is not None:
                    data["serverResponseCode"] = refusal.code
                await tx.events.record(Event(name, account, data))
            await tx.accounts.set_status(
                account,
                state=state,
                last_error=error,
                next_try_at=tx.now + int(pause_s * 1000),
                authenticated_before=False,
                told_error=key,
            )
            return is_news

        if await self._store.write(unit):
            metrics.event_recorded(name.value)
        log.warning(
            "account cannot connect",
            account=account,
            response=refusal.response,
            code=refusal.code,
            retry_in_s=round(pause_s, 1),
        )

    async def _record_lost(self, reason: str) -> None:
        await self._set(AccountState.DISCONNECTED)
        log.info("account disconnected", account=self._account.account, reason=reason)


def _advice(refusal: Refusal) -> str:
    """What a person can do about it."""
    if refusal.is_auth:
        return "The server refused the login. Check user name and password (or access token)."
    hints = {
        "EDNS": "The host name does not resolve. Check the spelling of the host.",
        "ETIMEDOUT": "The server did not answer in time. Check host, port and firewall.",
        "ECONNECTION": "Nothing answers at this host and port. Check both, and the firewall.",
        "ETLS": "TLS failed. Check that 'secure' fits the port, and the server's certificate.",
    }
    return hints.get(refusal.code or "", "The server could not be used. It is tried again.")
