"""SQLite: one file, one writer, a few readers.

A unit answered is a unit on disk: WAL with ``synchronous=FULL``. When the disk is full or broken
units fail with :exc:`Unavailable`, nothing is acknowledged, and the writer goes on trying with
each new unit, so it recovers by itself. Only the writer's connection writes and checkpoints.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import apsw

from postroad.domain.errors import ConfigError, Unavailable
from postroad.store.backend import T, Unit
from postroad.store.dialect import Engine, Queries, load_migrations, load_queries
from postroad.store.migrate import CREATE_VERSIONS, LIST_VERSIONS, checksum, pending
from postroad.store.sealed import Sealer
from postroad.store.spill import SpillDirectory
from postroad.store.sqlite_session import SqliteSession
from postroad.store.sqlite_writer import STORAGE_ERRORS, Job, Writer
from postroad.store.wake import Note, Wake

READERS = 2  # threads; SQLite answers most reads in less time than a third one costs
MAX_WAITING = 10_000  # units handed over and not answered; the next caller waits
BUSY_MS = 5_000  # patience with another process that writes, such as the command line
LOOK_S = 1.0  # between looks for changes by other processes
_HEALTH_S = 3.0


class SqliteBackend:
    """An open SQLite database. Made with :meth:`open`."""

    engine = Engine.SQLITE

    def __init__(
        self,
        path: Path,
        *,
        sealer: Sealer,
        clock: Callable[[], int],
        wake: Wake,
        is_exclusive: bool,
    ) -> None:
        """Blocks on the disk for a moment; needs a running event loop. See :meth:`open`."""
        self._path = path
        self._sealer = sealer
        self._clock = clock
        self._wake = wake
        self.spill = SpillDirectory(path.parent / "content")
        self._queries: Queries = load_queries(Engine.SQLITE)
        self._lock = _take_lock(path) if is_exclusive else None
        try:
            connection = _connect(path)
            _migrate(connection, path, clock, has_lock=is_exclusive)
            self._writer = Writer(
                connection,
                SqliteSession(connection, self._queries, sealer),
                self.spill,
                clock=clock,
                deliver=self._deliver,
                stir=wake.tell_all,
            )
            self._connection = connection
            self._quick = _Reader(path, self._queries, sealer, clock)
        except BaseException:
            self._release_lock()
            raise
        self._readers = _Readers(path, self._queries, sealer, clock)
        self._slots = asyncio.Semaphore(MAX_WAITING)
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(LOOK_S, self._look) if is_exclusive else None

    def now(self) -> int:
        return self._clock()

    async def write(self, unit: Unit[T]) -> T:
        if self._is_closed:
            raise Unavailable("The store is closed")
        async with self._slots:
            job = Job(unit, self._loop.create_future())
            self._writer.put(job)
            result: T = await job.future
            return result

    async def read(self, unit: Unit[T], *, quick: bool = False) -> T:
        if self._is_closed:
            raise Unavailable("The store is closed")
        if quick:
            return self._quick.read(unit)
        return await self._readers.read(unit)

    async def is_healthy(self) -> bool:
        if self._is_closed or not self._writer.is_alive:
            return False
        if self._writer.failure is None:
            return True
        try:
            async with asyncio.timeout(_HEALTH_S):
                await self.write(lambda tx: tx.probe())
        except (Unavailable, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.close()
        self._quick.close()
        self._connection.close()
        self._release_lock()

    def _deliver(self, batch: Sequence[Job]) -> None:
        notes: list[Note] = []
        for job in batch:
            future = job.future
            if not future.done():
                if job.error is None:
                    future.set_result(job.value)
                else:
                    future.set_exception(job.error)
            notes += job.notes
        self._wake.tell(notes)

    def _look(self) -> None:
        self._writer.look_for_others()
        self._timer = self._loop.call_later(LOOK_S, self._look)

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class _Reader:
    """A read-only connection and the units that run on it, one after the other."""

    def __init__(
        self, path: Path, queries: Queries, sealer: Sealer, clock: Callable[[], int]
    ) -> None:
        self._connection = apsw.Connection(
            str(path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=200
        )
        self._connection.set_busy_timeout(BUSY_MS)
        self._cursor = self._connection.cursor()
        self._session = SqliteSession(self._connection, queries, sealer)
        self._clock = clock

    def read(self, unit: Unit[T]) -> T:
        try:
            self._cursor.execute("BEGIN")
            try:
                return self._session.drive(unit, self._clock())
            finally:
                if self._connection.in_transaction:
                    self._cursor.execute("COMMIT")
        except apsw.ReadOnlyError as error:
            raise RuntimeError("a unit that was to read only tried to write") from error
        except STORAGE_ERRORS as error:
            raise Unavailable(
                "The message store cannot read just now", info={"reason": str(error)}
            ) from error

    def close(self) -> None:
        self._connection.close()


class _Readers:
    """Reader threads for what takes longer than a keyed read, started when first needed."""

    def __init__(
        self, path: Path, queries: Queries, sealer: Sealer, clock: Callable[[], int]
    ) -> None:
        self._arguments = (path, queries, sealer, clock)
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[tuple[Unit[Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._waiting = 0

    async def read(self, unit: Unit[T]) -> T:
        if len(self._threads) < READERS and self._waiting >= len(self._threads):
            thread = Thread(target=self._run, name="store-reader", daemon=True)
            self._threads.append(thread)
            thread.start()
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting += 1
        self._queue.put((unit, future))
        try:
            return await future
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads after what they were asked. Blocks."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        reader: _Reader | None = None
        while (order := self._queue.get()) is not None:
            unit, future = order
            value: object = None
            failure: BaseException | None = None
            try:
                if reader is None:
                    reader = _Reader(*self._arguments)
                value = reader.read(unit)
            except BaseException as error:  # noqa: BLE001 - the edge of a job; its caller gets it
                failure = error
            self._loop.call_soon_threadsafe(_answer, future, value, failure)
        if reader is not None:
            reader.close()


def _answer(future: asyncio.Future[Any], value: object, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(value)
    else:
        future.set_exception(failure)


def _connect(path: Path) -> apsw.Connection:
    try:
        # Contents and sealed secrets are nobody else's business on a shared machine.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        connection = apsw.Connection(str(path), statementcachesize=200)
        connection.set_busy_timeout(BUSY_MS)
        if connection.pragma("journal_mode", "wal") != "wal":
            raise ConfigError(f"{path} cannot be used with a write-ahead log on this file system")
        connection.pragma("synchronous", "FULL")
        connection.pragma("foreign_keys", True)
        connection.pragma("temp_store", "MEMORY")
        connection.pragma("cache_size", -16_000)  # KiB
        connection.pragma("journal_size_limit", 64 * 2**20)
    except (OSError, apsw.Error) as error:
        raise ConfigError(f"The database {path} cannot be opened: {error}") from error
    return connection


def _take_lock(path: Path) -> int:
    """Hold the database for one server. Raises :exc:`ConfigError` when another one runs."""
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"The database {path} cannot be opened: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise ConfigError(
            f"{path.parent} is served by another process already (pid {holder}); stop it, or give "
            "this one its own data directory. Several servers need PostgreSQL"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _migrate(
    connection: apsw.Connection, path: Path, clock: Callable[[], int], *, has_lock: bool
) -> None:
    migrations = load_migrations(Engine.SQLITE)
    if not pending(migrations, _applied(connection)):
        return
    # Under a running server the tables must not change.
    lock = None if has_lock else _take_lock(path)
    cursor = connection.cursor()
    try:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute(CREATE_VERSIONS)
        for migration in pending(migrations, _applied(connection)):
            for statement in migration.statements:
                cursor.execute(statement)
            cursor.execute(
                "INSERT INTO schema_version (number, name, checksum, applied_at)"
                " VALUES (?1, ?2, ?3, ?4)",
                (migration.number, migration.name, checksum(migration), clock()),
            )
        cursor.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    finally:
        if lock is not None:
            os.close(lock)


def _applied(connection: apsw.Connection) -> list[tuple[int, str]]:
    if not connection.table_exists("main", "schema_version"):
        return []
    return [(row[0], row[1]) for row in connection.execute(LIST_VERSIONS)]
