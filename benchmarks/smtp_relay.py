"""CPU time of our side for one message to a relay, pooled and pipelined, against smtp-sink.

``python benchmarks/smtp_relay.py [--messages N] [--size BYTES] [--connections N] [--loop L]``
prints JSON. Needs Postfix's ``smtp-sink``. CPU time per message is the figure to trust; rates
depend on what else runs on the machine. ``--runs`` repeats; the minimum is the least disturbed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import uvloop

from postroad.domain.account import SmtpSettings
from postroad.domain.envelope import Envelope
from postroad.domain.reply import Accepted, Outcome
from postroad.engine.delivery.pool import RelayPool, relay_key
from postroad.transport.smtp import SmtpConnection

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Octets:
    """The same message over and over, as the store would give it."""

    size: int
    open: Callable[[], AsyncIterator[bytes]]


def message(size: int) -> Octets:
    """A text message of about ``size`` octets."""
    head = b"From: a@sender.example\r\nTo: b@relay.example\r\nSubject: benchmark\r\n\r\n"
    line = b"The quick brown fox jumps over the lazy dog, and then once more.\r\n"
    whole = head + line * max(1, (size - len(head)) // len(line))
    pieces = [whole[i : i + _PIECE_BYTES] for i in range(0, len(whole), _PIECE_BYTES)]

    async def read() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return Octets(len(whole), read)


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """A relay that throws everything away; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    binary = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if binary is None:
        sys.exit("smtp-sink is missing; it comes with Postfix")
    process = subprocess.Popen([binary, "-u", "nobody", f"127.0.0.1:{port}", "256"])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


async def run(port: int, messages: int, connections: int, content: Octets) -> tuple[float, float]:
    """Send all and give CPU and wall seconds."""
    settings = SmtpSettings("127.0.0.1", port)
    key = relay_key(settings, ehlo_name="bench.example")
    pool = RelayPool(max_connections=connections, max_messages=messages)
    envelope = Envelope("a@sender.example", ("b@relay.example",))
    left = messages

    async def opener() -> SmtpConnection:
        return await SmtpConnection.open(settings, ehlo_name="bench.example")

    async def send(connection: SmtpConnection) -> Outcome:
        return await connection.send(envelope, content)

    async def sender() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            outcome = await pool.deliver(key, opener, send)
            if not isinstance(outcome, Accepted):
                raise SystemExit(f"not accepted: {outcome}")

    wall, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(sender())
    spent = time.process_time() - cpu, time.perf_counter() - wall
    await pool.close()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--size", type=int, default=3500)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    given = parser.parse_args()
    content = message(given.size)
    cpu_us: list[float] = []
    rates: list[float] = []
    start = uvloop.run if given.loop == "uvloop" else asyncio.run
    with sink() as port:
        for _ in range(given.runs):
            cpu, wall = start(run(port, given.messages, given.connections, content))
            cpu_us.append(cpu / given.messages * 1e6)
            rates.append(given.messages / wall)
    print(
        json.dumps(
            {
                "benchmark": "smtp_relay",
                "machine": platform.machine(),
                "python": platform.python_version(),
                "loop": given.loop,
                "messages": given.messages,
                "octets": content.size,
                "connections": given.connections,
                "runs": given.runs,
                "cpu_us_per_message": _summary(cpu_us),
                "messages_per_second": _summary(rates),
            },
            indent=2,
        )
    )


def _summary(values: list[float]) -> dict[str, float]:
    return {
        "min": round(min(values), 1),
        "median": round(statistics.median(values), 1),
        "max": round(max(values), 1),
    }


if __name__ == "__main__":
    main()
