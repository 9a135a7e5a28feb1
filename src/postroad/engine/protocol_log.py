"""The log of what was said between us and the mail servers of an account. Contract B-236.

An account has one while it asks for it (``logs``) or all shall have one (setting ``logs.all``).
Lines are gathered in memory and written about once a second, beside whatever else happens: a
session never waits for its log, and where the store cannot keep up or cannot be written, lines
are lost and mail is not. A gap is told by an entry of its own. What is kept is bounded by
``logs.maxLogLines``, the oldest go first; what waits to be written is bounded here.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Final

from postroad.domain.account import Account
from postroad.domain.errors import PostroadError
from postroad.engine.settings import Settings
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger
from postroad.observe.redaction import redact_text
from postroad.protocol.imap.tapped import Tell
from postroad.store import Store, Tx
from postroad.store.protocol_logs import Piece

log = get_logger(__name__)

EVERY_S: Final = 1.0
PIECE_LINES: Final = 200  # written at once, and read at once
MAX_WAITING: Final = 2_000  # lines of one account
MAX_WAITING_IN_ALL: Final = 20_000
_ACCOUNTS_AT_ONCE: Final = 20
_CLOSE_S: Final = 5.0


@dataclass(slots=True)
class _Waiting:
    """Lines of one account that are not written yet."""

    lines: deque[str] = field(default_factory=deque)
    lost: int = 0  # before the first of them


class ProtocolLog:
    """The log of every account that keeps one. ``clock`` tells epoch seconds."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        node_id: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._settings = settings
        self._node_id = node_id
        self._clock = clock
        self._connections = 0
        self._waiting: dict[str, _Waiting] = {}
        self._count = 0  # lines that wait, of all accounts
        self._hint = Hint()  # something waits
        self._full = Hint()  # and it should not wait for long
        self._writing = asyncio.Lock()

    def is_kept(self, account: Account) -> bool:
        """Whether what is said for this account is written down."""
        wanted = self._settings.snapshot.logs
        return (account.logs or wanted.all) and wanted.max_lines > 0

    def begin(self, account: Account, purpose: str) -> Tell | None:
        """Begin with a new connection; ``None`` when nothing is to be told of it.

        What is told is an entry of the log for as long as one is kept; telling costs some
        microseconds and never fails.
        """
        if not self.is_kept(account):
            return None
        self._connections += 1
        connection = f"{self._node_id}-{self._connections}"

        def tell(what: str, line: str) -> None:
            if self.is_kept(account):
                self._keep(
                    account.account,
                    self._entry(
                        account.account, what, connection=connection, purpose=purpose, line=line
                    ),
                )

        return tell

    async def run(self, renew: Callable[[], None]) -> None:
        """Write what was told until cancelled; have sessions renewed when logs begin or end."""
        changed = Hint()
        seen = self._settings.snapshot.logs
        await self._safely(self._trim(seen.max_lines))
        with (
            self._settings.watching(changed),
            Wakeup(self._hint, changed, poll_s=None) as wakeup,
        ):
            while True:
                await wakeup.wait()
                before, seen = seen, self._settings.snapshot.logs
                if seen.max_lines < before.max_lines:
                    await self._safely(self._trim(seen.max_lines))
                if seen != before:
                    renew()
                if self._count:
                    await self._full.wait(EVERY_S)
                    await self.flush()

    async def flush(self) -> None:
        """Write what waits; what cannot be written is lost, and said to be so."""
        async with self._writing:
            waiting, self._waiting, self._count = self._waiting, {}, 0
            self._full.take()
            # In order, so that two nodes never wait for each other.
            pieces = [
                (account, piece)
                for account in sorted(waiting)
                for piece in self._pieces(account, waiting[account])
            ]
            while pieces:
                batch: list[tuple[str, list[str]]] = []
                lines = 0
                while pieces and len(batch) < _ACCOUNTS_AT_ONCE and lines < PIECE_LINES:
                    batch.append(pieces.pop(0))
                    lines += len(batch[-1][1])
                if not await self._safely(self._write(batch)):
                    for account, piece in batch:
                        self._waiting.setdefault(account, _Waiting()).lost += len(piece)

    async def close(self) -> None:
        """Write what the last sessions have told."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self.flush()
        except TimeoutError:
            log.warning("protocol log cut short")

    async def read(self, account: str) -> AsyncIterator[bytes]:
        """Lines of JSON, the oldest first, up to what is there now; a few hundred at a time."""
        await self.flush()
        last = await self._store.read(lambda tx: tx.protocol_logs.last(account))
        after = max(0, last - self._settings.snapshot.logs.max_lines)
        while after < last:
            pieces = await self._next_pieces(account, after)
            if not pieces:
                return
            for piece in pieces:
                if piece.upto > last:
                    return
                newer = piece.lines[-(piece.upto - after) :]
                after = piece.upto
                yield "".join(f"{line}\n" for line in newer).encode("ascii")

    async def _next_pieces(self, account: str, after: int) -> list[Piece]:
        return await self._store.read(lambda tx: tx.protocol_logs.pieces(account, after=after))

    def _keep(self, account: str, line: str) -> None:
        waiting = self._waiting.get(account)
        if waiting is None:
            waiting = self._waiting[account] = _Waiting()
        if self._count >= MAX_WAITING_IN_ALL or len(waiting.lines) >= MAX_WAITING:
            waiting.lost += 1
            if not waiting.lines:
                return
            waiting.lines.popleft()
            self._count -= 1
        waiting.lines.append(line)
        self._count += 1
        if self._count == 1:
            self._hint.set()
        if len(waiting.lines) == PIECE_LINES or self._count == MAX_WAITING_IN_ALL // 2:
            self._full.set()

    def _entry(self, account: str, what: str, **more: object) -> str:
        entry = {"time": int(self._clock() * 1000), "account": account, "what": what, **more}
        if isinstance(line := entry.get("line"), str):
            entry["line"] = redact_text(line)
        return json.dumps(entry, separators=(",", ":"))

    def _pieces(self, account: str, waiting: _Waiting) -> list[list[str]]:
        lines = list(waiting.lines)
        if waiting.lost:
            lines.insert(0, self._entry(account, "lost", lines=waiting.lost))
        return [lines[at : at + PIECE_LINES] for at in range(0, len(lines), PIECE_LINES)]

    async def _write(self, batch: Sequence[tuple[str, list[str]]]) -> None:
        max_lines = self._settings.snapshot.logs.max_lines

        async def unit(tx: Tx) -> None:
            for account, lines in batch:
                await tx.protocol_logs.add(account, lines, max_lines=max_lines)

        await self._store.write(unit)

    async def _trim(self, max_lines: int) -> None:
        """Hold every account to the limit."""
        account: str | None = ""
        while account is not None:
            account = await self._trim_next(account, max_lines)

    async def _trim_next(self, after: str, max_lines: int) -> str | None:
        return await self._store.write(
            lambda tx: tx.protocol_logs.trim_next(after, max_lines=max_lines)
        )

    @staticmethod
    async def _safely(work: Coroutine[object, object, None]) -> bool:
        """The edge of the job: a log that cannot be written harms nothing else."""
        try:
            await work
        except PostroadError as error:
            log.warning("protocol log not written", error=error.message)
        except Exception:
            log.exception("protocol log failed")
        else:
            return True
        return False
