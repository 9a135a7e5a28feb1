from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from postroad.surfaces.api.request import Disconnected, Message
from postroad.surfaces.api.stream import Stream, TooLong, disposition, send_stream


class Client:
    """Takes what is sent; ``stays`` is how many messages it waits for before it goes away."""

    def __init__(self, stays: int = 1000) -> None:
        self.got: list[Message] = []
        self._stays = stays
        self._gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        self.got.append(message)
        if len(self.got) >= self._stays:
            self._gone.set()
        await asyncio.sleep(0)

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}


class Source:
    """Chunks without end, or as many as there are."""

    def __init__(self, count: int | None = None, size: int = 4) -> None:
        self.read = 0
        self.is_closed = False
        self._count = count
        self._size = size

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            while self._count is None or self.read < self._count:
                self.read += 1
                yield b"x" * self._size
        finally:
            self.is_closed = True


async def test_chunks_go_out_one_by_one_with_the_size_that_is_known() -> None:
    client, source = Client(), Source(3)
    stream = Stream(source.chunks(), "image/png", "a.png", 12)
    assert await send_stream(client.send, client.receive, stream, [(b"x-own", b"1")]) == 12
    start, *rest = client.got
    headers = dict(start["headers"])
    assert headers[b"content-length"] == b"12"
    assert headers[b"content-type"] == b"image/png"
    assert headers[b"x-own"] == b"1"
    assert [message["body"] for message in rest] == [b"xxxx"] * 3 + [b""]
    assert [message["more_body"] for message in rest] == [True, True, True, False]
    assert source.is_closed


async def test_client_that_goes_away_ends_the_reading() -> None:
    client, source = Client(stays=3), Source()
    with pytest.raises(Disconnected):
        await send_stream(client.send, client.receive, Stream(source.chunks(), "a/b"), [])
    assert source.read <= 4
    assert source.is_closed


async def test_reading_waits_for_the_client() -> None:
    source = Source()
    release = asyncio.Event()
    taken: list[Message] = []

    async def send(message: Message) -> None:
        taken.append(message)
        if len(taken) == 3:
            release.set()
            await asyncio.get_running_loop().create_future()

    async def receive() -> Message:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")

    sending = asyncio.ensure_future(send_stream(send, receive, Stream(source.chunks(), "a/b"), []))
    await asyncio.wait_for(release.wait(), 5)
    for _ in range(20):
        await asyncio.sleep(0)
    assert source.read == 2
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert source.is_closed


async def test_download_beyond_the_limit_is_cut_short() -> None:
    client, source = Client(), Source(size=100 * 1024 * 1024)
    with pytest.raises(TooLong):
        await send_stream(client.send, client.receive, Stream(source.chunks(), "a/b"), [])
    assert source.read == 3
    assert source.is_closed


async def test_head_reads_nothing() -> None:
    client, source = Client(), Source()
    stream = Stream(source.chunks(), "a/b")
    assert await send_stream(client.send, client.receive, stream, [], is_head=True) == 0
    assert source.read == 0


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (None, b"attachment"),
        ("plain name.pdf", b'attachment; filename="plain name.pdf"'),
        ('a"b\\c', b"attachment; filename=\"a_b_c\"; filename*=utf-8''a%22b%5Cc"),
        ("€.pdf", b"attachment; filename=\"_.pdf\"; filename*=utf-8''%E2%82%AC.pdf"),
        ("a\r\nX: y", b'attachment; filename="a__X: y"'),
    ],
)
def test_name_of_a_file_stays_in_its_header(filename: str | None, expected: bytes) -> None:
    assert disposition(filename) == expected
