"""What does one signed POST over a kept connection cost us, and what through aiohttp?

The receiver is a process of its own, so only the client's CPU is counted. Prints one JSON object.

    python benchmarks/webhook_post.py [--posts 5000] [--rounds 5] [--tasks 20]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import multiprocessing
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from multiprocessing.connection import Connection
from typing import cast

import uvloop

from postroad.protocol.http import HttpReply, header_lines, parse_url
from postroad.transport.http import HttpClient

BODY = b'{"serviceUrl":null,"account":"example","event":"messageSent","data":{}}' + b" " * 400
HEADERS = [
    ("Content-Type", "application/json"),
    ("User-Agent", "benchmark"),
    ("X-EE-Wh-Id", "123456"),
    ("X-EE-Wh-Attempts-Made", "0"),
    ("X-EE-Wh-Queued-Time", "0s"),
    ("X-EE-Wh-Event-Id", "8f5e2c0e-9a75-4c3a-a8b1-2f0f6b1d1c11"),
    ("X-EE-Wh-Signature", "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"),
]
Post = Callable[[], Awaitable[int]]


class _Receiver(asyncio.Protocol):
    """Answers every request that arrives in one piece, which these do on loopback."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._missing = 0

    def data_received(self, data: bytes) -> None:
        head_end = data.find(b"\r\n\r\n")
        length = data.lower().find(b"content-length: ")
        if self._missing == 0:
            size = int(data[length + 16 : data.find(b"\r\n", length)])
            self._missing = head_end + 4 + size
        self._missing -= len(data)
        if self._missing == 0:
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def _receive(port: Connection) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Receiver, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


async def _measure(post: Post, posts: int, tasks: int) -> tuple[float, float]:
    """Posts per second and CPU microseconds of this process for each."""

    async def work(count: int) -> None:
        for _ in range(count):
            status = await post()
            assert status == 200

    await asyncio.gather(*(work(10) for _ in range(tasks)))
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work(posts // tasks) for _ in range(tasks)))
    done = posts // tasks * tasks
    used = time.process_time() - cpu
    return done / (time.perf_counter() - wall), used / done * 1e6


async def _with_ours(url: str, posts: int, tasks: int) -> tuple[float, float]:
    client, parsed = HttpClient(), parse_url(url)

    async def post() -> int:
        lines = header_lines([("Host", parsed.authority), *HEADERS])
        reply = await client.post(parsed, lines, BODY, timeout_s=30)
        return reply.status if isinstance(reply, HttpReply) else 0

    result = await _measure(post, posts, tasks)
    await client.close()
    return result


async def _with_aiohttp(url: str, posts: int, tasks: int) -> tuple[float, float]:
    import aiohttp

    headers = dict(HEADERS)
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(30), connector=aiohttp.TCPConnector(limit=100)
    ) as session:

        async def post() -> int:
            async with session.post(
                url, data=BODY, headers=headers, allow_redirects=False
            ) as response:
                await response.read()
                return int(response.status)

        return await _measure(post, posts, tasks)


def _summary(figures: list[tuple[float, float]]) -> dict[str, object]:
    rates, costs = ([round(x, 1) for x in column] for column in zip(*figures, strict=True))
    return {
        "posts_per_s": {"median": statistics.median(rates), "min": min(rates), "max": max(rates)},
        "cpu_us_per_post": {
            "median": statistics.median(costs),
            "min": min(costs),
            "max": max(costs),
        },
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--posts", type=int, default=5000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--tasks", type=int, default=20)
    given = options.parse_args()
    here, there = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=_receive, args=(there,))
    receiver.start()
    try:
        url = f"http://127.0.0.1:{here.recv()}/hook"
        clients = {"postroad": _with_ours}
        if importlib.util.find_spec("aiohttp"):  # only here, for comparison
            clients["aiohttp"] = _with_aiohttp
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
        for _ in range(given.rounds):  # in turn, so that both meet the same moods of the machine
            for name, run in clients.items():
                figures[name].append(uvloop.run(run(url, given.posts, given.tasks)))
    finally:
        receiver.terminate()
        receiver.join()
    print(
        json.dumps(
            {
                "benchmark": "webhook_post",
                "machine": {"system": platform.platform(), "python": platform.python_version()},
                "uvloop": version("uvloop"),
                "posts": given.posts,
                "rounds": given.rounds,
                "tasks": given.tasks,
                "body_bytes": len(BODY),
                "clients": {name: _summary(values) for name, values in figures.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
