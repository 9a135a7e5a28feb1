"""The configured accounts, in memory.

Every submission needs its account's configuration; reading it from the store each time would
cost more than composing the message. The directory keeps copies and drops one as soon as a hint
says that it changed, so a copy is at most as old as the store's slowest hint.
"""

from __future__ import annotations

from collections import OrderedDict

from postroad.domain.account import Account
from postroad.domain.errors import NotFound
from postroad.store import Store

MAX_COPIES = 20_000


class Directory:
    """Accounts by id. ``forget`` drops a copy; the next ``get`` reads the row again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._copies: OrderedDict[str, Account] = OrderedDict()
        self._epoch = 0  # grows with every forget, so that a read under way is not kept

    async def get(self, account: str) -> Account:
        """The account's configuration. Raises :exc:`NotFound`."""
        if (copy := self._copies.get(account)) is not None:
            return copy
        epoch = self._epoch
        found = await self._store.read(lambda tx: tx.accounts.find(account))
        if found is None:
            raise NotFound("Account record was not found for requested ID")
        if epoch == self._epoch:
            self._copies[account] = found
            if len(self._copies) > MAX_COPIES:
                self._copies.popitem(last=False)
        return found

    def peek(self, account: str) -> Account | None:
        """The copy at hand, without a read."""
        return self._copies.get(account)

    def forget(self, account: str | None) -> None:
        """Drop one copy, or all when ``account`` is ``None``."""
        self._epoch += 1
        if account is None:
            self._copies.clear()
        else:
            self._copies.pop(account, None)
