"""Accounts as webhooks need them, remembered for a while."""

from __future__ import annotations

from collections.abc import Callable

from postroad.domain.account import Account
from postroad.store import Store, Tx

_GOOD_FOR_S = 30.0  # a lost hint costs at most this
_MAX_REMEMBERED = 10_000


class AccountBook:
    """Reads accounts from the store once and again when they may have changed.

    Only accounts that exist are remembered: one that was just made must be found at once.
    ``clock_s`` is any clock that only goes forward.
    """

    def __init__(self, store: Store, clock_s: Callable[[], float]) -> None:
        self._store = store
        self._clock_s = clock_s
        self._known: dict[str, tuple[Account, float]] = {}
        self._generation = 0  # counts what was forgotten, so that no stale read is remembered

    def forget(self, account: str) -> None:
        """Drop one account from memory, or all for an empty id."""
        self._generation += 1
        if account:
            self._known.pop(account, None)
        else:
            self._known.clear()

    async def find(self, account: str) -> Account | None:
        """The account as it is now; ``None`` when there is none."""
        known = self._known.get(account)
        if known is not None and self._clock_s() - known[1] < _GOOD_FOR_S:
            return known[0]

        async def unit(tx: Tx) -> Account | None:
            return await tx.accounts.find(account)

        generation = self._generation
        found = await self._store.read(unit, quick=True)
        if found is not None and generation == self._generation:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[account] = (found, self._clock_s())
        return found
