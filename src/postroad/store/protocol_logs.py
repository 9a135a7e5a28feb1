"""What was said between us and the mail servers of accounts that keep a log. Contract B-236.

Lines are kept in pieces, as they were written. A line is counted from the first that the account
ever had, so that dropping the oldest and reading from some point on need no look inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postroad.store.backend import Session

_PIECES = 8  # of one read


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a log in their order; ``upto`` is the number of the last."""

    upto: int
    lines: list[str]


class ProtocolLogs:
    """The ``protocol_log`` table."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, account: str, lines: Sequence[str], *, max_lines: int) -> None:
        """Put lines behind those that are there, and drop the oldest beyond ``max_lines``.

        Whole pieces are dropped, so some lines more may stay. No line has a line feed or NUL.
        An account that is not there keeps nothing.
        """
        await self._session.one("lock_protocol_log", account=account)
        upto = await self.last(account) + len(lines)
        await self._session.run(
            "add_protocol_lines", account=account, upto=upto, data="\n".join(lines)
        )
        await self._session.run("drop_protocol_lines", account=account, upto=upto - max_lines)

    async def last(self, account: str) -> int:
        """The number of the last line; 0 where there is none."""
        row = await self._session.maybe("last_protocol_line", account=account)
        return 0 if row is None else int(row[0])

    async def pieces(self, account: str, *, after: int) -> list[Piece]:
        """The next few pieces with lines beyond number ``after``; none at the end."""
        rows = await self._session.many(
            "protocol_lines", account=account, after=after, limit=_PIECES
        )
        return [Piece(row[0], row[1].split("\n")) for row in rows]

    async def trim_next(self, after: str, *, max_lines: int) -> str | None:
        """Drop the oldest lines of the first account behind ``after`` that has any; its name."""
        row = await self._session.maybe("next_protocol_account", after=after)
        if row is None:
            return None
        account = str(row[0])
        upto = await self.last(account) - max_lines
        await self._session.run("drop_protocol_lines", account=account, upto=upto)
        return account
