"""PostgreSQL: a pool, each unit its own transaction, and one connection for hints.

Isolation is READ COMMITTED; what must not race is decided by single statements. Serialisation
failures and deadlocks run the unit again, as does a connection lost before the commit was sent.
One lost while committing leaves open whether the unit took effect: :exc:`Unavailable`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from postroad.domain.errors import ConfigError, Unavailable
from postroad.observe import metrics
from postroad.store.backend import T, Unit
from postroad.store.dialect import Engine, load_migrations, load_queries
from postroad.store.migrate import CREATE_VERSIONS, LIST_VERSIONS, checksum, pending
from postroad.store.postgres_session import PostgresSession
from postroad.store.postgres_wake import Messenger
from postroad.store.recent import RecentContents
from postroad.store.sealed import Sealer
from postroad.store.wake import Wake

if TYPE_CHECKING:
    from postroad.store.postgres_session import Connection

POOL_SIZE = 10
TRIES = 5
STATEMENT_S = 60.0
ACQUIRE_S = 10.0
CONNECT_S = 10.0
MIN_VERSION = 13  # pg_current_xact_id
_HEALTH_S = 3.0
_MIGRATION_LOCK = 0x706F737472  # any number that nobody else takes

_BEGIN_WRITE = "BEGIN"
_BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
# The connection is gone, and with it everything that was not committed.
LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)
# The server is there and refuses; a later try may work.
REFUSED = (
    TimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectInUseError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
)


class PostgresBackend:
    """An open PostgreSQL database. Made with :meth:`open`."""

    engine = Engine.POSTGRES

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        messenger: Messenger,
        sealer: Sealer,
        recent: RecentContents,
        clock: Callable[[], int],
        wake: Wake,
    ) -> None:
        self._pool = pool
        self._messenger = messenger
        self._sealer = sealer
        self._recent = recent
        self._clock = clock
        self._wake = wake
        self._queries = load_queries(Engine.POSTGRES)
        self._is_closed = False
        # Not in a task group: like the writer thread of SQLite it belongs to the open store,
        # mends itself and is ended by close().
        self._messenger_task = asyncio.get_running_loop().create_task(messenger.run())

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        sealer: Sealer,
        clock: Callable[[], int] | None,
        wake: Wake,
        recent: RecentContents,
        name: str,
    ) -> PostgresBackend:
        """Connect and migrate. ``clock`` ``None`` is this machine's, corrected by the server's.

        Raises :exc:`ConfigError` when the server cannot be reached or does not fit.
        """
        options = {"application_name": f"postroad {name}", "synchronous_commit": "on"}
        own_clock = clock or _wall_clock
        try:
            async with asyncio.timeout(CONNECT_S + STATEMENT_S):
                first = await asyncpg.connect(url, timeout=CONNECT_S, server_settings=options)
                messenger = Messenger(
                    lambda: asyncpg.connect(url, timeout=CONNECT_S, server_settings=options),
                    wake,
                    name=name,
                    clock=own_clock,
                    is_correcting=clock is None,
                )
                try:
                    await _migrate(first, own_clock)
                finally:
                    await first.close()
                await messenger.open()
                try:
                    pool = await asyncpg.create_pool(
                        url,
                        min_size=1,
                        max_size=POOL_SIZE,
                        timeout=CONNECT_S,
                        command_timeout=STATEMENT_S,
                        server_settings=options,
                        reset=_keep_as_it_is,
                    )
                except BaseException:
                    messenger.close()
                    raise
        except (OSError, TimeoutError, ValueError, asyncpg.InterfaceError) as error:
            raise ConfigError(f"The database cannot be reached: {_words(error)}") from error
        except asyncpg.PostgresError as error:
            raise ConfigError(f"The database refuses: {_words(error)}") from error
        return cls(pool, messenger, sealer, recent, own_clock, wake)

    def now(self) -> int:
        return self._clock() + self._messenger.offset_ms

    async def write(self, unit: Unit[T]) -> T:
        started = time.perf_counter()
        for again in range(TRIES):
            try:
                value = await self._write_once(unit)
                metrics.store_committed(1, time.perf_counter() - started)
                return value
            except _RunAgain as error:
                if again == TRIES - 1:
                    raise _unavailable(error.cause) from error.cause
                # Whoever we met on the way shall not be met again at the same moment.
                await asyncio.sleep(random.random() * 0.01 * 2**again)
        raise AssertionError("unreachable")

    async def read(self, unit: Unit[T], *, quick: bool = False) -> T:
        for again in range(TRIES):
            try:
                async with self._connection() as connection:
                    session = self._session(connection, None if quick else _BEGIN_READ)
                    try:
                        return await unit(session.tx)
                    finally:
                        await session.roll_back()
            except (*AGAIN, *LOST) as error:
                if again == TRIES - 1:
                    raise _unavailable(error) from error
                await asyncio.sleep(random.random() * 0.01 * 2**again)
            except REFUSED as error:
                raise _unavailable(error) from error
        raise AssertionError("unreachable")

    async def is_healthy(self) -> bool:
        try:
            async with asyncio.timeout(_HEALTH_S):
                await self.write(lambda tx: tx.probe())
        except (Unavailable, TimeoutError):
            return False
        return True

    async def scrub(self) -> None:
        """Nothing: dead rows are the business of its own vacuum."""

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._messenger_task.cancel()
        await asyncio.gather(self._messenger_task, return_exceptions=True)
        self._messenger.close()
        try:
            async with asyncio.timeout(ACQUIRE_S):
                # A command beside the server closes before its hints have gathered for long
                # enough; without them the server would know of its change by the poll only.
                await self._messenger.send(self._pool)
                await self._pool.close()
        except (*LOST, *REFUSED):
            self._pool.terminate()

    async def _write_once(self, unit: Unit[T]) -> T:
        is_committing = False
        try:
            async with self._connection() as connection:
                session = self._session(connection, _BEGIN_WRITE)
                try:
                    result = await unit(session.tx)
                    is_committing = True
                    await session.finish()
                except BaseException:
                    await _undo(connection, session)
                    raise
        except AGAIN as error:
            raise _RunAgain(error) from error
        except LOST as error:
            if is_committing:
                raise _unavailable(error) from error
            raise _RunAgain(error) from error
        except REFUSED as error:
            raise _unavailable(error) from error
        self._wake.tell(session.notes)
        self._messenger.tell(session.notes)
        return result

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        if self._is_closed:
            raise Unavailable("The store is closed")
        connection = await self._pool.acquire(timeout=ACQUIRE_S)
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    def _session(self, connection: Connection, begin: str | None) -> PostgresSession:
        return PostgresSession(
            connection, self._queries, self._sealer, self._recent, self.now(), begin
        )


class _RunAgain(Exception):
    """The unit took no effect and may take one next time."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def _undo(connection: Connection, session: PostgresSession) -> None:
    try:
        async with asyncio.timeout(_HEALTH_S):
            await session.roll_back()
    except (*LOST, *REFUSED):
        connection.terminate()


async def _keep_as_it_is(_: object) -> None:
    """Leave a connection's session state alone: units change none, and it costs a round trip."""


async def _migrate(
    connection: asyncpg.Connection[asyncpg.Record], clock: Callable[[], int]
) -> None:
    if connection.get_server_version().major < MIN_VERSION:
        raise ConfigError(f"PostgreSQL {MIN_VERSION} or newer is needed")
    if await connection.fetchval("SHOW server_encoding") != "UTF8":
        raise ConfigError("The database must be made with the encoding UTF8")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        await connection.execute(CREATE_VERSIONS)
        applied = [(row[0], row[1]) for row in await connection.fetch(LIST_VERSIONS)]
        for migration in pending(load_migrations(Engine.POSTGRES), applied):
            for statement in migration.statements:
                await connection.execute(statement)
            await connection.execute(
                "INSERT INTO schema_version (number, name, checksum, applied_at)"
                " VALUES ($1, $2, $3, $4)",
                migration.number,
                migration.name,
                checksum(migration),
                clock(),
            )


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(
        "The message store is not available just now", info={"reason": _words(error)}
    )


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
