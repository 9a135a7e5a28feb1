"""Accounts as surfaces see them: register, read, change, forget, reconnect, try out."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from postroad.domain.account import Account, AccountState, AccountStatus
from postroad.domain.errors import Invalid, Limited, NotFound
from postroad.domain.event import Event, EventName
from postroad.domain.page import Page, pages_of
from postroad.engine.accounts.directory import Directory
from postroad.engine.accounts.verify import VerifyRequest, VerifyResult
from postroad.engine.mail.access import why_not
from postroad.observe import metrics
from postroad.store import Store, Tx

_ID_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account, how it fares, and what it has told."""

    account: Account
    status: AccountStatus
    counters: dict[str, int]  # events by name
    connections: int  # live sessions of this process


class Tries(Protocol):
    """Tries settings without storing them; :class:`~postroad.engine.accounts.verify.Verifier`."""

    async def verify(self, request: VerifyRequest) -> VerifyResult: ...


class Accounts:
    """The accounts service. Changes are rows first; runners follow the hint of the commit."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        verifier: Tries,
        *,
        connections_of: Callable[[str], int],
        reconnect: Callable[[str], None],
        default_indexer: Callable[[], str] = lambda: "full",
    ) -> None:
        self._store = store
        self._directory = directory
        self._verifier = verifier
        self._connections_of = connections_of
        self._reconnect = reconnect
        self._default_indexer = default_indexer
        self._flushing = asyncio.Lock()

    async def create(self, draft: Account) -> tuple[str, bool]:
        """Register ``draft`` or overwrite the account of the same id; true when it is new.

        An empty id is replaced by 16 random lower-case letters and digits. Credentials are not
        tried (contract B-202). Raises :exc:`Invalid` when there is neither mailbox nor relay.
        """
        account_id = draft.account or "".join(secrets.choice(_ID_ALPHABET) for _ in range(16))

        async def unit(tx: Tx) -> bool:
            known = await tx.accounts.find(account_id)
            account = replace(draft, account=account_id, created_at=tx.now)
            if known is not None:
                account = replace(account, created_at=known.created_at, version=known.version + 1)
            elif account.notify_from is None:
                account = replace(account, notify_from=tx.now)
            if known is not None:  # fixed at creation (contract B-210)
                account = replace(account, indexer=known.indexer)
            elif not account.indexer:
                account = replace(account, indexer=self._default_indexer())
            is_new = await tx.accounts.put(account)
            await tx.accounts.set_status(
                account_id,
                state=AccountState.INIT if account.has_mailbox else AccountState.UNSET,
                last_error=None,
                next_try_at=None,
            )
            if is_new:
                data: dict[str, object] = {"account": account_id}
                await tx.events.record(Event(EventName.ACCOUNT_ADDED, account_id, data))
            tx.notify("accounts", account_id)
            return is_new

        is_new = await self._store.write(unit)
        if is_new:
            metrics.event_recorded(EventName.ACCOUNT_ADDED.value)
        self._directory.forget(account_id)
        return account_id, is_new

    async def get(self, account: str) -> AccountView:
        """One account with state and counters. Raises :exc:`NotFound`."""

        async def unit(tx: Tx) -> AccountView:
            found = await tx.accounts.find(account)
            if found is None:
                raise NotFound("Account record was not found for requested ID")
            return AccountView(
                found,
                await tx.accounts.status(account),
                await tx.events.count_by_name(account),
                self._connections_of(account),
            )

        return await self._store.read(unit)

    async def list(
        self, page: int, page_size: int, state: AccountState | None, query: str | None
    ) -> Page[AccountView]:
        """Accounts ordered by id; ``query`` is a part of id, name or address in any case."""

        async def unit(tx: Tx) -> Page[AccountView]:
            found, total = await tx.accounts.list(page, page_size, state=state, query=query)
            views = [
                AccountView(
                    account,
                    status,
                    await tx.events.count_by_name(account.account),
                    self._connections_of(account.account),
                )
                for account, status in found
            ]
            return Page(views, total, page, pages_of(total, page_size))

        return await self._store.read(unit)

    async def update(self, account: str, change: Callable[[Account], Account]) -> None:
        """Apply ``change``, a pure function that may raise :exc:`Invalid`, to the stored account.

        A change of what is dialed or followed makes the account reconnect, others do not
        (contract B-206); its runner sees to it.
        """

        async def unit(tx: Tx) -> None:
            known = await tx.accounts.find(account)
            if known is None:
                raise NotFound("Account record was not found for requested ID")
            changed = replace(change(known), account=account, version=known.version + 1)
            await tx.accounts.put(changed)
            tx.notify("accounts", account)

        await self._store.write(unit)
        self._directory.forget(account)

    async def delete(self, account: str) -> None:
        """Forget the account and everything of it. Raises :exc:`NotFound`."""

        async def unit(tx: Tx) -> None:
            if not await tx.accounts.delete(account):
                raise NotFound("Account record was not found for requested ID")
            data: dict[str, object] = {"account": account}
            await tx.events.record(Event(EventName.ACCOUNT_DELETED, account, data))
            tx.notify("accounts", account)

        await self._store.write(unit)
        metrics.event_recorded(EventName.ACCOUNT_DELETED.value)
        self._directory.forget(account)

    async def reconnect(self, account: str) -> None:
        """Ask for a fresh connection; returns at once. Raises :exc:`NotFound`."""
        await self._directory.get(account)
        await self._store.write(lambda tx: _ask_reconnect(tx, account))
        self._reconnect(account)

    async def sync(self, account: str) -> None:
        """Ask for a look at every mailbox; returns at once.

        Raises :exc:`NotFound`, and :exc:`Unavailable` unless the account is connected.
        """
        status = await self._store.read(lambda tx: tx.accounts.status(account))
        if status.state is not AccountState.CONNECTED:
            raise why_not(status.state)
        await self._store.write(lambda tx: _ask_sync(tx, account))

    async def flush(
        self, account: str, *, notify_from: int | None = None, indexer: str | None = None
    ) -> None:
        """Forget what is known of the account's mailboxes and begin anew. Contract B-212.

        Mail since ``notify_from`` (epoch ms; now unless given) is announced again. Raises
        :exc:`NotFound`, and :exc:`Limited` while another account is being flushed.
        """
        if self._flushing.locked():
            raise Limited("Another flush is running", retry_after_s=5, code="LockFail")

        async def unit(tx: Tx) -> None:
            known = await tx.accounts.get(account)
            changed = replace(
                known,
                version=known.version + 1,
                notify_from=tx.now if notify_from is None else notify_from,
                indexer=indexer or known.indexer,
            )
            await tx.accounts.put(changed)
            # Whoever follows it must not write on what is gone.
            await tx.leases.revoke(f"account:{account}")
            await tx.messages.forget_account(account)
            await tx.accounts.set_status(
                account,
                state=AccountState.PAUSED if known.has_mailbox else AccountState.UNSET,
                connected_before=False,
                synced_at=None,
                sync_error=None,
            )

        async with self._flushing:
            await self._store.write(unit)
        self._directory.forget(account)
        self._reconnect(account)

    async def verify(self, request: VerifyRequest) -> VerifyResult:
        """Try settings without storing anything; failures are verdicts, not exceptions."""
        if request.imap is None and request.smtp is None:
            raise Invalid("Nothing to verify: give imap, smtp or both")
        return await self._verifier.verify(request)


async def _ask_sync(tx: Tx, account: str) -> None:
    tx.notify("sync", account)


async def _ask_reconnect(tx: Tx, account: str) -> None:
    tx.notify("accounts", account)
