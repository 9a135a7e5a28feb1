"""Lives of processes. A node that does not beat in time is dead and gets buried."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.store.backend import Session
from postroad.store.submissions import Submissions
from postroad.store.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class NodeLife:
    """One process from its start to its end."""

    node_id: str
    started_at: int  # epoch ms
    expires_at: int  # epoch ms; dead from then on unless it beats again


@dataclass(frozen=True, slots=True)
class Burial:
    """What a burial came upon."""

    was_first: bool  # no other node was quicker
    interrupted: tuple[str, ...]  # queue ids whose attempt was under way


class Nodes:
    """The ``node`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def beat(self, node_id: str, ttl_ms: int) -> None:
        """Live for another ``ttl_ms`` from now."""
        now = self._session.now
        await self._session.run("beat_node", node_id=node_id, now=now, expires_at=now + ttl_ms)

    async def all(self) -> list[NodeLife]:
        """Living and dead, oldest first."""
        rows = await self._session.many("all_nodes")
        return [NodeLife(*row) for row in rows]

    async def bury(self, node_id: str) -> Burial:
        """Forget a node and free all that it held.

        Its leases count as free, its claimed submissions and webhook jobs are due at once. For
        a node that has left without a trace it is harmless.
        """
        deleted = await self._session.run("delete_node", node_id=node_id)
        interrupted = await Submissions(self._session).bury(node_id)
        await Webhooks(self._session).bury(node_id)
        return Burial(deleted == 1, tuple(interrupted))
