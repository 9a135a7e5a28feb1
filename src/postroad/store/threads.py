"""Which messages of an account belong together, and of which that is not known yet.

Written by whoever holds the account's lease; every unit that writes begins with its check.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from postroad.domain.thread_index import Forest
from postroad.store.backend import Session

_FEW = 12  # nodes that are looked up at once without leaving the event loop


@dataclass(frozen=True, slots=True)
class Unthreaded:
    """Messages of a mailbox whose threads are not known: UIDs from ``low`` to ``high``."""

    path: str
    number: int
    uidvalidity: int
    low: int
    high: int


class Threads:
    """Threads by the nodes in them, which are hashed Message-IDs."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find_unthreaded(self, account: str, *, after: str = "") -> Unthreaded | None:
        """The first mailbox behind a path with known messages that are in no thread yet."""
        row = await self._session.maybe("find_unthreaded", account=account, after=after)
        return None if row is None else Unthreaded(row[0], row[1], row[2], row[3], row[4] - 1)

    async def begin(self, account: str, path: str, *, uid: int) -> None:
        """Every message below ``uid`` of a mailbox waits for its thread."""
        await self._session.run("begin_threads", account=account, path=path, uid=uid)

    def set_unthreaded(self, account: str, path: str, *, low: int, high: int) -> None:
        """Messages from ``low`` on have come without their threads; all below ``high`` wait.

        What waited before goes on waiting.
        """
        self._session.defer("set_unthreaded", account=account, path=path, low=low, high=high)

    async def set_threaded(self, account: str, path: str, number: int, *, uid: int) -> None:
        """Every message below ``uid`` of this life of a mailbox is in its thread."""
        await self._session.run("set_threaded", account=account, path=path, number=number, uid=uid)

    async def names(self, account: str, nodes: Collection[int]) -> dict[int, int]:
        """The threads of nodes, as far as they are in any."""
        forest = Forest()
        await self._load(account, forest, nodes)
        found = {node: forest.name(node) for node in nodes}
        return {node: name for node, name in found.items() if name is not None}

    async def members(self, account: str, node: int, *, limit: int) -> list[int]:
        """The nodes of the thread of ``node``, at most so many; none when it is in no thread."""
        forest = Forest()
        found: list[int] = []
        here = node
        while len(found) < limit:
            if forest.next(here) is None:
                await self._load(account, forest, [here])
            after = forest.next(here)
            if after is None:
                break
            found.append(here)
            if after == node:
                break
            here = after
        return found

    async def join(self, account: str, groups: Sequence[Sequence[int]]) -> list[int]:
        """Put the nodes of each group into one thread, joining the threads that they are in.

        Returns the threads of the groups after all of it. A thread is named by the smallest node
        in it, so the order of arrival does not matter.
        """
        if not groups:
            return []
        await self._session.one("lock_threads", account=account)
        forest = Forest()
        await self._load(account, forest, {node for group in groups for node in group})
        for group in groups:
            forest.join(group)
        for first, data in forest.changed():
            await self._session.run(
                "put_thread_chunk", account=account, first_node=first, data=data
            )
        names = [forest.name(group[0]) for group in groups]
        return [name for name in names if name is not None]

    async def _load(self, account: str, forest: Forest, nodes: Iterable[int]) -> None:
        """Load what the threads of ``nodes`` are made out from, root by root."""
        nodes = list(nodes)
        while wanted := forest.lacking(nodes):
            query = "thread_chunks" if len(wanted) <= _FEW else "many_thread_chunks"
            listed = json.dumps(sorted(wanted))
            for row in await self._session.many(query, account=account, nodes=listed):
                forest.load(row[0], row[1])
            forest.note_absent(wanted)
