"""A webhook target on a free port of 127.0.0.1, as tame or as hostile as a test asks for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came off the wire. Header names in lower case."""

    target: str
    headers: dict[str, str]
    body: bytes
    connection: int  # number of the connection, from 1


Behaviour = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int = 200, body: bytes = b"", *fields: str) -> Behaviour:
    """A behaviour that gives one whole reply and keeps the connection."""
    lines = "".join(f"{line}\r\n" for line in fields)
    octets = f"HTTP/1.1 {status} Status\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode()

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(octets + body)

    return behave


def say(octets: bytes, *, close: bool = True) -> Behaviour:
    """A behaviour that writes these very octets and then closes."""

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()
        if close:
            writer.close()

    return behave


@dataclass(slots=True)
class HttpTarget:
    """What the target has seen, and how it behaves from now on."""

    port: int = 0
    scheme: str = "http"
    behaviour: Behaviour = field(default_factory=answer)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    open_writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def until(self, count: int, deadline_s: float = 20) -> list[Received]:
        """Wait until ``count`` requests have come in."""
        async with asyncio.timeout(deadline_s):
            while len(self.received) < count:
                self._news.clear()
                await self._news.wait()
        return self.received

    async def until_left(self, deadline_s: float = 20) -> None:
        """Wait until every connection is closed."""
        async with asyncio.timeout(deadline_s):
            while self.open_writers:
                self._news.clear()
                await self._news.wait()

    def drop_connections(self) -> None:
        for writer in list(self.open_writers):
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.open_writers.add(writer)
        try:
            while not writer.is_closing():
                received = await _read_request(reader, number)
                self.received.append(received)
                self._news.set()
                await self.behaviour(received, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            self.open_writers.discard(writer)
            self._news.set()
            writer.close()


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8")
    request_line, *lines = head[:-4].split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(request_line.split(" ")[1], headers, body, connection)


@asynccontextmanager
async def http_target(
    behaviour: Behaviour | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpTarget]:
    """Run a target; on leaving, every connection is dropped."""
    target = HttpTarget(scheme="https" if tls else "http")
    if behaviour is not None:
        target.behaviour = behaviour
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await target.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    target.port = server.sockets[0].getsockname()[1]
    try:
        yield target
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
