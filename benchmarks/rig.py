"""What the benchmarks share: a server of our own, sinks behind it, and honest clocks.

The server runs as an operator would run it (``postroad serve``, defaults, SQLite, fsync on) in a
temporary directory. The load, the SMTP sink and the webhook sink run in this process, on loopback.
Rates swing with the machine; CPU time per message, taken from the kernel's accounting of the
server process, is the number to compare.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_TIMEOUT_S = 30


@dataclass(slots=True)
class Server:
    """A running ``postroad serve``."""

    process: subprocess.Popen[bytes]
    port: int
    token: str

    def cpu_s(self) -> float:
        """CPU seconds that the server and its children have used so far."""
        ticks = sum(
            int(value)
            for pid in self._pids()
            for value in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        )
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Resident memory of the server and its children."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2

    def _pids(self) -> list[int]:
        main = self.process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return [main, *map(int, children)]


@asynccontextmanager
async def server(**environment: str) -> AsyncIterator[Server]:
    """Start a server on a free port with an empty store; stop it and remove every trace."""
    program = str(Path(sys.executable).with_name("postroad"))
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="postroad-bench-") as directory:
        given = {
            **os.environ,
            "POSTROAD_DATA": f"{directory}/data",
            "POSTROAD_HOST": "127.0.0.1",
            "POSTROAD_PORT": str(port),
            "POSTROAD_SECRET": secrets.token_hex(16),
            "POSTROAD_LOG_LEVEL": "warning",
            **environment,
        }
        issue = [program, "tokens", "issue", "--description", "bench", "--scope", "*"]
        with open(f"{directory}/log", "wb") as log:
            process = subprocess.Popen([program, "serve"], env=given, stderr=log, stdout=log)
            try:
                await _until_healthy(process, port, Path(f"{directory}/log"))
                issued = await asyncio.to_thread(subprocess.check_output, issue, env=given)
                token = issued.decode().strip().rpartition("\n")[2]
                yield Server(process, port, token)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


async def _until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            async with client(port, "") as call:
                if (await call("GET", "/health"))[0] == 200:
                    return
        except OSError:
            pass
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")


Call = Callable[..., Awaitable[tuple[int, bytes]]]


@asynccontextmanager
async def client(port: int, token: str) -> AsyncIterator[Call]:
    """One kept HTTP connection: ``status, body = await call(method, path, json)``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    async def call(method: str, path: str, body: object = None) -> tuple[int, bytes]:
        octets = b"" if body is None else json.dumps(body).encode()
        writer.write(
            f"{method} {path} HTTP/1.1\r\n{head}Content-Length: {len(octets)}\r\n\r\n".encode()
            + octets
        )
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        sizes = [line.split(":")[1] for line in lines if line.startswith("content-length:")]
        return int(lines[0].split()[1]), await reader.readexactly(int(sizes[0]))

    try:
        yield call
    finally:
        writer.close()


@dataclass(slots=True)
class Sink:
    """Counts what arrives and says when it is enough."""

    port: int = 0
    arrived: list[float] = field(default_factory=list)  # monotonic seconds
    ids: list[str] = field(default_factory=list)
    wanted: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, count: int) -> None:
        """Forget what came, and wait for ``count`` more."""
        self.arrived.clear()
        self.ids.clear()
        self.wanted = count
        self.enough = asyncio.Event()

    def add(self, identity: str) -> None:
        self.arrived.append(time.monotonic())
        self.ids.append(identity)
        if len(self.arrived) >= self.wanted:
            self.enough.set()


@asynccontextmanager
async def smtp_sink() -> AsyncIterator[Sink]:
    """An SMTP server that takes everything and remembers Message-IDs."""
    sink = Sink()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            match line[:4].upper():
                case b"EHLO":
                    answer = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 99999999\r\n"
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    message = await reader.readuntil(b"\r\n.\r\n")
                    at = message.lower().find(b"\r\nmessage-id:")
                    sink.add(message[at + 13 : message.find(b"\r\n", at + 2)].decode().strip())
                    answer = b"250 2.0.0 taken\r\n"
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    answer = b"250 ok\r\n"
            writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 26)
    sink.port = listener.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        listener.close()


@asynccontextmanager
async def webhook_sink() -> AsyncIterator[Sink]:
    """An HTTP server that answers 200 and remembers ids of ``messageSent`` events."""
    sink = Sink()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
            except asyncio.IncompleteReadError:
                break
            at = head.index(b"content-length:") + 15
            event = json.loads(await reader.readexactly(int(head[at : head.index(b"\r\n", at)])))
            if event["event"] == "messageSent":
                sink.add(event["data"]["messageId"])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    sink.port = listener.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        listener.close()


async def add_account(running: Server, account: str, smtp_port: int, **settings: object) -> None:
    """Register a send-only account on the sink, and write settings if any are given."""
    async with client(running.port, running.token) as call:
        smtp = {"host": "127.0.0.1", "port": smtp_port, "secure": False}
        body = {"account": account, "name": "Bench", "email": "bench@bench.invalid", "smtp": smtp}
        _expect_200(await call("POST", "/v1/account", body))
        if settings:
            _expect_200(await call("POST", "/v1/settings", settings))


async def submit_many(
    running: Server, account: str, count: int, *, concurrency: int, **members: object
) -> list[float]:
    """Submit ``count`` small messages over ``concurrency`` connections; latencies in seconds."""
    body = {
        "to": [{"name": "Ada", "address": "ada@example.invalid"}],
        "subject": "Benchmark",
        "text": "A small message.\n" * 20,
        "html": "<p>A small message.</p>\n" * 20,
        **members,
    }
    left = iter(range(count))
    latencies: list[float] = []

    async def work() -> None:
        async with client(running.port, running.token) as call:
            for _ in left:
                begun = time.perf_counter()
                _expect_200(await call("POST", f"/v1/account/{account}/submit", body))
                latencies.append(time.perf_counter() - begun)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return latencies


def _expect_200(answer: tuple[int, bytes]) -> None:
    status, body = answer
    if status != 200:
        raise RuntimeError(f"answered {status}: {body[:500].decode()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def summary(values: Sequence[float]) -> dict[str, float]:
    """Smallest, median and largest of the repetitions."""
    numbers = {"min": min(values), "median": statistics.median(values), "max": max(values)}
    return {name: round(value, 3) for name, value in numbers.items()}


def machine() -> dict[str, object]:
    """Where the numbers come from."""
    models = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    }
    return {
        "cpu": ", ".join(sorted(models)),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
