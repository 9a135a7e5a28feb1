"""Suppression lists: addresses by the spelling that they are compared by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postroad.domain.suppression import Evidence, ListSize, Suppressed, address_key
from postroad.store import jsontext
from postroad.store.backend import Row, Session
from postroad.store.dialect import SqlValue

_AT_ONCE = 100  # addresses in one query; a unit that takes long leaves the event loop in between


class Suppressions:
    """The ``suppression`` table. A list is there while an entry is."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, entry: Suppressed) -> bool:
        """Put an address onto its list; false, and nothing changed, when it is there already.

        Wakes ``suppressions`` with the list.
        """
        is_new = await self._session.run("insert_suppression", **_values(entry)) == 1
        if is_new:
            self._session.notify("suppressions", entry.list_id)
        return is_new

    async def put(self, entry: Suppressed) -> bool:
        """Put an address onto its list, or refresh what is there; true when it is new."""
        is_new = await self.add(entry)
        if not is_new:
            await self._session.run("refresh_suppression", **_values(entry))
        return is_new

    async def remove(self, list_id: str, recipient: str, *, scope: str | None = None) -> int:
        """Take an address off a list; returns how many entries went.

        Without ``scope`` it goes for all accounts. Wakes ``suppressions`` with the list.
        """
        removed = await self._session.run(
            "delete_suppression", list_id=list_id, address=address_key(recipient), scope=scope
        )
        if removed:
            self._session.notify("suppressions", list_id)
        return removed

    async def filled(self, lists: Iterable[str]) -> frozenset[str]:
        """Those of ``lists`` that have anybody on them."""
        rows = await self._session.many(
            "filled_suppression_lists", lists=jsontext.write(list(lists))
        )
        return frozenset(row[0] for row in rows)

    async def match(
        self, lists: Iterable[str], account: str, addresses: Sequence[str]
    ) -> list[Suppressed]:
        """Every entry of ``lists`` that holds for ``account`` and one of ``addresses``.

        Addresses are given by :func:`~postroad.domain.suppression.address_key`. No order.
        """
        names = jsontext.write(list(lists))
        found: list[Suppressed] = []
        for start in range(0, len(addresses), _AT_ONCE):
            rows = await self._session.many(
                "find_suppressions",
                lists=names,
                addresses=jsontext.write(list(addresses[start : start + _AT_ONCE])),
                account=account,
            )
            found += [_entry(row) for row in rows]
        return found

    async def find(self, list_id: str, recipient: str) -> list[Suppressed]:
        """What a list has on one address: an entry for each account, or one for all, first."""
        rows = await self._session.many(
            "suppressions_of", list_id=list_id, address=address_key(recipient)
        )
        return [_entry(row) for row in rows]

    async def has_list(self, list_id: str) -> bool:
        return await self._session.maybe("has_suppression_list", list_id=list_id) is not None

    async def lists(self, page: int, page_size: int) -> tuple[list[ListSize], int]:
        """One page, from 0, of all lists by name, and how many there are."""
        total = await self._session.one("count_suppression_lists")
        rows = await self._session.many(
            "list_suppression_lists", limit=page_size, offset=page * page_size
        )
        return [ListSize(*row) for row in rows], total[0]

    async def entries(
        self, list_id: str, page: int, page_size: int
    ) -> tuple[list[Suppressed], int]:
        """One page, from 0, of a list by address, and how many entries it has."""
        total = await self._session.one("count_suppressions", list_id=list_id)
        rows = await self._session.many(
            "list_suppressions", list_id=list_id, limit=page_size, offset=page * page_size
        )
        return [_entry(row) for row in rows], total[0]


def _values(entry: Suppressed) -> dict[str, SqlValue]:
    evidence = entry.evidence
    return {
        "list_id": entry.list_id,
        "address": entry.address,
        "scope": entry.scope,
        "recipient": entry.recipient,
        "account": entry.account,
        "source": entry.source,
        "reason": entry.reason,
        "message_id": entry.message_id,
        "remote_address": entry.remote_address,
        "user_agent": entry.user_agent,
        "evidence": None if evidence is None else jsontext.write(evidence.to_json()),
        "created_at": entry.created_at,
    }


def _entry(row: Row) -> Suppressed:
    evidence = row[10]
    return Suppressed(
        list_id=row[0],
        recipient=row[1],
        account=row[2],
        source=row[3],
        reason=row[4],
        created_at=row[5],
        scope=row[6],
        message_id=row[7],
        remote_address=row[8],
        user_agent=row[9],
        evidence=None if evidence is None else Evidence.from_json(jsontext.read(evidence)),
    )
