"""Running a unit on an SQLite connection, here or in a thread.

A unit begins on the event loop, because most of them take some tens of microseconds and a hop to
a thread and back costs more. The one that has used up its time there, or comes to a query that is
marked ``slow``, is suspended at that query and goes on in a thread; see :class:`Run`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator, Sequence
from time import perf_counter
from typing import Any

import apsw

from postroad.domain.errors import Conflict, Invalid
from postroad.store.backend import Row, Unit
from postroad.store.dialect import Queries, Query, SqlValue
from postroad.store.recent import RecentContents
from postroad.store.sealed import Sealer
from postroad.store.tx import Tx
from postroad.store.wake import Note

UNIT_S = 0.001  # that one unit may take on the event loop


class _Move:
    """What a unit is suspended with when it shall go on in a thread."""

    def __await__(self) -> Generator[_Move, None, None]:
        yield self


_MOVE = _Move()


class SqliteSession:
    """The session of one connection; units use it one after the other."""

    __slots__ = (
        "_connection",
        "_cursor",
        "_deadline",
        "_queries",
        "dropped",
        "notes",
        "now",
        "recent",
        "sealer",
        "tx",
    )

    def __init__(
        self,
        connection: apsw.Connection,
        queries: Queries,
        sealer: Sealer,
        recent: RecentContents,
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._queries = queries
        self._deadline: float | None = None
        self.sealer = sealer
        self.recent = recent
        self.now = 0
        self.notes: list[Note] = []
        self.dropped: list[str] = []
        self.tx = Tx(self)

    async def one(self, query: str, **params: SqlValue) -> Row:
        rows = await self._rows(self._queries.one[query], params)
        if not rows:
            raise LookupError(f"{query} found no row")
        return rows[0]

    async def maybe(self, query: str, **params: SqlValue) -> Row | None:
        rows = await self._rows(self._queries.maybe[query], params)
        return rows[0] if rows else None

    async def many(self, query: str, **params: SqlValue) -> Sequence[Row]:
        return await self._rows(self._queries.many[query], params)

    async def run(self, query: str, **params: SqlValue) -> int:
        found = self._queries.run[query]
        if self._must_move(found):
            await _MOVE
        self._execute(found, params)
        return self._connection.changes()

    def defer(self, query: str, **params: SqlValue) -> None:
        self._execute(self._queries.defer[query], params)

    def notify(self, topic: str, payload: str = "") -> None:
        self.notes.append((topic, payload))

    def drop_file(self, spill: str) -> None:
        self.dropped.append(spill)

    def begin(self, now: int) -> None:
        """Forget the last unit; the next one runs at the time ``now``."""
        self.now = now
        self.notes = []
        self.dropped = []

    def limit(self, deadline: float | None) -> None:
        """Suspend the unit at its next query after ``deadline``; ``None`` lets it run."""
        self._deadline = deadline

    async def _rows(self, query: Query, params: dict[str, SqlValue]) -> Sequence[Row]:
        if self._must_move(query):
            await _MOVE
        return self._execute(query, params).fetchall()

    def _must_move(self, query: Query) -> bool:
        return self._deadline is not None and (query.is_slow or perf_counter() > self._deadline)

    def _execute(self, query: Query, params: dict[str, SqlValue]) -> apsw.Cursor:
        try:
            return self._cursor.execute(query.text, query.bind(params))
        except apsw.ConstraintError as error:
            raise Conflict(f"{query.name}: {error}") from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise Invalid(
                "The request holds a value that cannot be stored", info={"reason": str(error)}
            ) from error


class Run:
    """One run of one unit: begun on the event loop or in a thread, finished in either."""

    __slots__ = ("_coroutine", "_session", "_unit", "error", "value")

    def __init__(self, unit: Unit[Any], session: SqliteSession, now: int) -> None:
        session.begin(now)
        self._session = session
        self._unit = unit
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self.value: Any = None
        self.error: BaseException | None = None

    def advance(self, *, is_on_loop: bool) -> bool:
        """Run on; false when the rest must happen in a thread.

        Afterwards ``value`` or ``error`` tells what came of it. A unit that awaits anything but
        its tx fails with :exc:`RuntimeError`.
        """
        self._session.limit(perf_counter() + UNIT_S if is_on_loop else None)
        try:
            # Calling it may fail already, when it is not an async function itself.
            coroutine = self._coroutine or self._unit(self._session.tx)
            self._coroutine = coroutine
            if coroutine.send(None) is _MOVE and is_on_loop:
                return False
        except StopIteration as stop:
            self.value = stop.value
        except BaseException as error:  # noqa: BLE001 - the edge of a unit; its caller gets it
            self.error = error
        else:
            coroutine.close()
            self.error = RuntimeError("a unit of work awaited something other than its tx")
        return True

    def abandon(self) -> None:
        """Leave a suspended run as it is; its unit will run again from the beginning."""
        if self._coroutine is not None:
            self._coroutine.close()
