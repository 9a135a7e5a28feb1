"""The one connection that writes to SQLite: group commit.

All units that wait run in one transaction, so that many callers share one sync of the disk. They
run on the event loop, one after the other, and a thread commits them; meanwhile the next ones
gather. (With the units in the thread too, each statement pays for handing the interpreter lock
to and fro: half as much CPU again when the loop is idle, twice as much when it is busy.) What
takes long goes on in the thread, see ``sqlite_session``.

They run without savepoints, which is fast, and right as long as none of them fails after it has
written. When one does, everything is rolled back and all run again, each under a savepoint of its
own; when the disk itself refuses, each runs once more in a transaction of its own. No unit's
failure is another's.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from time import perf_counter
from typing import Any

import apsw

from postroad.domain.errors import Unavailable
from postroad.observe import metrics
from postroad.store.backend import Unit
from postroad.store.spill import SpillDirectory
from postroad.store.sqlite_session import Run, SqliteSession
from postroad.store.wake import Note

MAX_BATCH = 256  # units in one commit
TURN_S = 0.004  # after which the event loop has its turn and the rest waits for the next commit
BUSY_MS = 5_000  # patience with another process that writes, such as the command line

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
        self.notes: Sequence[Note] = ()
        self.dropped: Sequence[str] = ()

    def take(self, run: Run, session: SqliteSession) -> None:
        """Keep what came of a finished run."""
        self.value, self.error = run.value, run.error
        has_failed = run.error is not None
        self.notes = () if has_failed else session.notes
        self.dropped = () if has_failed else session.dropped

    def fail(self, error: BaseException) -> None:
        self.error, self.notes, self.dropped = error, (), ()


class _Turn:
    """A batch, as the event loop leaves it to the thread."""

    __slots__ = ("batch", "error", "is_begun", "is_spoiled", "place", "run", "started")

    def __init__(self, batch: Sequence[Job], started: float) -> None:
        self.batch = batch
        self.started = started  # perf_counter
        self.is_begun = False  # the transaction is open
        self.is_spoiled = False  # a unit failed after it had written
        self.place = 0  # of the first job that has not been finished
        self.run: Run | None = None  # that job's, when it was suspended
        self.error: BaseException | None = None  # why the loop came no further


class Writer:
    """Takes jobs from any number of callers on one event loop and commits them in groups."""

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
        self._waiting: deque[Job] = deque()
        self._is_busy = False  # a turn is planned or running; nothing else may use the connection
        self._must_look = False
        self._data_version = self._read_data_version()
        self._idle: asyncio.Future[None] | None = None
        self.failure: str | None = None  # why the last commit did not go through
        self._turns: SimpleQueue[_Turn | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def put(self, job: Job) -> None:
        self._waiting.append(job)
        if not self._is_busy:
            self._is_busy = True
            # Not at once: callers that run in the same round of the loop share the commit.
            self._loop.call_soon(self._begin_turn)

    def look_for_others(self) -> None:
        """Look whether another process has changed the file, now or at the next turn."""
        if self._is_busy:
            self._must_look = True
        else:
            self._look()

    async def close(self) -> None:
        """Commit what was handed over and end the thread."""
        if self._is_busy:
            self._idle = self._loop.create_future()
            await self._idle
        self._turns.put(None)
        await asyncio.to_thread(self._thread.join)

    # On the event loop

    def _begin_turn(self) -> None:
        if self._must_look:
            self._look()
        started = perf_counter()
        batch: list[Job] = []
        turn = _Turn(batch, started)
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except STORAGE_ERRORS:
            # Most likely another process writes just now: the thread has the patience.
            batch.extend(self._take(MAX_BATCH))
        else:
            turn.is_begun = True
            now = self._clock()
            while self._waiting and len(batch) < MAX_BATCH:
                batch.append(self._waiting.popleft())
                if not self._run_on_loop(turn, now) or perf_counter() - started > TURN_S:
                    break
        # The thread always gets the turn and always gives it back: that keeps the writer going.
        self._turns.put(turn)

    def _run_on_loop(self, turn: _Turn, now: int) -> bool:
        """Run the turn's last job; false when the thread must see to it first."""
        job = turn.batch[turn.place]
        before = self._connection.total_changes()
        run = Run(job.unit, self._session, now)
        if not run.advance(is_on_loop=True):
            turn.run = run
            return False
        if isinstance(run.error, STORAGE_ERRORS):
            turn.error = run.error
            return False
        job.take(run, self._session)
        turn.place += 1
        turn.is_spoiled = run.error is not None and self._connection.total_changes() != before
        return not turn.is_spoiled

    def _take(self, most: int) -> list[Job]:
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _end_turn(self, batch: Sequence[Job]) -> None:
        try:
            self._deliver(batch)
        finally:
            # Whatever a listener may have raised: the writer goes on.
            if self._waiting:
                self._begin_turn()
            else:
                self._is_busy = False
                if self._idle is not None:
                    self._idle.set_result(None)

    def _look(self) -> None:
        self._must_look = False
        try:
            version = self._read_data_version()
        except STORAGE_ERRORS:
            return  # the next look may fare better
        if version != self._data_version:
            self._data_version = version
            self._loop.call_soon(self._stir)

    def _read_data_version(self) -> int:
        # Changes with commits of other connections only, as seen from this one.
        version: int = self._connection.pragma("data_version")
        return version

    # In the thread

    def _run(self) -> None:
        while (turn := self._turns.get()) is not None:
            try:
                self._finish(turn)
            except BaseException as error:  # noqa: BLE001 - the edge: the writer must live on
                self._roll_back()
                for job in turn.batch:
                    job.fail(error)
            metrics.store_committed(len(turn.batch), perf_counter() - turn.started)
            self._loop.call_soon_threadsafe(self._end_turn, turn.batch)
            self._remove_files(turn.batch)

    def _finish(self, turn: _Turn) -> None:
        if not turn.is_begun:
            self._connection.set_busy_timeout(BUSY_MS)
            try:
                self._cursor.execute("BEGIN IMMEDIATE")
            except STORAGE_ERRORS as error:
                # Nobody gets further than this.
                self._note_failure(error)
                for job in turn.batch:
                    job.fail(unavailable(error))
                return
            finally:
                self._connection.set_busy_timeout(0)
        try:
            if turn.error is not None:
                raise turn.error
            if self._run_rest(turn):
                self._commit()
            else:
                self._cursor.execute("ROLLBACK")
                self._run_guarded(turn.batch)
        except STORAGE_ERRORS as error:
            self._note_failure(error)
            self._roll_back()
            for job in turn.batch:
                self._run_alone(job)

    def _run_rest(self, turn: _Turn) -> bool:
        """False when a unit failed after it had written."""
        if turn.is_spoiled:
            return False
        now = self._session.now if turn.run is not None else self._clock()
        for job in turn.batch[turn.place :]:
            before = self._connection.total_changes()
            # What a suspended unit had written before counts for it, whatever it was.
            may_have_written = turn.run is not None
            self._drive(job, turn.run or Run(job.unit, self._session, now))
            turn.run = None
            if job.error is not None and (
                may_have_written or self._connection.total_changes() != before
            ):
                return False
        return True

    def _run_guarded(self, batch: Sequence[Job]) -> None:
        now = self._clock()
        self._cursor.execute("BEGIN IMMEDIATE")
        for job in batch:
            self._cursor.execute("SAVEPOINT unit")
            self._drive(job, Run(job.unit, self._session, now))
            if job.error is not None:
                self._cursor.execute("ROLLBACK TO unit")
            self._cursor.execute("RELEASE unit")
        self._commit()

    def _run_alone(self, job: Job) -> None:
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
            self._drive(job, Run(job.unit, self._session, self._clock()))
            if job.error is None:
                self._commit()
            else:
                self._roll_back()
        except STORAGE_ERRORS as error:
            self._note_failure(error)
            self._roll_back()
            job.fail(unavailable(error))

    def _drive(self, job: Job, run: Run) -> None:
        """Run one unit to its end; what it raises is its own affair, unless the disk refuses."""
        run.advance(is_on_loop=False)
        if isinstance(run.error, STORAGE_ERRORS):
            raise run.error
        job.take(run, self._session)

    def _commit(self) -> None:
        self._cursor.execute("COMMIT")
        self.failure = None

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


def unavailable(error: apsw.Error) -> Unavailable:
    """What a caller is told when the disk or the file refuses."""
    return Unavailable("The message store is not available just now", info={"reason": str(error)})
