"""The REST surface behind the real HTTP server, spoken to over plain sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import uvicorn

from postroad.engine.access import TokenDraft
from postroad.surfaces.api import Api
from postroad.surfaces.api.connection import MAX_HEAD_BYTES, BoundedHttp
from support.api_engine import memory_engine

pytestmark = pytest.mark.integration


class Server(uvicorn.Server):
    """Leaves signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Place:
    """Where the server listens, and a token for it."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    def head(self, method: str, path: str, *lines: str) -> bytes:
        first = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.token}")
        return "\r\n".join([*first, *lines, "", ""]).encode()


class HastyHttp(BoundedHttp):
    """Gives a request's head very little time."""

    head_timeout_s = 0.05


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with served(tmp_path, BoundedHttp) as place:
        yield place


@asynccontextmanager
async def served(folder: Path, protocol: type[BoundedHttp]) -> AsyncIterator[Place]:
    listener = socket.create_server(("127.0.0.1", 0))
    async with memory_engine(folder) as engine:
        value, _ = await engine.access.issue(TokenDraft("t", ("*",)))
        config = uvicorn.Config(
            Api(engine), http=protocol, ws="none", lifespan="off", log_config=None
        )
        server = Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield Place(listener.getsockname()[1], value)
        server.should_exit = True
        await serving


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next response on a connection."""
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = await reader.readexactly(int(fields[b"content-length"]))
    return int(head.split(b" ", 2)[1]), body


async def test_two_requests_share_a_connection(place: Place) -> None:
    reader, writer = await place.connect()
    for _ in range(2):
        writer.write(place.head("GET", "/v1/accounts"))
        status, body = await answer(reader)
        assert (status, json.loads(body)["total"]) == (200, 0)
    writer.close()


async def test_request_may_arrive_octet_by_octet(place: Place) -> None:
    reader, writer = await place.connect()
    mail = b'{"to":[{"address":"a@b"}],"text":"x"}'
    request = place.head("POST", "/v1/account/a/submit", f"Content-Length: {len(mail)}") + mail
    for octet in request:
        writer.write(bytes([octet]))
        await writer.drain()
    assert (await answer(reader))[0] == 200
    writer.close()


async def test_endless_head_is_refused(place: Place) -> None:
    reader, writer = await place.connect()
    writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
    writer.write(b"x" * (MAX_HEAD_BYTES + 1))
    assert (await answer(reader))[0] == 431
    writer.close()


async def test_head_within_the_limit_is_taken(place: Place) -> None:
    reader, writer = await place.connect()
    writer.write(place.head("GET", "/v1/accounts", "X-Long: " + "x" * 30_000))
    assert (await answer(reader))[0] == 200
    writer.close()


async def test_silent_connection_is_closed(tmp_path: Path) -> None:
    async with served(tmp_path, HastyHttp) as place:
        reader, writer = await place.connect()
        writer.write(b"GET / HT")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_refused_body_is_not_read(place: Place) -> None:
    reader, writer = await place.connect()
    lines = ("Content-Length: 99999999", "Expect: 100-continue", "Content-Type: application/json")
    writer.write(place.head("POST", "/v1/account", *lines))
    status, body = await answer(reader)
    assert (status, json.loads(body)["error"]) == (413, "Request Entity Too Large")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_head_request_brings_no_body(place: Place) -> None:
    reader, writer = await place.connect()
    writer.write(place.head("HEAD", "/health", "Connection: close"))
    async with asyncio.timeout(10):
        raw = await reader.read()
    assert raw.startswith(b"HTTP/1.1 200")
    assert raw.endswith(b"\r\n\r\n")
    writer.close()
