"""Following one more mailbox over a connection of its own. Contract B-217.

It comes and goes beside the main session: its loss is its own affair, and the mailbox is followed
by the main session until it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from postroad.domain.errors import LeaseLost, PostroadError
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.heard import News
from postroad.engine.sync.look import Followed, Looker
from postroad.engine.sync.watch import IDLE_S
from postroad.observe import get_logger
from postroad.transport.imap import CommandRefused, DialError

log = get_logger("postroad.sync")

_PAUSE_S = 30.0  # doubling, to ten minutes
_LONGEST_PAUSE_S = 600.0

Open = Callable[[], Awaitable[tuple[Connection, Looker]]]


class SideWatch:
    """Runs until cancelled. ``held`` is told which mailbox is in good hands."""

    def __init__(
        self,
        account: str,
        followed: Followed,
        open_one: Open,
        *,
        held: set[str],
        turn: asyncio.Lock,
        rng: Random,
    ) -> None:
        self._account = account
        self._followed = followed
        self._open = open_one
        self._held = held
        self._turn = turn
        self._rng = rng

    async def run(self) -> None:
        """Follow the mailbox for ever. Raises :exc:`LeaseLost`, and nothing else."""
        tries = 0
        while True:
            try:
                connection, looker = await self._open()
                try:
                    tries = 0
                    await self._follow(connection, looker)
                finally:
                    self._held.discard(self._followed.mailbox.path)
                    await asyncio.shield(connection.close())
            except LeaseLost:
                raise
            except (PostroadError, DialError, CommandRefused, ValueError) as error:
                log.info(
                    "side session ended",
                    account=self._account,
                    path=self._followed.mailbox.path,
                    reason=str(error),
                )
            tries += 1
            pause_s = min(_LONGEST_PAUSE_S, _PAUSE_S * 2 ** min(tries - 1, 10))
            await asyncio.sleep(pause_s * (1 - 0.2 * self._rng.random()))

    async def _follow(self, connection: Connection, looker: Looker) -> None:
        if connection.can("ENABLE"):
            await connection.enable("QRESYNC")
        async with self._turn:  # the main session may be looking at the mailbox just now
            self._held.add(self._followed.mailbox.path)
        cursor = await looker.open(self._followed)
        while True:
            news = News()
            await connection.idle(news.hear, max_s=IDLE_S)
            if news.is_of_selected:
                cursor = await looker.follow(cursor, news)
