"""The demo's webhook receiver, called over a real connection."""

from __future__ import annotations

import asyncio
import base64
import hmac
import http.client
import json
from urllib.parse import urlsplit

from postroad.surfaces.cli.demo_receiver import Delivery, Receiver

BODY = json.dumps({"event": "messageSent", "account": "example", "data": {"queueId": "1"}}).encode()


def signature(secret: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.digest(secret, BODY, "sha256")).decode().rstrip("=")


def post_twice(url: str, signed: str) -> list[int]:
    """Two requests on one connection; their status codes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    found = []
    for _ in range(2):
        connection.request("POST", parts.path, BODY, {"X-EE-Wh-Signature": signed})
        response = connection.getresponse()
        response.read()
        found.append(response.status)
    connection.close()
    return found


async def test_signature_is_checked_against_the_secret_and_the_octets() -> None:
    taken: list[Delivery] = []
    async with Receiver("right", taken.append) as receiver:
        assert await asyncio.to_thread(post_twice, receiver.url, signature(b"right")) == [204, 204]
        await asyncio.to_thread(post_twice, receiver.url, signature(b"wrong"))
        await asyncio.to_thread(post_twice, receiver.url, "")
    assert [delivery.is_signed for delivery in taken] == [True, True, False, False, False, False]
    assert taken[0] == Delivery("messageSent", "example", {"queueId": "1"}, is_signed=True)


async def test_peer_that_talks_nonsense_does_not_end_the_receiver() -> None:
    taken: list[Delivery] = []
    async with Receiver("right", taken.append) as receiver:
        parts = urlsplit(receiver.url)
        for nonsense in (b"\x16\x03\x01\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(nonsense)
            await writer.drain()
            assert await reader.read() == b""
            writer.close()
        await asyncio.to_thread(post_twice, receiver.url, signature(b"right"))
    assert len(taken) == 2
