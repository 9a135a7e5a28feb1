"""Suppression lists as surfaces see them, and the question that every submit asks of them.

While nobody is on the lists that hold for every message, that question costs a look at a flag;
else one indexed query. The flag is read again when a list changes, here or in another process,
and in any case every :data:`POLL_S` seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from postroad.domain.errors import NotFound
from postroad.domain.page import Page, pages_of
from postroad.domain.suppression import (
    DEFAULT_REASON,
    RESERVED_LIST,
    ListSize,
    Skipped,
    Suppressed,
    SuppressionScope,
    SuppressionSource,
    address_key,
    first_by_list,
)
from postroad.engine.settings import Settings
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger
from postroad.store import Store, Tx

log = get_logger(__name__)

POLL_S: Final = 30.0


class Suppression:
    """The suppression service."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._asked: tuple[str, ...] = ()  # the lists that _filled was read for
        self._filled: frozenset[str] | None = None  # None asks the store
        self._generation = 0  # grows with every change; what was read before is not kept

    async def screen(self, account: str, recipients: Sequence[str]) -> tuple[Skipped, ...]:
        """Those of ``recipients`` that ``account`` must not write to, each with the reason.

        A recipient who is on several lists is told with the first of ``suppressionLists``.
        """
        lists = self._settings.snapshot.suppression.lists
        if not lists or not recipients:
            return ()
        filled = self._filled
        if filled is None or lists != self._asked:
            filled = await self._look(lists)
        if not filled:
            return ()
        keys = [address_key(recipient) for recipient in recipients]
        unique = list(dict.fromkeys(keys))
        found = await self._store.read(
            lambda tx: tx.suppressions.match(filled, account, unique), quick=True
        )
        by_key = first_by_list(found, lists) if found else {}
        return tuple(
            Skipped(recipient, entry.reason, entry.list_id)
            for key, recipient in zip(keys, recipients, strict=True)
            if (entry := by_key.get(key)) is not None
        )

    async def lists(self, page: int, page_size: int) -> Page[ListSize]:
        """All lists that have anybody on them, by name."""
        found, total = await self._store.read(lambda tx: tx.suppressions.lists(page, page_size))
        return Page(found, total, page, pages_of(total, page_size))

    async def entries(self, list_id: str, page: int, page_size: int) -> Page[Suppressed]:
        """The addresses on a list, in their order. Raises :exc:`NotFound` for an empty one."""
        found, total = await self._store.read(
            lambda tx: tx.suppressions.entries(list_id, page, page_size)
        )
        if not total:
            raise _unknown()
        return Page(found, total, page, pages_of(total, page_size))

    async def find(self, list_id: str, recipient: str) -> list[Suppressed]:
        """What a list has on one address; empty when it is not there."""
        return await self._store.read(lambda tx: tx.suppressions.find(list_id, recipient))

    async def add(
        self,
        list_id: str,
        recipient: str,
        *,
        account: str,
        source: SuppressionSource,
        reason: str = DEFAULT_REASON,
        remote_address: str | None = None,
        user_agent: str | None = None,
    ) -> bool:
        """Put an address onto a list; false when it was there, and is refreshed. B-253.

        Lists hold for all accounts, but the reserved one is up to ``suppressionScope``. Raises
        :exc:`NotFound` for an account that does not exist.
        """
        is_scoped = (
            list_id == RESERVED_LIST
            and self._settings.snapshot.suppression.scope is SuppressionScope.ACCOUNT
        )

        async def unit(tx: Tx) -> bool:
            await tx.accounts.get(account)
            entry = Suppressed(
                list_id=list_id,
                recipient=recipient,
                account=account,
                source=source.value,
                reason=reason or DEFAULT_REASON,
                created_at=tx.now,
                scope=account if is_scoped else "",
                remote_address=remote_address,
                user_agent=user_agent,
            )
            return await tx.suppressions.put(entry)

        is_new = await self._store.write(unit)
        self.forget()
        log.info(
            "address suppressed",
            list_id=list_id,
            account=account,
            source=source.value,
            is_new=is_new,
        )
        return is_new

    async def remove(self, list_id: str, recipient: str, *, account: str | None = None) -> bool:
        """Take an address off a list; false when it was not there.

        It goes for all accounts, or only as far as it is suppressed for ``account`` alone.
        Raises :exc:`NotFound` for a list that nobody is on.
        """

        async def unit(tx: Tx) -> int:
            if not await tx.suppressions.has_list(list_id):
                raise _unknown()
            return await tx.suppressions.remove(list_id, recipient, scope=account)

        removed = await self._store.write(unit)
        self.forget()
        if removed:
            log.info("address released", list_id=list_id, account=account)
        return removed > 0

    def forget(self) -> None:
        """Ask the store again whether anybody is on the lists."""
        self._generation += 1
        self._filled = None

    async def run(self, stop: Hint | None = None) -> None:
        """Hear of changes elsewhere, until cancelled or stopped."""
        with (
            self._store.wake.listen("suppressions", lambda _: self.forget()),
            Wakeup(poll_s=POLL_S, stop=stop) as wakeup,
        ):
            while not wakeup.is_stopping:
                await wakeup.wait()
                self.forget()

    async def _look(self, lists: tuple[str, ...]) -> frozenset[str]:
        generation = self._generation
        filled = await self._store.read(lambda tx: tx.suppressions.filled(lists), quick=True)
        # What was read before a change must not be believed after it.
        if generation == self._generation:
            self._asked, self._filled = lists, filled
        return filled


def _unknown() -> NotFound:
    return NotFound("Requested blocklist was not found")
