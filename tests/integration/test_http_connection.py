"""The REST surface behind the real HTTP server, spoken to over plain sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from postroad.engine.access import TokenDraft
from postroad.surfaces.api import Api
from postroad.surfaces.api.connection import MAX_HEAD_BYTES, MAX_PIPELINED, BoundedHttp
from support.api_engine import memory_engine

pytestmark = pytest.mark.integration


class Server(uvicorn.Server):
    """Leaves signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Place:
    """Where the server listens, and a token for it."""

    def __init__(self, port: int, token: str, state: ServerState) -> None:
        self.port = port
        self.token = token
        self.state = state

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    def head(self, method: str, path: str, *lines: str) -> bytes:
        first = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.token}")
        return "\r\n".join([*first, *lines, "", ""]).encode()


class HastyHttp(BoundedHttp):
    """Gives a request's head very little time."""

    head_timeout_s = 0.05
    stall_s = 0.05


class PatientHttp(BoundedHttp):
    """Waits longer for a client than its kernel takes to tell that there is room again."""

    stall_s = 1.0


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
        yield Place(listener.getsockname()[1], value, server.server_state)
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
    status, body = await answer(reader)
    assert (status, json.loads(body)["error"]) == (431, "Request Header Fields Too Large")
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


MAIL = b'{"to":[{"address":"a@b"}],"text":"x"}'
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def chunks(body: bytes, trailers: bytes = b"") -> bytes:
    return b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailers)


async def test_trailer_does_not_pass_for_a_header(place: Place) -> None:
    reader, writer = await place.connect()
    head = b"POST /v1/account/a/submit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head + chunks(MAIL, f"Authorization: Bearer {place.token}\r\n".encode()) + HEALTH)
    assert (await answer(reader))[0] == 401
    assert (await answer(reader))[0] == 200  # what follows is read from where it begins
    writer.close()


