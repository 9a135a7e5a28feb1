"""What an engine must do.

Every change is a *unit*: ``async def unit(tx: Tx) -> result``, awaiting nothing but ``tx``,
handed to ``Store.write``. A unit may run twice, and may run on or go on in another thread: no
side effects inside, no touching of what belongs to the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from postroad.domain.submission import Content
from postroad.store.dialect import Engine, SqlValue
from postroad.store.recent import RecentContents
from postroad.store.sealed import Sealer
from postroad.store.wake import Wake

if TYPE_CHECKING:
    from postroad.store.contents import Staged
    from postroad.store.tx import Tx

T = TypeVar("T")
Unit = Callable[["Tx"], Coroutine[Any, Any, T]]

# What the driver gives for a row: values by position, as the query lists them. Repositories
# turn it into a dataclass at once; it goes no further.
Row = Sequence[Any]


class Session(Protocol):
    """One engine's side of a running unit. Queries go by name; see ``dialect``.

    Raises :exc:`Conflict` when a row breaks a uniqueness or reference rule, :exc:`Invalid` for
    text or numbers that the engine cannot hold (a lone surrogate; NUL on PostgreSQL) and
    :exc:`Unavailable` when it cannot do its work just now. After any of them the unit is lost:
    PostgreSQL answers nothing more in that transaction.
    """

    now: int  # epoch ms, one value for the whole unit
    sealer: Sealer
    recent: RecentContents

    async def one(self, query: str, **params: SqlValue) -> Row:
        """The only row. A query that finds none is a bug and raises :exc:`LookupError`."""
        ...

    async def maybe(self, query: str, **params: SqlValue) -> Row | None: ...

    async def many(self, query: str, **params: SqlValue) -> Sequence[Row]: ...

    async def run(self, query: str, **params: SqlValue) -> int:
        """How many rows were changed."""
        ...

    def defer(self, query: str, **params: SqlValue) -> None:
        """Change rows, before the next query that tells something or the commit at the latest.

        Saves round trips; deferred changes must not depend on each other.
        """
        ...

    def notify(self, topic: str, payload: str = "") -> None:
        """Wake the listeners of ``topic`` once the unit is committed. See ``wake``."""
        ...

    def drop_file(self, spill: str) -> None:
        """Remove a spilled content's file once the unit is committed."""
        ...


class Backend(Protocol):
    """One engine, open. ``Store`` puts the engine-independent parts around it."""

    @property
    def engine(self) -> Engine: ...

    def now(self) -> int:
        """Epoch ms of the clock that units see."""
        ...

    async def write(self, unit: Unit[T]) -> T:
        """Run a unit and return its result after its commit is on disk."""
        ...

    async def read(self, unit: Unit[T], *, quick: bool = False) -> T:
        """Run a unit that changes nothing, on one snapshot.

        ``quick`` spares the transaction: each query sees its own moment.
        """
        ...

    async def is_healthy(self) -> bool:
        """Whether a write would go through now. Never raises, answers within 3 s."""
        ...

    async def scrub(self) -> None:
        """Overwrite what replaced and deleted rows left behind, as far as the engine can.

        Writers wait meanwhile. Raises :exc:`Unavailable`.
        """
        ...

    async def close(self) -> None:
        """Finish what was handed over, then let go of files and connections."""
        ...


class Store(Protocol):
    """The store as the rest of the program knows it. :func:`postroad.store.open` makes one."""

    @property
    def engine(self) -> Engine: ...

    @property
    def wake(self) -> Wake:
        """Hints about committed changes, by topic."""
        ...

    @property
    def is_sealing(self) -> bool:
        """Whether secrets are encrypted at rest."""
        ...

    def now(self) -> int:
        """Epoch ms of the clock that units see as ``tx.now``."""
        ...

    async def write(self, unit: Unit[T]) -> T:
        """Run a unit and return its result after its commit is on disk.

        Raises what the unit raises, with only that unit undone, and :exc:`Unavailable` when it
        cannot be committed; after a lost connection that leaves open whether it was. A caller
        that is cancelled does not stop the unit.
        """
        ...

    async def read(self, unit: Unit[T], *, quick: bool = False) -> T:
        """Run a unit that changes nothing, on one snapshot. Raises :exc:`Unavailable`.

        ``quick`` spares the transaction around it: right for a single query, and for several
        when each may see its own moment.
        """
        ...

    async def stage(
        self,
        pieces: Iterable[bytes] | AsyncIterable[bytes],
        *,
        bcc_start: int = 0,
        bcc_end: int = 0,
    ) -> Staged:
        """Take the octets of a message, for ``tx.contents.insert`` in a later unit.

        Large ones are on disk when this returns and are never whole in memory here; what no
        unit inserts within the hour is swept. An iterable may be read in another thread.
        Raises :exc:`Unavailable`.
        """
        ...

    def open_content(self, content: Content, *, skip_bcc: bool) -> AsyncIterator[bytes]:
        """Read the octets of a message from the beginning, in pieces.

        ``skip_bcc`` leaves the Bcc field out: that is what a relay gets. Raises
        :exc:`NotFound` when the content was dropped.
        """
        ...

    async def sweep_orphans(self) -> int:
        """Remove octets that were staged over an hour ago and that no row speaks of."""
        ...

    async def is_healthy(self) -> bool:
        """Whether a write would go through now. Never raises, answers within 3 s."""
        ...

    async def check_secret(self) -> None:
        """Raise :exc:`ConfigError` unless everything that is sealed can be opened."""
        ...

    async def reseal(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Seal every secret again under the present key; returns how many were rewritten.

        Without a secret, values are unsealed. Afterwards an SQLite file is written anew, for its
        free pages may still hold what was there before; PostgreSQL does that in its own time.
        ``progress`` hears of rows done and rows in all. Raises :exc:`Unavailable`.
        """
        ...

    async def close(self) -> None:
        """Finish what was handed over, then let go of files and connections."""
        ...
