"""One HTTP/1.1 connection at the level of the loop's transports.

Streams and their coroutines would cost more than the request itself; here a reply that comes
in one read wakes the caller directly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.http import HttpReply, ReplyReader


class HttpConnection(asyncio.Protocol):
    """A connection that carries one request at a time.

    While idle it closes itself at the first octet or at the end of the stream: either way no
    request can be trusted to it.
    """

    __slots__ = ("_reader", "_transport", "_waiter", "idle_since_s", "is_open", "on_idle_end")

    def __init__(self) -> None:
        self._reader = ReplyReader()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[HttpReply | None] | None = None
        self.is_open = False
        self.idle_since_s = 0.0  # loop time
        self.on_idle_end: Callable[[], None] | None = None  # told once when no longer usable

    async def exchange(self, pieces: Sequence[bytes]) -> HttpReply | None:
        """Send a request and wait for its reply.

        ``None`` if the connection ended before any octet of a reply came. Raises
        :exc:`RemoteProtocolError` if what came is no reply, or not all of one.
        """
        if self._transport is None or not self.is_open:
            return None
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            for piece in pieces:
                self._transport.write(piece)
            return await self._waiter
        finally:
            self._waiter = None

    def close(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        self._end()
        if self._transport is not None:
            # abort and not close: a peer that reads nothing would keep the rest in memory.
            self._transport.abort()

    # Called by the loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because the transports of other loops (uvloop) do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            self.close()
            return
        try:
            reply = self._reader.feed(data)
        except RemoteProtocolError as error:
            waiter.set_exception(error)
            self.close()
            return
        if reply is not None:
            waiter.set_result(reply)

    def eof_received(self) -> bool | None:
        self._lost(None)
        return None  # the loop closes the transport

    def connection_lost(self, error: Exception | None) -> None:
        self._lost(error)

    def _lost(self, error: Exception | None) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            if not self._reader.has_begun:
                waiter.set_result(None)
            elif error is not None:  # a reset is no end that a body could be told by
                waiter.set_exception(
                    RemoteProtocolError(f"connection lost amid an answer: {error}")
                )
            else:
                try:
                    waiter.set_result(self._reader.eof())
                except RemoteProtocolError as problem:
                    waiter.set_exception(problem)
        self._end()

    def _end(self) -> None:
        self.is_open = False
        told, self.on_idle_end = self.on_idle_end, None
        if told is not None:
            told()
