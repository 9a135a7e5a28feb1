"""The shown state of one account, written together with the events that tell of it."""

from __future__ import annotations

from dataclasses import replace

from postroad.domain.account import Account, AccountState, LastError
from postroad.domain.errors import PostroadError
from postroad.domain.event import Event, EventName
from postroad.engine.accounts.advice import on_loss, on_refusal, words_of
from postroad.engine.accounts.session import Refusal
from postroad.observe import get_logger, metrics
from postroad.store import Store, Tx

log = get_logger("postroad.accounts")

# Of refused logins without a break; then the account is switched off (contract B-232).
REFUSED_LIMIT_MS = 3 * 86_400_000


class Record:
    """Writes what becomes of one account's way in."""

    def __init__(
        self, store: Store, account: Account, *, refused_limit_ms: int = REFUSED_LIMIT_MS
    ) -> None:
        self._store = store
        self._refused_limit_ms = refused_limit_ms
        self._account = account

    async def connecting(self) -> None:
        await self._set(AccountState.CONNECTING)

    async def syncing(self) -> None:
        """We are in; the mailboxes are being looked at."""
        await self._set(AccountState.SYNCING)

    async def synced(self) -> None:
        """Every mailbox was looked at once more."""
        await self._store.write(
            lambda tx: tx.accounts.set_status(self._account.account, synced_at=tx.now)
        )

    async def connected(self) -> None:
        """Every mailbox was looked at for the first time in this session."""
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
                refused_since=None,
                synced_at=tx.now,
            )
            return events

        for event in await self._store.write(unit):
            metrics.event_recorded(event.name.value)
        log.info("account connected", account=account)

    async def refused(self, refusal: Refusal, pause_s: float) -> bool:
        """A connection attempt failed; false when the account is switched off for it."""
        account = self._account.account
        state = AccountState.AUTHENTICATION_ERROR if refusal.is_auth else AccountState.CONNECT_ERROR
        name = EventName.AUTHENTICATION_ERROR if refusal.is_auth else EventName.CONNECT_ERROR
        error = LastError(refusal.response, refusal.code, on_refusal(refusal))
        # A repeat of what was told last is not told again (EVENTS §2.4).
        key = f"{name.value}:{refusal.code or refusal.response}"

        async def unit(tx: Tx) -> tuple[bool, bool]:
            is_news = await tx.accounts.told_error(account) != key
            if is_news:
                data: dict[str, object] = {"response": refusal.response}
                if refusal.code is not None:
                    data["serverResponseCode"] = refusal.code
                await tx.events.record(Event(name, account, data))
            since = await tx.accounts.refused_since(account)
            # Not being reached says nothing about the login, one way or the other.
            since = (since or tx.now) if refusal.is_auth else since
            await tx.accounts.set_status(
                account,
                state=state,
                last_error=error,
                next_try_at=tx.now + int(pause_s * 1000),
                authenticated_before=False,
                told_error=key,
                refused_since=since,
            )
            is_over = (
                refusal.is_auth and since is not None and tx.now - since >= self._refused_limit_ms
            )
            if is_over:
                await self._switch_off(tx, error)
            return is_news, not is_over

        is_news, goes_on = await self._store.write(unit)
        if is_news:
            metrics.event_recorded(name.value)
        log.warning(
            "account cannot connect" if goes_on else "account is switched off",
            account=account,
            response=refusal.response,
            code=refusal.code,
            retry_in_s=round(pause_s, 1),
        )
        return goes_on

    async def lost(self, reason: PostroadError, pause_s: float) -> None:
        """A session has ended by itself."""
        account = self._account.account
        words, code = words_of(reason)
        error = LastError(words, code, on_loss(reason))

        async def unit(tx: Tx) -> None:
            await tx.accounts.set_status(
                account,
                state=AccountState.DISCONNECTED,
                last_error=error,
                next_try_at=tx.now + int(pause_s * 1000),
            )

        await self._store.write(unit)
        log.info("account disconnected", account=account, reason=words)

    async def failed(self, pause_s: float) -> None:
        """What follows the account has failed for a reason of our own."""
        error = LastError(
            "Following the mailbox failed inside Postroad",
            None,
            "It begins again by itself. The log has the reason: 'account runner failed'.",
        )
        await self._store.write(
            lambda tx: tx.accounts.set_status(
                self._account.account,
                state=AccountState.DISCONNECTED,
                last_error=error,
                next_try_at=tx.now + int(pause_s * 1000),
            )
        )

    async def _switch_off(self, tx: Tx, error: LastError) -> None:
        account = await tx.accounts.find(self._account.account)
        if account is None or account.imap is None:
            return
        imap = replace(account.imap, disabled=True)
        await tx.accounts.put(replace(account, imap=imap, version=account.version + 1))
        await tx.accounts.set_status(
            account.account,
            state=AccountState.UNSET,
            next_try_at=None,
            refused_since=None,
            last_error=replace(
                error,
                description=(
                    "IMAP was switched off because the server refused every login for "
                    f"{_days(self._refused_limit_ms)}. "
                    "Correct the credentials and set imap.disabled to false."
                ),
            ),
        )

    async def _set(self, state: AccountState) -> None:
        await self._store.write(
            lambda tx: tx.accounts.set_status(self._account.account, state=state)
        )


def _days(span_ms: int) -> str:
    hours = max(1, round(span_ms / 3_600_000))
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
