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

import apsw

from postroad.domain.errors import ConfigError, Unavailable
from postroad.store.backend import T, Unit
from postroad.store.dialect import Engine, load_migrations, load_queries
from postroad.store.migrate import CREATE_VERSIONS, LIST_VERSIONS, checksum, pending
from postroad.store.recent import RecentContents
from postroad.store.sealed import Sealer
from postroad.store.spill import SpillDirectory
from postroad.store.sqlite_reader import Readers
from postroad.store.sqlite_session import SqliteSession
from postroad.store.sqlite_writer import BUSY_MS, STORAGE_ERRORS, Job, Writer
from postroad.store.wake import Note, Wake

MAX_WAITING = 10_000  # units handed over and not answered; the next caller waits
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
        recent: RecentContents,
        is_exclusive: bool,
    ) -> None:
        """Blocks on the disk for a moment; needs a running event loop. See :meth:`open`."""
        self._path = path
        self._sealer = sealer
        self._clock = clock
        self._wake = wake
        self.spill = SpillDirectory(path.parent / "content")
        self._queries = load_queries(Engine.SQLITE)
        self._lock = _take_lock(path) if is_exclusive else None
        try:
            connection = _connect(path)
            _migrate(connection, path, clock, has_lock=is_exclusive)
            # From here on whoever cannot have the lock at once asks again in a thread.
            connection.set_busy_timeout(0)
            self._writer = Writer(
                connection,
                SqliteSession(connection, self._queries, sealer, recent),
                self.spill,
                clock=clock,
                deliver=self._deliver,
                stir=wake.tell_all,
            )
            self._connection = connection
            self._readers = Readers(path, self._queries, sealer, recent, clock)
        except BaseException:
            self._release_lock()
            raise
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
        return await self._readers.read(unit, is_quick=quick)

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

    async def scrub(self) -> None:
        await asyncio.to_thread(_rewrite, self._path)

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self._writer.close()
        await self._readers.close()
        # The last connection to close checkpoints, which may take a moment.
        await asyncio.to_thread(self._connection.close)
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


def _rewrite(path: Path) -> None:
    """Write the file anew without its free space, and empty the log that had it before."""
    try:
        connection = apsw.Connection(str(path))
        try:
            connection.set_busy_timeout(BUSY_MS)
            connection.execute("VACUUM")
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").get
        finally:
            connection.close()
    except STORAGE_ERRORS as error:
        raise Unavailable(f"The database could not be written anew: {error}") from error
    if is_busy:
        raise Unavailable("The database is too busy to be written anew; try again later")


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
