"""What a runner asks of the way into a mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from postroad.domain.account import Account
from postroad.domain.errors import Unavailable
from postroad.domain.lease import Lease

Synced = Callable[[], Awaitable[None]]


class Refusal(Exception):
    """A connection attempt failed. ``is_auth`` tells a refused login from everything else."""

    def __init__(self, response: str, code: str | None, *, is_auth: bool = False) -> None:
        super().__init__(response)
        self.response = response
        self.code = code
        self.is_auth = is_auth


class Session(Protocol):
    """A live way into a mailbox, which follows what happens there."""

    @property
    def connections(self) -> int:
        """How many it holds open."""
        ...

    @property
    def is_current(self) -> bool:
        """Whether it follows by the settings as they are now; another one would otherwise."""
        ...

    async def run(self, on_synced: Synced) -> None:
        """Follow until the session ends; always ends with an exception that tells why.

        ``on_synced`` is awaited each time that everything was found in order.
        """
        ...

    def ask(self) -> None:
        """Look at everything soon."""
        ...

    def end(self) -> None:
        """Make :meth:`run` end."""
        ...

    async def close(self) -> None: ...


class Connector(Protocol):
    """Opens sessions. Raises :exc:`Refusal`."""

    async def open(self, account: Account, lease: Lease) -> Session: ...


class SandboxSession:
    """A mailbox inside this process is always reachable, and tells of its changes by itself."""

    connections = 1
    is_current = True

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    async def run(self, on_synced: Synced) -> None:
        await on_synced()
        await self._ended.wait()
        raise Unavailable("The session was ended")

    def ask(self) -> None:
        """There is nothing to look at."""

    def end(self) -> None:
        self._ended.set()

    async def close(self) -> None:
        """Nothing is held open."""
