"""Leases: taken from nobody or from the dead, never renewed, never deleted.

A lease lives as long as its node. Its token only grows, so whoever lost it is found out by the
check that opens each of its transactions.
"""

from __future__ import annotations

from postroad.domain.errors import LeaseLost
from postroad.domain.lease import Lease
from postroad.store.backend import Session


class Leases:
    """The ``lease`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def acquire(self, name: str, node_id: str) -> Lease | None:
        """Take ``name`` for ``node_id``; ``None`` while a living node, or we, have it."""
        row = await self._session.maybe(
            "acquire_lease", name=name, node_id=node_id, now=self._session.now
        )
        return Lease(name, node_id, row[0]) if row is not None else None

    async def take(self, name: str, node_id: str) -> Lease | None:
        """As :meth:`acquire`, and also from ``node_id`` itself: its older hold is fenced off."""
        row = await self._session.maybe(
            "take_lease", name=name, node_id=node_id, now=self._session.now
        )
        return Lease(name, node_id, row[0]) if row is not None else None

    async def revoke(self, name: str) -> None:
        """Take it from whoever has it; free afterwards."""
        await self._session.run("revoke_lease", name=name)

    async def check(self, lease: Lease) -> None:
        """Raise :exc:`LeaseLost` unless the lease is still held; first in every unit under it.

        A takeover waits for the transactions that passed.
        """
        row = await self._session.maybe(
            "check_lease", name=lease.name, node_id=lease.node_id, token=lease.token
        )
        if row is None:
            raise LeaseLost(f"{lease.name} is held by another node now")

    async def release(self, lease: Lease) -> bool:
        """Give it back; false when it was lost already."""
        changed = await self._session.run(
            "release_lease", name=lease.name, node_id=lease.node_id, token=lease.token
        )
        return changed == 1

    async def held_by(self, node_id: str) -> list[Lease]:
        """All leases of one node, by name."""
        rows = await self._session.many("leases_of", node_id=node_id)
        return [Lease(*row) for row in rows]
