"""Running a unit on an SQLite connection."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from postroad.domain.errors import Conflict
from postroad.store.backend import Row, T, Unit
from postroad.store.dialect import Queries, Query, SqlValue
from postroad.store.sealed import Sealer
from postroad.store.tx import Tx
from postroad.store.wake import Note


class SqliteSession:
    """The session of one connection; units use it one after the other.

    Nothing here ever suspends, so a unit runs to its end in one step.
    """

    __slots__ = ("_connection", "_cursor", "_queries", "dropped", "notes", "now", "sealer", "tx")

    def __init__(self, connection: apsw.Connection, queries: Queries, sealer: Sealer) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._queries = queries
        self.sealer = sealer
        self.now = 0
        self.notes: list[Note] = []
        self.dropped: list[str] = []
        self.tx = Tx(self)

    async def one(self, query: str, **params: SqlValue) -> Row:
        rows = self._rows(self._queries.one[query], params)
        if not rows:
            raise LookupError(f"{query} found no row")
        return rows[0]

    async def maybe(self, query: str, **params: SqlValue) -> Row | None:
        rows = self._rows(self._queries.maybe[query], params)
        return rows[0] if rows else None

    async def many(self, query: str, **params: SqlValue) -> Sequence[Row]:
        return self._rows(self._queries.many[query], params)

    async def run(self, query: str, **params: SqlValue) -> int:
        self._execute(self._queries.run[query], params)
        return self._connection.changes()

    def defer(self, query: str, **params: SqlValue) -> None:
        self._execute(self._queries.defer[query], params)

    def notify(self, topic: str, payload: str = "") -> None:
        self.notes.append((topic, payload))

    def drop_file(self, spill: str) -> None:
        self.dropped.append(spill)

    def drive(self, unit: Unit[T], now: int) -> T:
        """Run ``unit`` to its end at the time ``now``; its notes and dropped files are here then.

        Raises what the unit raises, and :exc:`RuntimeError` when it awaits anything but its tx.
        """
        self.now = now
        self.notes = []
        self.dropped = []
        coroutine = unit(self.tx)
        try:
            coroutine.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result
        coroutine.close()
        raise RuntimeError("a unit of work awaited something other than its tx")

    def _rows(self, query: Query, params: dict[str, SqlValue]) -> Sequence[Row]:
        return self._execute(query, params).fetchall()

    def _execute(self, query: Query, params: dict[str, SqlValue]) -> apsw.Cursor:
        try:
            return self._cursor.execute(query.text, query.bind(params))
        except apsw.ConstraintError as error:
            raise Conflict(f"{query.name}: {error}") from error
