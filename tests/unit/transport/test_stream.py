from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import uvloop

from postroad.domain.account import TlsOptions
from postroad.domain.errors import RemoteProtocolError
from postroad.domain.reply import FailureKind
from postroad.domain.secret import Secret
from postroad.transport import tls
from postroad.transport.stream import MAX_HELD_BYTES, DialError, Endpoint, Stream, connect
from support.certificate import localhost_contexts

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    handler: Handler, *, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A port served by ``handler``, whose errors are the test's."""
    errors: list[BaseException] = []
    running: set[asyncio.Task[None]] = set()
    transports: list[asyncio.WriteTransport] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        transports.append(writer.transport)
        try:
            await handler(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        except BaseException as error:
            errors.append(error)
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for transport in transports:
            # asyncio of Python 3.11.2 fails to abort a TLS transport that was closed twice.
            with contextlib.suppress(AttributeError):
                transport.abort()
        for _ in range(5):  # sockets of aborted TLS close a few turns of the loop later
            await asyncio.sleep(0)
    assert not errors


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def read_exactly(stream: Stream, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = await stream.read_some(deadline=soon())
        assert piece
        data += piece
    return data


def trusting(folder: Path) -> tuple[ssl.SSLContext, TlsOptions]:
    server, _ = localhost_contexts(folder)
    pem = (folder / "localhost.pem").read_text()
    return server, TlsOptions(extra={"ca": pem[pem.index("-----BEGIN CERTIFICATE") :]})


async def test_what_is_written_comes_back() -> None:
    async with listening(echo) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        stream.write(b"hello")
        await stream.drain()
        assert await read_exactly(stream, 5) == b"hello"
        await stream.close()
        await stream.close()


async def test_a_read_takes_no_more_than_it_asked_for() -> None:
    async with listening(echo) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        stream.write(b"abcdef")
        first = await stream.read_some(2, deadline=soon())
        rest = await read_exactly(stream, 4)
        await stream.close()

    assert (first, rest) == (b"ab", b"cdef")


async def test_an_orderly_end_is_an_empty_read_after_all_that_came() -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last words")

    async with listening(say) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        assert await read_exactly(stream, 10) == b"last words"
        assert await stream.read_some(deadline=soon()) == b""
        assert stream.has_unread and stream.has_ended
        async with asyncio.timeout(5):
            while stream.is_open:
                await asyncio.sleep(0)
        stream.write(b"into the void")
        with pytest.raises(OSError, match="closed"):
            await stream.drain()
        await stream.close()


async def test_a_deadline_ends_the_wait_and_not_the_stream() -> None:
    async with listening(echo) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        with pytest.raises(TimeoutError):
            await stream.read_some(deadline=soon(0.02))
        stream.write(b"still here")
        assert await read_exactly(stream, 10) == b"still here"
        # A later deadline first, then a nearer one: the nearer one counts.
        with pytest.raises(TimeoutError):
            await stream.read_some(deadline=soon(0.02))
        await stream.close()


async def test_two_readers_are_a_mistake() -> None:
    async with listening(mute) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        first = asyncio.ensure_future(stream.read_some(deadline=soon(0.2)))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await stream.read_some()
        with pytest.raises(TimeoutError):
            await first
        await stream.close()


async def test_a_peer_that_floods_has_to_wait() -> None:
    sent = 0
    stopped = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < 64 * 1024 * 1024:
            writer.write(b"x" * 65536)
            sent += 65536
            try:
                async with asyncio.timeout(0.3):
                    await writer.drain()
            except TimeoutError:
                stopped.set()
                await writer.drain()

    async with listening(flood) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        async with asyncio.timeout(20):
            await stopped.wait()
        assert stream._held <= MAX_HELD_BYTES + 256 * 1024
        assert sent < 64 * 1024 * 1024
        blocked_at = sent
        await read_exactly(stream, blocked_at)  # once it is read, it goes on
        await stream.close()


async def test_drain_waits_for_a_slow_peer_and_no_longer_than_allowed() -> None:
    async with listening(mute) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        stream.write(b"x" * 16 * 1024 * 1024)
        with pytest.raises(TimeoutError):
            await stream.drain(deadline=soon(0.05))
        stream.abort()
        with pytest.raises(ConnectionError):
            await stream.drain(deadline=soon())
        await stream.close()


async def test_much_goes_both_ways_under_tls(tmp_path: Path) -> None:
    server, trust = trusting(tmp_path)
    data = bytes(range(256)) * 8192
    async with listening(echo, context=server) as port:
        stream = await connect(Endpoint("localhost", port, tls="implicit", tls_options=trust))
        stream.write(data)
        assert await read_exactly(stream, len(data)) == data
        await stream.close()


async def test_the_end_of_tls_is_an_end(tmp_path: Path) -> None:
    server, trust = trusting(tmp_path)

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")

    async with listening(say, context=server) as port:
        stream = await connect(Endpoint("localhost", port, tls="implicit", tls_options=trust))
        assert await read_exactly(stream, 3) == b"bye"
        assert await stream.read_some(deadline=soon()) == b""
        await stream.close()


async def test_a_second_connection_resumes_the_tls_session(tmp_path: Path) -> None:
    server, trust = trusting(tmp_path)
    reused: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reused.append(writer.get_extra_info("ssl_object").session_reused)
        await echo(reader, writer)

    async with listening(serve, context=server) as port:
        for _ in range(2):
            stream = await connect(Endpoint("localhost", port, tls="implicit", tls_options=trust))
            stream.write(b"x")
            await read_exactly(stream, 1)
            await stream.close()

    assert reused == [False, True]


async def test_tls_can_begin_later(tmp_path: Path) -> None:
    server, trust = trusting(tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(b"go on")
        await writer.start_tls(server)
        await echo(reader, writer)

    async with listening(serve) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        stream.write(b"TLS, ")
        assert await read_exactly(stream, 5) == b"go on"
        await stream.start_tls("localhost", trust, deadline=soon())
        stream.write(b"secret")
        assert await read_exactly(stream, 6) == b"secret"
        await stream.close()


async def test_cleartext_before_tls_is_refused() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"go on" + b"injected")
        await mute(reader, writer)

    async with listening(serve) as port:
        stream = await connect(Endpoint("127.0.0.1", port))
        assert await stream.read_some(5, deadline=soon()) == b"go on"
        with pytest.raises(RemoteProtocolError):
            await stream.start_tls("localhost", TlsOptions(), deadline=soon())
        stream.abort()


async def test_broken_tls_is_an_error_and_closes_the_stream(tmp_path: Path) -> None:
    server, trust = trusting(tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        sock = writer.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(sock.fileno())) as raw:
            raw.setblocking(True)
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"forged record, not authentic...")
            raw.sendall(b"and more of it" * 10)
        await mute(reader, writer)

    async with listening(serve, context=server) as port:
        stream = await connect(Endpoint("localhost", port, tls="implicit", tls_options=trust))
        stream.write(b"x")
        with pytest.raises(ssl.SSLError):
            await read_exactly(stream, 1)
        await stream.close()


async def test_what_cannot_be_reached_is_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]

    async with listening(mute) as port:
        table = {
            FailureKind.SOCKET: Endpoint("127.0.0.1", closed),
            FailureKind.DNS: Endpoint("no-such-host.invalid", 25),
            FailureKind.TIMEOUT: Endpoint("127.0.0.1", port, tls="implicit", connect_timeout_s=0.1),
        }
        for kind, endpoint in table.items():
            with pytest.raises(DialError) as caught:
                await connect(endpoint)
            assert caught.value.kind is kind
            assert endpoint.host in caught.value.message
        with pytest.raises(DialError, match=f"127.0.0.1:{closed}: Connection refused"):
            await connect(Endpoint("127.0.0.1", closed))


