"""How many webhooks a second leave for one account, and what does each cost us in all?

Events lie in a SQLite store on disk; the dispatcher claims, signs, posts and writes results as
it does in the server. The receiver is a process of its own. Prints one JSON object.

    python benchmarks/webhook_delivery.py [--events 5000] [--rounds 3] [--accounts 1]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import platform
import resource
import statistics
import tempfile
import time
from importlib.metadata import version
from multiprocessing.connection import Connection
from typing import cast

import uvloop

from postroad import store as stores
from postroad.domain.account import Account
from postroad.domain.event import Event, EventName
from postroad.domain.secret import Secret
from postroad.domain.setting import SettingValues
from postroad.engine.webhooks.dispatch import Dispatcher
from postroad.store import Store, Tx
from postroad.transport.http import HttpClient

DATA = {
    "messageId": "<0123456789abcdef@example.com>",
    "response": "250 2.0.0 Ok: queued as 1234567890",
    "queueId": "0192f0c1a2b3c4d5",
    "envelope": {"from": "sender@example.com", "to": ["recipient@example.com"]},
    "networkRouting": None,
}


class _Settings:
    def __init__(self, url: str) -> None:
        self.snapshot = SettingValues(
            webhooks_enabled=True,
            webhooks=url,
            webhook_events=("*",),
            service_secret=Secret("0123456789abcdef"),
        )

    async def service_secret(self) -> Secret[str]:
        return Secret("0123456789abcdef")


class _Receiver(asyncio.Protocol):
    """Answers every request that arrives in one piece, which these do on loopback."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def _receive(port: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Receiver, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


async def _prepare(store: Store, accounts: int, events: int) -> None:
    names = [f"account-{number}" for number in range(accounts)]

    async def add(tx: Tx) -> None:
        for name in names:
            await tx.accounts.put(Account(name, name, None, tx.now))

    await store.write(add)
    for _ in range(events // accounts // 10):

        async def record(tx: Tx) -> None:
            for name in names:
                for _ in range(10):
                    await tx.events.record(Event(EventName.MESSAGE_SENT, name, DATA))

        await store.write(record)


async def _pending(store: Store) -> int:
    async def unit(tx: Tx) -> int:
        return (await tx.webhooks.counts()).pending

    return await store.read(unit)


async def _run(url: str, events: int, accounts: int) -> tuple[float, float]:
    """Webhooks per second, and CPU microseconds of this process for each."""
    with tempfile.TemporaryDirectory() as folder:
        store = await stores.open(folder)
        client = HttpClient()
        try:
            await _prepare(store, accounts, events)
            total = await _pending(store)
            dispatcher = Dispatcher(
                store, _Settings(url), client, node_id="benchmark", clock=store.now
            )
            wall, cpu = time.perf_counter(), _cpu_s()
            async with asyncio.TaskGroup() as group:
                group.create_task(dispatcher.run())
                while await _pending(store):
                    await asyncio.sleep(0.05)
                took, used = time.perf_counter() - wall, _cpu_s() - cpu
                dispatcher.stop()
        finally:
            await client.close()
            await store.close()
        return total / took, used / total * 1e6


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=5000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--accounts", type=int, default=1)
    given = options.parse_args()
    here, there = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=_receive, args=(there,))
    receiver.start()
    try:
        url = f"http://127.0.0.1:{here.recv()}/hook"
        figures = [uvloop.run(_run(url, given.events, given.accounts)) for _ in range(given.rounds)]
    finally:
        receiver.terminate()
        receiver.join()
    rates, costs = ([round(x, 1) for x in column] for column in zip(*figures, strict=True))
    print(
        json.dumps(
            {
                "benchmark": "webhook_delivery",
                "machine": {"system": platform.platform(), "python": platform.python_version()},
                "uvloop": version("uvloop"),
                "events": given.events,
                "accounts": given.accounts,
                "webhooks_per_s": {
                    "median": statistics.median(rates),
                    "min": min(rates),
                    "max": max(rates),
                },
                "cpu_us_per_webhook": {
                    "median": statistics.median(costs),
                    "min": min(costs),
                    "max": max(costs),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
