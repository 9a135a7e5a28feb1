"""The server of the demo: a child process, and the few requests that the demo makes of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from postroad.domain.errors import Unavailable

_READY_S = 15.0
_STOP_S = 10.0
_REQUEST_S = 10.0
# Never through a proxy that the environment names: everything is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Client:
    """Speaks JSON with the server over real HTTP."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token

    async def call(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        """One request. Raises :exc:`Unavailable` for anything but 200."""
        return await asyncio.to_thread(self._call, method, path, body)

    async def outbox(self) -> list[dict[str, object]]:
        """What waits and what failed."""
        messages = (await self.call("GET", "/v1/outbox"))["messages"]
        return messages if isinstance(messages, list) else []

    def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> dict[str, object]:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with _OPENER.open(request, timeout=_REQUEST_S) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            words = error.read(2000).decode("utf-8", "replace")
            raise Unavailable(f"{method} {path} was answered with {error.code}: {words}") from None
        except OSError as error:
            raise Unavailable(f"{method} {path} was not answered: {error}") from None
        return answer if isinstance(answer, dict) else {}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    ready_s: float  # how long it took
    process: asyncio.subprocess.Process


@asynccontextmanager
async def running(
    data: Path, port: int, variables: Mapping[str, str], log: Path
) -> AsyncIterator[Running]:
    """Run a server while the block runs; the block begins when it answers.

    Raises :exc:`Unavailable` with the end of its log when it does not start.
    """
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("POSTROAD_", "EENGINE_")) and name != "PORT"
    }
    started = time.monotonic()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "postroad", "serve"),
            *("--host", "127.0.0.1", "--port", str(port), "--data", str(data)),
            env={**environ, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        await _ready(process, f"http://127.0.0.1:{port}/health", log)
        yield Running(time.monotonic() - started, process)
    finally:
        await _stop(process)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while process.returncode is None and time.monotonic() < deadline:
        if await asyncio.to_thread(_answers, url):
            return
        await asyncio.sleep(0.05)
    end = (await asyncio.to_thread(log.read_text, "utf-8", "replace")).splitlines()[-5:]
    raise Unavailable("The server did not start:\n" + "\n".join(end))


def _answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=1.0) as response:
            return bool(response.status == 200)
    except OSError:
        return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
