"""Running a unit on a PostgreSQL connection, in as few round trips as it allows.

The transaction begins with the first query that has something to tell. Deferred changes gather
until then, or until the end, and travel together as one statement; a unit that only defers is
that one statement and needs no transaction around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import asyncpg

from postroad.domain.errors import Conflict, Invalid
from postroad.store.backend import Row
from postroad.store.dialect import Queries, Query, SqlValue
from postroad.store.recent import RecentContents
from postroad.store.sealed import Sealer
from postroad.store.tx import Tx
from postroad.store.wake import Note

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    # Generic for the type checker alone.
    Connection = PoolConnectionProxy[asyncpg.Record]

MAX_TOGETHER = 8  # deferred changes in one statement; more would fill the statement cache

# What a unit does to itself by what it wants to store.
_OF_THE_UNIT = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)

_NUMBER = re.compile(r"\$(\d+)")


class PostgresSession:
    """The session of one unit."""

    __slots__ = ("_begin", "_connection", "_deferred", "_queries", "is_begun", "notes", "now",
                 "recent", "sealer", "tx")  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        queries: Queries,
        sealer: Sealer,
        recent: RecentContents,
        now: int,
        begin: str | None,
    ) -> None:
        """``begin`` is the statement that opens the transaction; ``None`` runs without one."""
        self._connection = connection
        self._queries = queries
        self._begin = begin
        self._deferred: list[tuple[Query, tuple[SqlValue, ...]]] = []
        self.is_begun = False
        self.sealer = sealer
        self.recent = recent
        self.now = now
        self.notes: list[Note] = []
        self.tx = Tx(self)

    async def one(self, query: str, **params: SqlValue) -> Row:
        rows = await self._fetch(self._queries.one[query], params)
        if not rows:
            raise LookupError(f"{query} found no row")
        return rows[0]

    async def maybe(self, query: str, **params: SqlValue) -> Row | None:
        rows = await self._fetch(self._queries.maybe[query], params)
        return rows[0] if rows else None

    async def many(self, query: str, **params: SqlValue) -> Sequence[Row]:
        return await self._fetch(self._queries.many[query], params)

    async def run(self, query: str, **params: SqlValue) -> int:
        await self._prepare()
        found = self._queries.run[query]
        try:
            status = await self._connection.execute(found.text, *found.bind(params))
        except _OF_THE_UNIT as error:
            raise _explained(query, error) from error
        return int(status.rpartition(" ")[2])

    def defer(self, query: str, **params: SqlValue) -> None:
        found = self._queries.defer[query]
        self._deferred.append((found, found.bind(params)))

    def notify(self, topic: str, payload: str = "") -> None:
        self.notes.append((topic, payload))

    def drop_file(self, spill: str) -> None:
        raise RuntimeError(f"a row on PostgreSQL names the file {spill}")

    async def finish(self) -> None:
        """Send what is deferred still and commit."""
        if len(self._deferred) > step_of(self._deferred):
            await self._prepare()
        else:
            await self._flush()
        if self.is_begun:
            await self._connection.execute("COMMIT")

    async def roll_back(self) -> None:
        if self.is_begun:
            await self._connection.execute("ROLLBACK")

    async def _fetch(self, query: Query, params: dict[str, SqlValue]) -> Sequence[Row]:
        await self._prepare()
        try:
            rows = await self._connection.fetch(query.text, *query.bind(params))
        except _OF_THE_UNIT as error:
            raise _explained(query.name, error) from error
        # A Record is a tuple of its values in all but its declared type.
        return cast("list[Row]", rows)

    async def _prepare(self) -> None:
        if not self.is_begun and self._begin is not None:
            await self._connection.execute(self._begin)
            self.is_begun = True
        await self._flush()

    async def _flush(self) -> None:
        while self._deferred:
            step = self._deferred[: step_of(self._deferred)]
            del self._deferred[: len(step)]
            first = step[0][0]
            try:
                if len(step) > 1 and step[1][0] is first:
                    await self._connection.executemany(first.text, [bound for _, bound in step])
                else:
                    text = together(tuple(query.text for query, _ in step))
                    arguments = [argument for _, bound in step for argument in bound]
                    await self._connection.execute(text, *arguments)
            except _OF_THE_UNIT as error:
                names = ", ".join(dict.fromkeys(query.name for query, _ in step))
                raise _explained(names, error) from error


def step_of(deferred: Sequence[tuple[Query, object]]) -> int:
    """How many of the first go in one round trip: repeats of one query, or different ones.

    The parts of one statement run in no order (PostgreSQL manual, 7.8.4). That matters where
    the same query comes twice: of two events of a unit the first must come first in the log.
    Repeats therefore travel as a batch, which keeps their order.
    """
    repeats = 0
    for query, _ in deferred:
        if query is not deferred[0][0]:
            break
        repeats += 1
    if repeats > 1:
        return repeats
    seen: set[str] = set()
    for query, _ in deferred[:MAX_TOGETHER]:
        if query.name in seen:
            break
        seen.add(query.name)
    return len(seen)


def _explained(name: str, error: Exception) -> Conflict | Invalid:
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return Conflict(f"{name}: {error}")
    return Invalid("The request holds a value that cannot be stored", info={"reason": str(error)})


@lru_cache(maxsize=256)
def together(texts: tuple[str, ...]) -> str:
    """One statement that does what all of ``texts`` do, parameters numbered through."""
    offset = 0
    parts: list[str] = []
    for text in texts:
        numbers = {int(number) for number in _NUMBER.findall(text)}
        # From the highest: what was renumbered must not be met again.
        for number in sorted(numbers, reverse=True):
            text = re.sub(rf"\${number}\b", f"${number + offset}", text)
        parts.append(text)
        offset += len(numbers)
    *first, last = parts
    if not first:
        return last
    named = ",\n".join(f"deferred_{n} AS (\n{part}\n)" for n, part in enumerate(first))
    return f"WITH {named}\n{last}"
