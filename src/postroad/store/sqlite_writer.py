"""The one thread that writes to SQLite: group commit.

All units that wait run in one transaction, so that many callers share one sync of the disk.
They run together without savepoints, which is fast, and right as long as none of them fails
after it has written. When one does, everything is rolled back and all run again, each under a
savepoint of its own; when the disk itself refuses, each runs once more in a transaction of its
own. No unit's failure is another's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import apsw

from postroad.domain.errors import Unavailable
from postroad.store.backend import Unit
from postroad.store.spill import SpillDirectory
from postroad.store.sqlite_session import SqliteSession
from postroad.store.wake import Note

MAX_BATCH = 256  # units in one commit

# The disk or the file refuses; the program is not at fault and a later try may work.
STORAGE_ERRORS = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.ProtocolError,
)


class Job:
    """A unit on its way through the writer, with what came of it."""

    __slots__ = ("dropped", "error", "future", "notes", "unit", "value")

    def __init__(self, unit: Unit[Any], future: asyncio.Future[Any]) -> None:
        self.unit = unit
        self.future = future
        self.value: object = None
        self.error: BaseException | None = None
        self.notes: list[Note] = []
        self.dropped: list[str] = []


class Writer:
    """Takes jobs from any number of callers of one event loop and commits them in groups."""

    def __init__(
        self,
        connection: apsw.Connection,
        session: SqliteSession,
        spill: SpillDirectory,
        *,
        clock: Callable[[], int],
        deliver: Callable[[Sequence[Job]], None],
        stir: Callable[[], None],
    ) -> None:
        """``deliver`` gets each finished batch and ``stir`` hears of changes by other processes;
        both are called on the event loop that this is made on.
        """
        self._connection = connection
        self._cursor = connection.cursor()
        self._session = session
        self._spill = spill
        self._clock = clock
        self._deliver = deliver
        self._stir = stir
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._data_version = self._read_data_version()
        self._look = threading.Event()
        self.failure: str | None = None  # why the last commit did not go through
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def put(self, job: Job) -> None:
        self._queue.put(job)

    def look_for_others(self) -> None:
        """Ask for a look at whether another process has changed the file."""
        self._look.set()
        self._queue.put(Job(_nothing, self._loop.create_future()))

    def close(self) -> None:
        """Commit what was handed over and end the thread. Blocks."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            is_last = False
            try:
                while len(batch) < MAX_BATCH:
                    job = self._queue.get_nowait()
                    if job is None:
                        is_last = True
                        break
                    batch.append(job)
            except Empty:
                pass
            if self._look.is_set():
                self._look.clear()
                self._look_for_others()
            self._commit(batch)
            self._loop.call_soon_threadsafe(self._deliver, batch)
            self._remove_files(batch)
            if is_last:
                return

    def _commit(self, batch: Sequence[Job]) -> None:
        try:
            if self._begin(batch) and not self._run_together(batch):
                self._run_guarded(batch)
        except STORAGE_ERRORS as error:
            self._note_failure(error)
            self._roll_back()
            for job in batch:
                self._run_alone(job)

    def _begin(self, batch: Sequence[Job]) -> bool:
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except STORAGE_ERRORS as error:
            # Another process holds the lock beyond the busy timeout, or the file is out of
            # reach: nobody gets further than this.
            self._note_failure(error)
            for job in batch:
                job.error = _unavailable(error)
            return False
        return True

    def _run_together(self, batch: Sequence[Job]) -> bool:
        """False when a unit failed after it had written; nothing is changed then."""
        now = self._clock()
        for job in batch:
            before = self._connection.total_changes()
            self._drive(job, now)
            if job.error is not None and self._connection.total_changes() != before:
                self._cursor.execute("ROLLBACK")
                return False
        self._cursor.execute("COMMIT")
        self.failure = None
        return True

    def _run_guarded(self, batch: Sequence[Job]) -> None:
        now = self._clock()
        self._cursor.execute("BEGIN IMMEDIATE")
        for job in batch:
            self._cursor.execute("SAVEPOINT unit")
            self._drive(job, now)
            if job.error is not None:
                self._cursor.execute("ROLLBACK TO unit")
            self._cursor.execute("RELEASE unit")
        self._cursor.execute("COMMIT")
        self.failure = None

    def _run_alone(self, job: Job) -> None:
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            self._drive(job, self._clock())
            if job.error is None:
                self._cursor.execute("COMMIT")
                self.failure = None
            else:
                self._roll_back()
        except STORAGE_ERRORS as error:
            self._note_failure(error)
            self._roll_back()
            job.error = _unavailable(error)
            job.notes, job.dropped = [], []

    def _drive(self, job: Job, now: int) -> None:
        """Run one unit; what it raises is its own affair, unless the disk refuses."""
        job.error = None
        try:
            job.value = self._session.drive(job.unit, now)
        except STORAGE_ERRORS:
            raise
        except BaseException as error:  # noqa: BLE001 - the edge of a job; its caller gets it
            job.error = error
            job.notes, job.dropped = [], []
            return
        job.notes, job.dropped = self._session.notes, self._session.dropped

    def _roll_back(self) -> None:
        # SQLite may have done it itself, as it does when the disk is full.
        if self._connection.in_transaction:
            self._cursor.execute("ROLLBACK")

    def _remove_files(self, batch: Sequence[Job]) -> None:
        for job in batch:
            for name in job.dropped:
                try:
                    self._spill.remove(name)
                except OSError:
                    pass  # the row is gone; the sweep finds the file

    def _note_failure(self, error: apsw.Error) -> None:
        self.failure = f"{type(error).__name__}: {error}"

    def _look_for_others(self) -> None:
        version = self._read_data_version()
        if version != self._data_version:
            self._data_version = version
            self._loop.call_soon_threadsafe(self._stir)

    def _read_data_version(self) -> int:
        # Changes with commits of other connections only, as seen from this one.
        version: int = self._connection.pragma("data_version")
        return version


async def _nothing(_: object) -> None:
    """The unit of a look for others."""


def _unavailable(error: apsw.Error) -> Unavailable:
    return Unavailable("The message store cannot write just now", info={"reason": str(error)})
