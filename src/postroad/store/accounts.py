"""Accounts: how they were configured, and how they fare.

Configuration and status lie in two tables, because the one changes by hand and the other all
the time. Secrets are sealed in the row; see ``sealed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Final

from postroad.domain.account import Account, AccountState, AccountStatus, LastError
from postroad.domain.errors import NotFound
from postroad.domain.mailbox_state import SyncError
from postroad.store import jsontext
from postroad.store.account_json import AccountJson
from postroad.store.backend import Row, Session
from postroad.store.like import contains
from postroad.store.submissions import Submissions


class Kept(Enum):
    """Says of an argument that it was not given."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


class Accounts:
    """The ``account`` and ``account_status`` tables."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, account: str) -> Account | None:
        row = await self._session.maybe("find_account", account=account)
        return self._account(row) if row is not None else None

    async def get(self, account: str) -> Account:
        """Raises :exc:`NotFound`."""
        found = await self.find(account)
        if found is None:
            raise NotFound("Account record was not found for requested ID")
        return found

    async def put(self, account: Account) -> bool:
        """Store an account as given, version included; true when it is new.

        A new one gets a status: ``init``, or ``unset`` without a mailbox. Wakes ``accounts``.
        """
        session = self._session
        row = await session.maybe("find_account", account=account.account)
        session.defer(
            "put_account",
            account=account.account,
            name=account.name,
            email=account.email,
            config=AccountJson(account.account, session.sealer).write(account),
            search=f"{account.account}\n{account.name}\n{account.email or ''}".casefold(),
            version=account.version,
            created_at=account.created_at,
        )
        if row is None:
            state = AccountState.INIT if account.has_mailbox else AccountState.UNSET
            await session.run(
                "insert_account_status",
                account=account.account,
                state=state.value,
                now=session.now,
            )
        session.notify("accounts", account.account)
        return row is None

    async def all_ids(self) -> list[tuple[str, int]]:
        """Every account id with its version, by id."""
        rows = await self._session.many("account_versions")
        return [(row[0], row[1]) for row in rows]

    async def list(
        self,
        page: int,
        page_size: int,
        *,
        state: AccountState | None = None,
        query: str | None = None,
    ) -> tuple[list[tuple[Account, AccountStatus]], int]:
        """One page, from 0, by id, and how many there are in all.

        ``query`` is a part of id, name or address in any case; empty is no filter.
        """
        state_text = state.value if state is not None else None
        pattern = contains(query) if query else None
        total = await self._session.one("count_accounts", state=state_text, pattern=pattern)
        rows = await self._session.many(
            "list_accounts",
            state=state_text,
            pattern=pattern,
            limit=page_size,
            offset=page * page_size,
        )
        return [(self._account(row[:6]), _status(row[6:])) for row in rows], total[0]

    async def counts(self) -> dict[AccountState, int]:
        """How many accounts are in each state that occurs."""
        rows = await self._session.many("count_account_states")
        return {AccountState(row[0]): row[1] for row in rows}

    async def delete(self, account: str) -> bool:
        """Forget the account and everything of it; false when there was none.

        Queue, contents, tokens, mailbox numbers, idempotency keys, counters, status and what is
        suppressed for it alone go; the events stay in the log. A queue of many thousands is
        better emptied first, by ``submissions.remove_account`` in units of their own. Wakes
        ``accounts`` and ``tokens``.
        """
        deleted = await self._session.run("delete_account", account=account)
        if not deleted:
            return False
        submissions = Submissions(self._session)
        while await submissions.remove_account(account):
            pass
        await self._session.run("delete_account_suppressions", account=account)
        self._session.defer("delete_account_idempotency", account=account)
        self._session.defer("delete_event_totals", account=account)
        self._session.notify("accounts", account)
        self._session.notify("tokens")
        return True

    async def find_status(self, account: str) -> AccountStatus | None:
        row = await self._session.maybe("find_account_status", account=account)
        return _status(row) if row is not None else None

    async def status(self, account: str) -> AccountStatus:
        """Raises :exc:`NotFound`."""
        status = await self.find_status(account)
        if status is None:
            raise NotFound("Account record was not found for requested ID")
        return status

    async def set_status(
        self,
        account: str,
        *,
        state: AccountState | Kept = KEPT,
        last_error: LastError | Kept | None = KEPT,
        next_try_at: int | Kept | None = KEPT,
        connected_before: bool | Kept = KEPT,
        authenticated_before: bool | Kept = KEPT,
        told_error: str | Kept | None = KEPT,
        refused_since: int | Kept | None = KEPT,
        synced_at: int | Kept | None = KEPT,
        sync_error: SyncError | Kept | None = KEPT,
    ) -> bool:
        """Change what is given; false when the account is gone.

        ``state_since`` follows a change of state by itself. ``told_error`` names the error that
        was told last, see :meth:`told_error`; ``refused_since`` is the first of a row of refused
        logins, see :meth:`refused_since`.
        """
        row = await self._session.maybe("lock_account_status", account=account)
        if row is None:
            return False
        status = _status(row)
        if not isinstance(state, Kept) and state is not status.state:
            status = replace(status, state=state, state_since=self._session.now)
        if not isinstance(last_error, Kept):
            status = replace(status, last_error=last_error)
        if not isinstance(next_try_at, Kept):
            status = replace(status, next_try_at=next_try_at)
        if not isinstance(connected_before, Kept):
            status = replace(status, connected_before=connected_before)
        if not isinstance(authenticated_before, Kept):
            status = replace(status, authenticated_before=authenticated_before)
        if not isinstance(synced_at, Kept):
            status = replace(status, synced_at=synced_at)
        if not isinstance(sync_error, Kept):
            status = replace(status, sync_error=sync_error)
        await self._session.run(
            "set_account_status",
            account=account,
            state=status.state.value,
            state_since=status.state_since,
            last_error=_write_error(status.last_error),
            next_try_at=status.next_try_at,
            connected_before=int(status.connected_before),
            authenticated_before=int(status.authenticated_before),
            told_error=row[9] if isinstance(told_error, Kept) else told_error,
            refused_since=row[10] if isinstance(refused_since, Kept) else refused_since,
            synced_at=status.synced_at,
            sync_error=_write_sync_error(status.sync_error),
        )
        return True

    async def set_smtp_status(self, account: str, smtp_status: Mapping[str, object] | None) -> None:
        """Remember the last outcome at the relay, JSON-ready (contract B-165)."""
        self._session.defer(
            "set_smtp_status",
            account=account,
            smtp_status=(None if smtp_status is None else jsontext.write(smtp_status)),
        )

    async def told_error(self, account: str) -> str | None:
        """The key of the connection error that was told last and not left behind since."""
        row = await self._session.maybe("find_told_error", account=account)
        return row[0] if row is not None else None

    async def refused_since(self, account: str) -> int | None:
        """Since when (epoch ms) every login was refused; ``None`` when the last one was not."""
        row = await self._session.maybe("lock_account_status", account=account)
        return row[10] if row is not None else None

    async def reset_states(self) -> int:
        """Show every account with a mailbox as ``init``: this run has connected none yet."""
        return await self._session.run("reset_account_states", now=self._session.now)

    def _account(self, row: Row) -> Account:
        account, name, email, config, version, created_at = row
        return AccountJson(account, self._session.sealer).read(
            name, email, created_at, version, config
        )


def _status(row: Row) -> AccountStatus:
    state, since, last_error, next_try_at, connected, authenticated, smtp_status = row[:7]
    synced_at, sync_error = row[7:9]
    return AccountStatus(
        state=AccountState(state),
        state_since=since,
        last_error=LastError(*jsontext.read(last_error)) if last_error else None,
        next_try_at=next_try_at,
        connected_before=bool(connected),
        authenticated_before=bool(authenticated),
        smtp_status=jsontext.read(smtp_status) if smtp_status else None,
        synced_at=synced_at,
        sync_error=SyncError(*jsontext.read(sync_error)) if sync_error else None,
    )


def _write_error(error: LastError | None) -> str | None:
    if error is None:
        return None
    return jsontext.write([error.response, error.code, error.description])


def _write_sync_error(error: SyncError | None) -> str | None:
    if error is None:
        return None
    return jsontext.write([error.path, error.time, error.error])