@pytest.mark.parametrize("path", ["/v1/account", "/v1/account/a/submit"])
@pytest.mark.parametrize("flood", [b"X: y\r\n", b"X-Long: ", b"1;x="])
async def test_what_comes_around_a_body_is_bounded(place: Place, path: str, flood: bytes) -> None:
    """Also behind an answer that did not wait for it, to somebody without a token."""
    _, writer = await place.connect()
    token = f"Authorization: Bearer {place.token}" if path.endswith("submit") else "X: y"
    lines = f"POST {path} HTTP/1.1\r\nHost: x\r\n{token}\r\n{CHUNKED}\r\n\r\n"
    writer.write(lines.encode() + (b"" if flood.startswith(b"1;") else chunks(MAIL)[:-2]) + flood)
    piece = flood * (MAX_HEAD_BYTES // len(flood)) if flood.endswith(b"\n") else b"y" * 65536
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            for _ in range(1000):
                writer.write(piece)
                await writer.drain()
            raise AssertionError("64 MB were taken")
    writer.close()


async def test_body_in_the_smallest_chunks_is_taken(place: Place) -> None:
    reader, writer = await place.connect()
    mail = MAIL[:-1] + b" " * 40_000 + b"}"
    writer.write(place.head("POST", "/v1/account/a/submit", CHUNKED))
    writer.write(b"".join(b"1\r\n%c\r\n" % octet for octet in mail) + b"0\r\n\r\n")
    assert (await answer(reader))[0] == 200
    writer.close()


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("pause_at", [0, 10, 10_000])
async def test_upgrade_that_is_not_to_be_had_is_passed_over(
    place: Place, is_chunked: bool, pause_at: int
) -> None:
    """Java's client asks for h2c with its first request, whatever that is."""
    reader, writer = await place.connect()
    wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    body = chunks(MAIL) if is_chunked else MAIL
    framing = CHUNKED if is_chunked else f"Content-Length: {len(body)}"
    request = place.head("POST", "/v1/account/a/submit", *wish, framing) + body
    split = min(request.index(b"\r\n\r\n") + 4 + pause_at, len(request))
    writer.write(request[:split])
    await writer.drain()
    writer.write(request[split:] + place.head("GET", "/v1/accounts", *wish) + HEALTH)
    status, answered = await answer(reader)
    assert (status, json.loads(answered)["response"]) == (200, "Queued for delivery")
    assert [(await answer(reader))[0] for _ in range(2)] == [200, 200]
    writer.write(HEALTH)  # and the connection goes on
    assert (await answer(reader))[0] == 200
    writer.close()


@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: b\r\n"])
async def test_request_without_exactly_one_host_is_refused(place: Place, hosts: str) -> None:
    reader, writer = await place.connect()
    writer.write(f"GET /health HTTP/1.1\r\n{hosts}\r\n".encode())
    status, body = await answer(reader)
    assert (status, json.loads(body)["statusCode"]) == (400, 400)
    assert await reader.read() == b""
    writer.close()


async def test_old_client_needs_no_host(place: Place) -> None:
    reader, writer = await place.connect()
    writer.write(b"GET /health HTTP/1.0\r\n\r\n")
    assert (await answer(reader))[0] == 200
    writer.close()


async def test_pipelined_requests_are_answered_in_their_order(place: Place) -> None:
    reader, writer = await place.connect()
    for _ in range(3):
        pair = place.head("GET", "/v1/accounts") + place.head("GET", "/v1/nothing")
        writer.write(pair * (MAX_PIPELINED // 2))
        found = [(await answer(reader))[0] for _ in range(MAX_PIPELINED)]
        assert found == [200, 404] * (MAX_PIPELINED // 2)
    writer.close()


async def test_too_many_pipelined_requests_end_the_connection(place: Place) -> None:
    reader, writer = await place.connect()
    writer.write(HEALTH * (MAX_PIPELINED * 8))
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            answers = (await reader.read()).count(b"HTTP/1.1 200")
            assert answers <= MAX_PIPELINED + 1
    writer.close()


@pytest.mark.parametrize(
    "late", [b"POST /v1/account HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", b"\r\n"]
)
async def test_connection_that_only_lingers_is_closed(tmp_path: Path, late: bytes) -> None:
    """Behind an answer that did not wait for the body, and between requests."""
    async with served(tmp_path, HastyHttp) as place:
        reader, writer = await place.connect()
        writer.write(HEALTH)
        assert (await answer(reader))[0] == 200
        writer.write(late)
        async with asyncio.timeout(10):
            assert (await reader.read()).startswith(b"HTTP/1.1 401" if late[0] == 80 else b"")
        writer.close()


async def test_client_that_takes_nothing_of_an_answer_is_cut_off(tmp_path: Path) -> None:
    async with served(tmp_path, HastyHttp) as place:
        lazy = socket.create_connection(("127.0.0.1", place.port))
        lazy.sendall(b"GET /swagger.json HTTP/1.1\r\nHost: x\r\n\r\n" * (MAX_PIPELINED // 2))
        async with asyncio.timeout(10):
            while not place.state.connections:
                await asyncio.sleep(0.01)
            while place.state.connections:
                await asyncio.sleep(0.01)
        lazy.close()


async def test_client_that_takes_an_answer_slowly_gets_all_of_it(tmp_path: Path) -> None:
    async with served(tmp_path, PatientHttp) as place:
        lazy = socket.create_connection(("127.0.0.1", place.port))
        lazy.setblocking(False)
        request = b"GET /swagger.json HTTP/1.1\r\nHost: x\r\n\r\n"
        lazy.sendall(request * 63 + request.replace(b"Host", b"Connection: close\r\nHost"))
        got = 0
        async with asyncio.timeout(30):
            while piece := await asyncio.get_running_loop().sock_recv(lazy, 65_536):
                got += len(piece)
                await asyncio.sleep(0.002)
        lazy.close()
        reader, writer = await place.connect()
        writer.write(request)
        assert got > 64 * len((await answer(reader))[1])
        writer.close()


@pytest.mark.parametrize(
    "broken",
    [
        b"\x00nonsense\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"POST /v1/account/a/submit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
    ],
)
async def test_requests_in_front_of_a_broken_one_get_their_own_answers(
    place: Place, broken: bytes
) -> None:
    reader, writer = await place.connect()
    submit = place.head("POST", "/v1/account/a/submit", f"Content-Length: {len(MAIL)}") + MAIL
    writer.write(submit + HEALTH + broken + HEALTH)
    assert json.loads((await answer(reader))[1])["response"] == "Queued for delivery"
    assert await answer(reader) == (200, b'{"success":true}')
    assert await reader.read() == b""
    writer.close()


async def test_broken_body_is_refused(place: Place) -> None:
    reader, writer = await place.connect()
    writer.write(place.head("POST", "/v1/account/a/submit", CHUNKED))
    await writer.drain()
    writer.write(b"z\r\n")
    assert (await answer(reader))[0] == 400
    assert await reader.read() == b""
    writer.close()


async def test_broken_body_behind_its_answer_brings_no_second_one(place: Place) -> None:
    reader, writer = await place.connect()
    lines = f"POST /v1/account HTTP/1.1\r\nHost: x\r\n{CHUNKED}\r\n\r\n"
    writer.write(lines.encode())
    assert (await answer(reader))[0] == 401
    writer.write(b"z\r\n")
    assert await reader.read() == b""
    writer.close()
