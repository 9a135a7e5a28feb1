"""Reading from SQLite beside the writer, on read-only connections.

A read begins on the event loop. One that has used up its time there, or comes to a query that is
marked ``slow``, is given up and runs again in a thread; see ``sqlite_session``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw

from postroad.store.backend import T, Unit
from postroad.store.dialect import Queries
from postroad.store.recent import RecentContents
from postroad.store.sealed import Sealer
from postroad.store.sqlite_session import Run, SqliteSession
from postroad.store.sqlite_writer import BUSY_MS, STORAGE_ERRORS, unavailable

THREADS = 2  # SQLite answers most reads in less time than a third one costs


class Reader:
    """A read-only connection; units use it one after the other."""

    def __init__(
        self,
        path: Path,
        queries: Queries,
        sealer: Sealer,
        recent: RecentContents,
        clock: Callable[[], int],
    ) -> None:
        self._connection = apsw.Connection(
            str(path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=200
        )
        self._connection.set_busy_timeout(BUSY_MS)
        self._cursor = self._connection.cursor()
        self._session = SqliteSession(self._connection, queries, sealer, recent)
        self._clock = clock

    def read(self, unit: Unit[T], *, is_on_loop: bool, is_quick: bool = False) -> Run | None:
        """Run a unit; ``None`` when it was given up because it takes too long for the loop.

        On one snapshot, unless it is quick: then each query sees its own moment.
        """
        try:
            if not is_quick:
                self._cursor.execute("BEGIN")
            run = Run(unit, self._session, self._clock())
            try:
                if not run.advance(is_on_loop=is_on_loop):
                    run.abandon()
                    return None
            finally:
                if self._connection.in_transaction:
                    self._cursor.execute("COMMIT")
        except STORAGE_ERRORS as error:
            raise unavailable(error) from error
        if isinstance(run.error, apsw.ReadOnlyError):
            raise RuntimeError("a unit that was to read only tried to write") from run.error
        if isinstance(run.error, STORAGE_ERRORS):
            raise unavailable(run.error) from run.error
        return run

    def close(self) -> None:
        self._connection.close()


class Readers:
    """One connection for the event loop and one for each thread."""

    def __init__(
        self,
        path: Path,
        queries: Queries,
        sealer: Sealer,
        recent: RecentContents,
        clock: Callable[[], int],
    ) -> None:
        self._arguments = (path, queries, sealer, recent, clock)
        self._here = Reader(*self._arguments)
        self._there: list[Reader] = []
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="store-reader")

    async def read(self, unit: Unit[T], *, is_quick: bool) -> T:
        """Run a unit that only reads. Raises :exc:`Unavailable`."""
        run = self._here.read(unit, is_on_loop=True, is_quick=is_quick)
        if run is None:
            loop = asyncio.get_running_loop()
            run = await loop.run_in_executor(self._pool, self._read_in_thread, unit)
        if run.error is not None:
            raise run.error
        result: T = run.value
        return result

    async def close(self) -> None:
        """Wait for the reads that run, then let go of the connections."""
        await asyncio.to_thread(self._pool.shutdown)
        for reader in (self._here, *self._there):
            reader.close()

    def _read_in_thread(self, unit: Unit[T]) -> Run:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = Reader(*self._arguments)
            self._there.append(reader)
        run = reader.read(unit, is_on_loop=False)
        assert run is not None, "nothing is given up in a thread"
        return run
