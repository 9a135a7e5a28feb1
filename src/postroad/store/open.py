"""Opening a store, whatever engine is behind the URL."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from postroad.domain.errors import ConfigError
from postroad.domain.secret import Secret
from postroad.domain.submission import Content
from postroad.store import octets, rotation
from postroad.store.backend import Backend, Store, T, Unit
from postroad.store.contents import Staged
from postroad.store.dialect import Engine
from postroad.store.octets import Chunks, Files, LargeOctets
from postroad.store.recent import RecentContents
from postroad.store.sealed import Sealer
from postroad.store.sqlite import SqliteBackend
from postroad.store.wake import Wake

DATABASE_NAME = "postroad.db"  # in the data directory
_FILE_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})


def wall_clock() -> int:
    """Epoch ms of this machine."""
    return time.time_ns() // 1_000_000


async def open_store(
    database: str | Path,
    *,
    secret: Secret[str] | None = None,
    old_secrets: Sequence[Secret[str]] = (),
    node_id: str | None = None,
    clock: Callable[[], int] | None = None,
    is_exclusive: bool = False,
) -> Store:
    """Open a store, and create or migrate it first where needed.

    ``database`` is a data directory, an SQLite file (``sqlite:///path`` or a path that ends in
    ``.db``) or a PostgreSQL URL. ``secret`` seals what must not be read from the disk;
    ``old_secrets`` still open what was sealed before. ``node_id`` names this process to
    PostgreSQL. ``clock`` gives epoch ms and may be called from any thread; left out, it is this
    machine's, corrected by the database server's where there is one.

    A server opens ``is_exclusive``: on SQLite nobody else may serve the same database then,
    while the command line still works beside it; on PostgreSQL servers share.

    Raises :exc:`ConfigError` for a URL that cannot be read, a database that cannot be opened, is
    served already, or was made by a newer version.
    """
    sealer = await asyncio.to_thread(Sealer, secret, old_secrets)
    wake, recent = Wake(), RecentContents()
    url = str(database)
    if url.startswith(("postgresql://", "postgres://")):
        # Half of all installations never need the driver.
        from postroad.store.postgres import PostgresBackend

        postgres = await PostgresBackend.open(
            url,
            sealer=sealer,
            clock=clock,
            wake=wake,
            recent=recent,
            name=node_id or secrets.token_hex(8),
        )
        return OpenStore(postgres, Chunks(postgres), sealer, wake, recent)
    sqlite = SqliteBackend(
        _sqlite_path(url),
        sealer=sealer,
        clock=clock or wall_clock,
        wake=wake,
        recent=recent,
        is_exclusive=is_exclusive,
    )
    return OpenStore(sqlite, Files(sqlite, sqlite.spill), sealer, wake, recent)


def _sqlite_path(database: str) -> Path:
    scheme, separator, _ = database.partition("://")
    if separator and scheme != "sqlite":
        raise ConfigError(
            f"The database URL begins with {scheme}://; give a directory, sqlite:///path or "
            "postgresql://user@host/name"
        )
    if separator:
        parts = urlsplit(database)
        if parts.netloc or len(parts.path) < 2:
            raise ConfigError("An SQLite URL has three slashes before its path: sqlite:///path")
        # Three slashes are an absolute path here, as RFC 8089 §2 has it for files.
        return _file(Path(unquote(parts.path.replace("//", "/", 1))))
    if not database:
        raise ConfigError("The database is not named; give a directory or a URL")
    return _file(Path(database))


def _file(path: Path) -> Path:
    return path if path.suffix in _FILE_SUFFIXES else path / DATABASE_NAME


class OpenStore:
    """An engine, and around it what does not depend on the engine. See ``backend.Store``."""

    def __init__(
        self,
        backend: Backend,
        large: LargeOctets,
        sealer: Sealer,
        wake: Wake,
        recent: RecentContents,
    ) -> None:
        self._backend = backend
        self._large = large
        self._sealer = sealer
        self._wake = wake
        self._recent = recent

    @property
    def engine(self) -> Engine:
        return self._backend.engine

    @property
    def wake(self) -> Wake:
        return self._wake

    @property
    def is_sealing(self) -> bool:
        return self._sealer.is_sealing

    def now(self) -> int:
        return self._backend.now()

    async def write(self, unit: Unit[T]) -> T:
        return await self._backend.write(unit)

    async def read(self, unit: Unit[T], *, quick: bool = False) -> T:
        return await self._backend.read(unit, quick=quick)

    async def stage(
        self,
        pieces: Iterable[bytes] | AsyncIterable[bytes],
        *,
        bcc_start: int = 0,
        bcc_end: int = 0,
    ) -> Staged:
        staged = await octets.stage(self._backend, self._large, pieces, bcc_start, bcc_end)
        if staged.data is not None:
            self._recent.put(staged.content.content_id, staged.data)
        return staged

    def open_content(self, content: Content, *, skip_bcc: bool) -> AsyncIterator[bytes]:
        recent = self._recent.take(content.content_id)
        return octets.read(self._backend, self._large, content, recent, skip_bcc=skip_bcc)

    async def sweep_orphans(self) -> int:
        return await self._large.sweep()

    async def is_healthy(self) -> bool:
        return await self._backend.is_healthy()

    async def check_secret(self) -> None:
        await rotation.check(self._backend)

    async def reseal(self, progress: Callable[[int, int], None] | None = None) -> int:
        return await rotation.reseal(self._backend, progress)

    async def close(self) -> None:
        await self._backend.close()
