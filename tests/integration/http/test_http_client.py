"""The HTTP client against real sockets: kept connections, hostile servers, forbidden addresses."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from postroad.domain.egress import EgressPolicy
from postroad.domain.secret import Secret
from postroad.protocol.http import HttpReply, header_lines, parse_url
from postroad.transport.http import HttpClient, HttpFailure
from postroad.transport.http_dial import Address
from support.certificate import localhost_contexts
from support.http_target import HttpTarget, Received, answer, http_target, say


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(policy=EgressPolicy.OFF)
    yield client
    await client.close()


@pytest.fixture(scope="module")
def tls_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return localhost_contexts(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_server(tls_pair: tuple[ssl.SSLContext, ssl.SSLContext]) -> ssl.SSLContext:
    return tls_pair[0]


@pytest.fixture
def tls_client(tls_pair: tuple[ssl.SSLContext, ssl.SSLContext]) -> ssl.SSLContext:
    return tls_pair[1]


async def post(
    client: HttpClient,
    url: str,
    body: bytes = b"{}",
    *,
    timeout_s: float = 10,
    proxy: str | None = None,
) -> HttpReply | HttpFailure:
    parsed = parse_url(url)
    return await client.post(
        parsed,
        header_lines([("Host", parsed.authority)]),
        body,
        timeout_s=timeout_s,
        proxy=Secret(proxy) if proxy else None,
    )


def failure_of(reply: HttpReply | HttpFailure) -> HttpFailure:
    assert isinstance(reply, HttpFailure)
    return reply


def status_of(reply: HttpReply | HttpFailure) -> int:
    assert isinstance(reply, HttpReply), reply
    return reply.status


async def test_the_body_arrives_exactly(client: HttpClient) -> None:
    async with http_target() as target:
        assert status_of(await post(client, target.url("/a?b=c"), b"\x00\xff{}")) == 200
    assert target.received[0].target == "/a?b=c"
    assert target.received[0].body == b"\x00\xff{}"


async def test_a_large_body_arrives_exactly(client: HttpClient) -> None:
    body = bytes(range(256)) * 40_000
    async with http_target() as target:
        assert status_of(await post(client, target.url(), body)) == 200
    assert target.received[0].body == body


async def test_requests_in_turn_share_a_connection(client: HttpClient) -> None:
    async with http_target() as target:
        for _ in range(5):
            assert status_of(await post(client, target.url())) == 200
    assert target.connections == 1


async def test_requests_at_once_each_have_a_connection(client: HttpClient) -> None:
    async with http_target() as target:
        replies = await asyncio.gather(*(post(client, target.url()) for _ in range(5)))
    assert [status_of(reply) for reply in replies] == [200] * 5
    assert target.connections == 5


async def test_a_connection_announced_to_close_is_not_kept(client: HttpClient) -> None:
    async with http_target(answer(200, b"", "Connection: close")) as target:
        await post(client, target.url())
        await post(client, target.url())
    assert target.connections == 2


async def test_a_kept_connection_that_the_server_closed_is_replaced(client: HttpClient) -> None:
    async with http_target() as target:
        await post(client, target.url())
        target.drop_connections()
        assert status_of(await post(client, target.url())) == 200
    assert target.connections == 2


async def test_a_kept_connection_that_dies_under_a_request_is_replaced_once(
    client: HttpClient,
) -> None:
    async def close_second(received: Received, writer: asyncio.StreamWriter) -> None:
        if len(target.received) == 2:
            writer.close()
        else:
            await answer()(received, writer)

    async with http_target(close_second) as target:
        await post(client, target.url())
        assert status_of(await post(client, target.url(), b"again")) == 200
    assert [r.body for r in target.received] == [b"{}", b"again", b"again"]


async def test_a_new_connection_that_closes_unanswered_is_a_failure(client: HttpClient) -> None:
    async with http_target(say(b"")) as target:
        assert failure_of(await post(client, target.url())).code == "ECONNRESET"
    assert len(target.received) == 1


async def test_octets_out_of_turn_spend_a_kept_connection(client: HttpClient) -> None:
    async with http_target() as target:
        await post(client, target.url())
        for writer in list(target.open_writers):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await target.until_left()
        target.behaviour = answer(500)
        assert status_of(await post(client, target.url())) == 500


async def test_an_unused_connection_is_closed_after_its_time() -> None:
    client = HttpClient(policy=EgressPolicy.OFF, idle_s=0.01)
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        try:
            await reader.read()
        except ConnectionError:
            pass
        gone.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await post(client, f"http://127.0.0.1:{port}/")
        async with asyncio.timeout(10):
            await gone.wait()


async def test_redirects_are_not_followed(client: HttpClient) -> None:
    async with http_target() as target:
        target.behaviour = answer(302, b"", f"Location: {target.url('/elsewhere')}")
        reply = await post(client, target.url())
    assert isinstance(reply, HttpReply)
    assert reply.is_redirect
    assert len(target.received) == 1


# Servers that do not mean well.


async def _endless(writer: asyncio.StreamWriter, start: bytes, again: bytes) -> None:
    writer.write(start)
    while not writer.is_closing():
        writer.write(again)
        await writer.drain()


async def test_endless_headers_are_cut_off(client: HttpClient) -> None:
    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        await _endless(writer, b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 100)

    async with http_target(behave) as target:
        assert failure_of(await post(client, target.url())).code == "EPROTO"


async def test_an_endless_body_is_cut_off_and_the_status_counts(client: HttpClient) -> None:
    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        await _endless(writer, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536)

    async with http_target(behave) as target:
        assert status_of(await post(client, target.url())) == 200


@pytest.mark.parametrize(
    "octets",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"],
)
async def test_a_server_that_hangs_is_left_in_time(client: HttpClient, octets: bytes) -> None:
    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await asyncio.Event().wait()

    async with http_target(behave) as target:
        reply = await post(client, target.url(), timeout_s=0.1)
    assert failure_of(reply).code == "ETIMEDOUT"


async def test_a_server_that_reads_nothing_is_left_in_time(client: HttpClient) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    done = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0, limit=1) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        reply = await post(client, url, b"x" * 20_000_000, timeout_s=0.2)
        done.set()
    assert failure_of(reply).code == "ETIMEDOUT"


@pytest.mark.parametrize(
    "octets",
    [
        b"\x00\x01\x02",
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: y\r\n",
    ],
)
async def test_garbage_and_halves_are_protocol_errors(client: HttpClient, octets: bytes) -> None:
    async with http_target(say(octets)) as target:
        assert failure_of(await post(client, target.url())).code == "EPROTO"


async def test_an_error_after_garbage_does_not_poison_the_next_request(client: HttpClient) -> None:
    async with http_target(say(b"garbage")) as target:
        await post(client, target.url())
        target.behaviour = answer(204)
        assert status_of(await post(client, target.url())) in (200, 204)


async def test_a_refused_connection_says_so(client: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        failure = failure_of(await post(client, f"http://127.0.0.1:{port}/"))
    assert failure.code == "ECONNREFUSED"
    assert not failure.is_final


async def test_an_unknown_host_says_so(client: HttpClient) -> None:
    assert failure_of(await post(client, "http://nowhere.invalid/")).code == "ENOTFOUND"


async def test_a_cancelled_request_leaves_nothing_behind(client: HttpClient) -> None:
    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with http_target(behave) as target:
        task = asyncio.create_task(post(client, target.url()))
        await target.until(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        target.behaviour = answer()
        assert status_of(await post(client, target.url())) == 200
    assert target.connections == 2


# The egress policy.


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "１２７.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
    ],
)
async def test_private_addresses_are_not_dialed_in_any_spelling(host: str) -> None:
    client = HttpClient(policy=EgressPolicy.PRIVATE)
    async with http_target() as target:
        failure = failure_of(await post(client, f"http://{host}:{target.port}/"))
    assert failure.code == "EEGRESSBLOCKED"
    assert failure.is_final
    assert target.connections == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]"])
async def test_metadata_services_are_not_dialed_by_default(host: str) -> None:
    failure = failure_of(await post(HttpClient(), f"http://{host}/latest/meta-data/"))
    assert failure.code == "EEGRESSBLOCKED"


async def test_loopback_is_dialed_by_default() -> None:
    client = HttpClient()
    async with http_target() as target:
        assert status_of(await post(client, target.url(host="127.1"))) == 200
        await client.close()


def resolver(*addresses: str) -> Callable[[str, int], Awaitable[list[Address]]]:
    async def resolve(host: str, port: int) -> list[Address]:
        return [(address, port) for address in addresses]

    return resolve


async def test_one_forbidden_address_of_a_host_forbids_the_host() -> None:
    client = HttpClient(resolve=resolver("127.0.0.1", "169.254.169.254"))
    async with http_target() as target:
        failure = failure_of(await post(client, target.url(host="two.example")))
    assert failure.code == "EEGRESSBLOCKED"
    assert target.connections == 0


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    client = HttpClient(resolve=resolver("127.0.0.2", "127.0.0.1"))
    async with http_target() as target:
        assert status_of(await post(client, target.url(host="two.example"))) == 200
        await client.close()


async def test_the_address_that_was_judged_is_the_one_dialed() -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    async def resolve(host: str, port: int) -> list[Address]:
        return [(address, port) for address in answers.pop(0)]

    client = HttpClient(resolve=resolve)
    async with http_target() as target:
        url = target.url(host="rebinding.example")
        assert status_of(await post(client, url)) == 200
        target.drop_connections()
        await target.until_left()
        assert failure_of(await post(client, url)).code == "EEGRESSBLOCKED"


# TLS.


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls_server: ssl.SSLContext,
) -> None:
    async with http_target(tls=tls_server) as target:
        failure = failure_of(await post(HttpClient(), target.url(host="localhost")))
    assert failure.code == "ECERT"
    assert not failure.is_final


async def test_a_certificate_for_another_host_is_refused(
    tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    async with http_target(tls=tls_server) as target:
        failure = failure_of(await post(HttpClient(tls=tls_client), target.url()))
    assert failure.code == "ECERT"


async def test_a_trusted_certificate_is_accepted_and_the_connection_kept(
    tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> None:
    client = HttpClient(tls=tls_client)
    async with http_target(tls=tls_server) as target:
        for _ in range(3):
            assert status_of(await post(client, target.url(host="localhost"))) == 200
        await client.close()
    assert target.connections == 1


async def test_plain_http_behind_https_says_so(client: HttpClient) -> None:
    async with http_target() as target:
        url = target.url().replace("http:", "https:")
        assert failure_of(await post(client, url, timeout_s=2)).code in ("ETLS", "ETIMEDOUT")


# Proxies.


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry octets both ways until one side ends."""
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))