@pytest.mark.parametrize("host", ["ü..example", "x" * 64 + ".example", "a b", ""])
async def test_a_name_that_is_none_is_a_dns_failure(host: str) -> None:
    with pytest.raises(DialError) as caught:
        await connect(Endpoint(host, 25, connect_timeout_s=5))

    assert caught.value.kind in {FailureKind.DNS, FailureKind.SOCKET}


async def test_a_server_without_tls_is_a_tls_failure() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 plain.example ESMTP\r\n")
        await mute(reader, writer)

    async with listening(greet) as port:
        with pytest.raises(DialError) as caught:
            await connect(Endpoint("127.0.0.1", port, tls="implicit"))

    assert caught.value.kind is FailureKind.TLS


@pytest.mark.parametrize(
    "options",
    [
        TlsOptions(min_version="SSLv9"),
        TlsOptions(extra={"ciphers": "none such"}),
        TlsOptions(extra={"ca": "not a certificate"}),
        TlsOptions(extra={"servername": ".bad"}),
    ],
)
async def test_tls_options_that_make_no_sense_are_a_tls_failure(options: TlsOptions) -> None:
    async with listening(mute) as port:
        with pytest.raises(DialError) as caught:
            await connect(Endpoint("127.0.0.1", port, tls="implicit", tls_options=options))

    assert caught.value.kind is FailureKind.TLS


