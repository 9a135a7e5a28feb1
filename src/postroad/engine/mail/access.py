"""The way into an account's mailbox for one request, or the words why there is none.

Contract B-016 to B-018: which states of an account let mail be read, and what is told otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from postroad.domain.account import Account, AccountState
from postroad.domain.errors import Unavailable
from postroad.engine.accounts.directory import Directory
from postroad.engine.providers.base import WholeProvider
from postroad.store import Store
from postroad.transport.imap import AuthenticationRefused

_LIVE = frozenset({AccountState.CONNECTED, AccountState.CONNECTING, AccountState.SYNCING})


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why mail cannot be read just now."""

    message: str
    code: str


_WHY_NOT = {
    AccountState.INIT: _Reason("The account has not been connected yet", code="NotYetConnected"),
    AccountState.AUTHENTICATION_ERROR: _Reason(
        "The mail server refuses the login of the account", code="AuthenticationFails"
    ),
    AccountState.CONNECT_ERROR: _Reason("The mail server is out of reach", code="ConnectionError"),
    AccountState.UNSET: _Reason("The account has no mailbox to read", code="NotSyncing"),
}
_OTHERWISE = _Reason("The account is not connected", code="NoAvailable")


class MailboxAccess:
    """Finds the provider of an account whose mailbox can be read."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        provider_of: Callable[[Account], Awaitable[WholeProvider]],
    ) -> None:
        self._store = store
        self._directory = directory
        self._provider_of = provider_of

    async def account(self, account: str) -> Account:
        """Raises :exc:`NotFound`."""
        return await self._directory.get(account)

    async def provider(self, account: str) -> WholeProvider:
        """Raises :exc:`NotFound` for no such account, :exc:`Unavailable` with its state."""
        configured = await self._directory.get(account)
        if not configured.is_sandbox:  # which can always be read
            check_state(await self.state(configured))
        return await self._provider_of(configured)

    async def state(self, account: Account) -> AccountState:
        if not account.has_mailbox:
            return AccountState.UNSET
        name = account.account
        return (await self._store.read(lambda tx: tx.accounts.status(name), quick=True)).state


def check_state(state: AccountState) -> None:
    """Raise :exc:`Unavailable` unless mail can be read in this state. Contract B-017."""
    if state not in _LIVE:
        raise why_not(state)


def why_not(state: AccountState) -> Unavailable:
    """The refusal for an account in a state that something cannot be done in."""
    why = _WHY_NOT.get(state, _OTHERWISE)
    return Unavailable(why.message, code=why.code, info={"state": state.value})


@contextmanager
def as_unavailable() -> Iterator[None]:
    """A login that is refused just now is the account's trouble, not the request's."""
    try:
        yield
    except AuthenticationRefused as error:
        raise Unavailable(error.message, code="AuthenticationFails") from error