async def _post_through(
    client: HttpClient,
    target: HttpTarget,
    scheme: str,
    host: str,
    tls: ssl.SSLContext | None = None,
) -> tuple[HttpReply | HttpFailure, list[bytes]]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if scheme.startswith("http"):
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                await reader.readexactly(3)
                writer.write(b"\x05\x00")
                head = await reader.readexactly(5)
                asked.append(head + await reader.readexactly(head[4] + 2))
                writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        except asyncio.IncompleteReadError:
            return  # the handshake was enough for the client
        await _tunnel(reader, writer, target.port)

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        proxy = f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}"
        reply = await post(client, target.url(host=host), proxy=proxy)
        await client.close()
        return reply, asked


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_dials_the_name(client: HttpClient, scheme: str) -> None:
    async with http_target() as target:
        reply, asked = await _post_through(client, target, scheme, "inside.invalid")
    assert status_of(reply) == 200
    assert b"inside.invalid" in asked[0]
    assert len(target.received) == 1


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_tls_goes_through_a_proxy(
    tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, scheme: str
) -> None:
    client = HttpClient(tls=tls_client)
    async with http_target(tls=tls_server) as target:
        reply, _ = await _post_through(client, target, scheme, "localhost")
    assert status_of(reply) == 200


@pytest.mark.parametrize("is_secure", [False, True])
async def test_a_proxy_itself_may_speak_tls(
    tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, is_secure: bool
) -> None:
    client = HttpClient(tls=tls_client)
    async with http_target(tls=tls_server if is_secure else None) as target:
        reply, asked = await _post_through(client, target, "https", "localhost", tls_server)
    assert status_of(reply) == 200
    assert asked[0].startswith(b"CONNECT localhost:")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"", b"garbage" * 10_000])
async def test_a_proxy_that_refuses_says_so(client: HttpClient, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        failure = failure_of(await post(client, "http://127.0.0.1:9/", proxy=proxy))
    assert failure.code == "EPROXY"


async def test_a_proxy_is_no_way_around_the_egress_policy() -> None:
    client = HttpClient(policy=EgressPolicy.PRIVATE)
    async with http_target() as target:
        reply, asked = await _post_through(client, target, "http", "localhost")
    assert failure_of(reply).code == "EEGRESSBLOCKED"
    assert asked == []


async def test_a_proxy_that_cannot_be_reached_says_so(client: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"socks5://127.0.0.1:{unused.getsockname()[1]}"
        failure = failure_of(await post(client, "http://127.0.0.1:9/", proxy=proxy))
    assert failure.code == "EPROXY"


async def test_a_proxy_url_that_makes_no_sense_says_so(client: HttpClient) -> None:
    failure = failure_of(await post(client, "http://127.0.0.1:9/", proxy="gopher://x"))
    assert failure.code == "EPROXY"