async def test_the_local_address_is_the_one_asked_for() -> None:
    peers: list[str] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.write(b".")

    async with listening(note) as port:
        stream = await connect(Endpoint("127.0.0.1", port, local_address="127.0.0.9"))
        await read_exactly(stream, 1)
        await stream.close()
        with pytest.raises(DialError) as caught:
            await connect(Endpoint("127.0.0.1", port, local_address="192.0.2.1"))

    assert peers == ["127.0.0.9"]
    assert caught.value.kind is FailureKind.SOCKET


async def test_a_dead_address_does_not_hide_a_live_one() -> None:
    # localhost has ::1 first on most machines, and nothing listens there.
    async with listening(echo) as port:
        stream = await connect(Endpoint("localhost", port))
        stream.write(b"x")
        assert await read_exactly(stream, 1) == b"x"
        await stream.close()


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    to_reader, to_writer = await asyncio.open_connection(host, port)
    await asyncio.gather(pipe(reader, to_writer), pipe(to_reader, writer))


async def http_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if b"Proxy-Authorization: Basic dTpwIHc=\r\n" not in head:  # u:p w
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        return
    host, _, port = head.split()[1].decode().rpartition(":")
    writer.write(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
    await join(reader, writer, host, int(port))


async def socks5_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 1928, RFC 1929: user u, password p w, names only."""
    assert await reader.readexactly(1) == b"\x05"
    await reader.readexactly((await reader.readexactly(1))[0])
    writer.write(b"\x05\x02")
    assert await reader.readexactly(1) == b"\x01"
    user = await reader.readexactly((await reader.readexactly(1))[0])
    password = await reader.readexactly((await reader.readexactly(1))[0])
    if (user, password) != (b"u", b"p w"):
        writer.write(b"\x01\x01")
        return
    writer.write(b"\x01\x00")
    request = await reader.readexactly(4)
    assert request == b"\x05\x01\x00\x03"
    host = await reader.readexactly((await reader.readexactly(1))[0])
    port = int.from_bytes(await reader.readexactly(2), "big")
    writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    await join(reader, writer, host.decode(), port)


async def socks4_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """SOCKS 4 and 4a; the name arrives as it was given."""
    request = await reader.readexactly(8)
    assert request[:2] == b"\x04\x01"
    await reader.readuntil(b"\0")
    host = socket.inet_ntoa(request[4:])
    if host.startswith("0.0.0."):
        host = (await reader.readuntil(b"\0"))[:-1].decode()
    writer.write(b"\x00\x5a\x00\x00\x00\x00\x00\x00")
    await join(reader, writer, host, int.from_bytes(request[2:4], "big"))


@pytest.mark.parametrize(
    ("handler", "scheme"),
    [
        (http_proxy, "http"),
        (socks5_proxy, "socks5"),
        (socks5_proxy, "socks"),
        (socks4_proxy, "socks4"),
        (socks4_proxy, "socks4a"),
    ],
)
async def test_a_proxy_carries_tls_to_the_server(
    tmp_path: Path, handler: Handler, scheme: str
) -> None:
    server, trust = trusting(tmp_path)
    async with listening(echo, context=server) as port, listening(handler) as proxy_port:
        proxy = Secret(f"{scheme}://u:p%20w@127.0.0.1:{proxy_port}")
        stream = await connect(
            Endpoint("localhost", port, tls="implicit", tls_options=trust, proxy=proxy)
        )
        stream.write(b"through")
        assert await read_exactly(stream, 7) == b"through"
        await stream.close()


@pytest.fixture
def fresh_contexts() -> Iterator[None]:
    """Contexts that look at the system's authorities anew, and are forgotten after."""
    tls._context.cache_clear()
    yield
    tls._context.cache_clear()


@pytest.mark.usefixtures("fresh_contexts")
async def test_tls_to_the_proxy_carries_tls_to_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, trust = trusting(tmp_path)
    # The proxy's certificate is checked against the system's authorities.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
    data = b"both" * 50_000
    async with (
        listening(echo, context=server) as port,
        listening(http_proxy, context=server) as proxy_port,
    ):
        proxy = Secret(f"https://u:p%20w@localhost:{proxy_port}")
        endpoint = Endpoint("localhost", port, tls="implicit", tls_options=trust, proxy=proxy)
        stream = await connect(endpoint)
        stream.write(data)
        assert await read_exactly(stream, len(data)) == data
        await stream.close()


@pytest.mark.parametrize(("handler", "scheme"), [(http_proxy, "http"), (socks5_proxy, "socks5")])
async def test_a_proxy_that_refuses_is_a_failed_connection_without_secrets(
    handler: Handler, scheme: str
) -> None:
    async with listening(handler) as port:
        proxy = Secret(f"{scheme}://u:wrongpass@127.0.0.1:{port}")
        with pytest.raises(DialError) as caught:
            await connect(Endpoint("server.invalid", 25, proxy=proxy, connect_timeout_s=5))

    assert caught.value.kind is FailureKind.CONNECTION
    assert "wrongpass" not in caught.value.message


@pytest.mark.parametrize("answer", [b"", b"SMTP ready\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"x" * 40_000])
async def test_a_proxy_that_makes_no_sense_is_a_failed_connection(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with listening(say) as port:
        with pytest.raises(DialError) as caught:
            await connect(Endpoint("x.invalid", 25, proxy=Secret(f"http://127.0.0.1:{port}")))

    assert caught.value.kind is FailureKind.CONNECTION


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_says_nothing_is_given_up_in_time(scheme: str) -> None:
    async with listening(mute) as port:
        proxy = Secret(f"{scheme}://127.0.0.1:{port}")
        with pytest.raises(DialError) as caught:
            await connect(Endpoint("x.invalid", 25, proxy=proxy, connect_timeout_s=0.1))

    assert caught.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    "url", ["ftp://x:1", "socks5://", "http://[::1", "http://x:99999", "nonsense"]
)
async def test_a_proxy_url_that_is_none_is_named_without_being_shown(url: str) -> None:
    with pytest.raises(DialError) as caught:
        await connect(Endpoint("x.invalid", 25, proxy=Secret(url)))

    assert url not in caught.value.message


@pytest.mark.parametrize(
    "scenario",
    [
        test_what_is_written_comes_back,
        test_a_read_takes_no_more_than_it_asked_for,
        test_an_orderly_end_is_an_empty_read_after_all_that_came,
        test_a_deadline_ends_the_wait_and_not_the_stream,
        test_a_peer_that_floods_has_to_wait,
        test_drain_waits_for_a_slow_peer_and_no_longer_than_allowed,
        test_cleartext_before_tls_is_refused,
        test_what_cannot_be_reached_is_named,
        test_a_server_without_tls_is_a_tls_failure,
        test_the_local_address_is_the_one_asked_for,
        test_a_dead_address_does_not_hide_a_live_one,
    ],
)
def test_it_is_the_same_on_uvloop(scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scenario()

    uvloop.run(run())


@pytest.mark.parametrize(
    "scenario",
    [
        test_much_goes_both_ways_under_tls,
        test_the_end_of_tls_is_an_end,
        test_a_second_connection_resumes_the_tls_session,
        test_tls_can_begin_later,
        test_broken_tls_is_an_error_and_closes_the_stream,
        partial(test_a_proxy_carries_tls_to_the_server, handler=http_proxy, scheme="http"),
        partial(test_a_proxy_carries_tls_to_the_server, handler=socks5_proxy, scheme="socks5"),
    ],
)
def test_tls_is_the_same_on_uvloop(
    scenario: Callable[[Path], Awaitable[None]], tmp_path: Path
) -> None:
    async def run() -> None:
        await scenario(tmp_path)

    uvloop.run(run())
