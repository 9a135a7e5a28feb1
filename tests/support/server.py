"""A Postroad of its own: started as a process, spoken to over HTTP, stopped or killed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SECRET = "a-secret-for-tests-only"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """One server process on loopback. ``folder`` keeps its data and log over restarts."""

    folder: Path
    database: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    token: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("POSTROAD_", "EENGINE_"))}
        own = {
            "POSTROAD_HOST": "127.0.0.1",
            "POSTROAD_PORT": str(self.port),
            "POSTROAD_DATA": str(self.data),
            "POSTROAD_SECRET": SECRET,
            "POSTROAD_LOG_LEVEL": "info",
        }
        if self.database is not None:
            own["POSTROAD_DATABASE"] = self.database
        return kept | own | self.env

    def start(self, timeout_s: float = 30) -> Self:
        """Start and wait until ``/health`` answers 200. Issues a token at the first start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "postroad", "serve"],
                env=self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_until(self._is_healthy, timeout_s, "the server is healthy")
        if not self.token:
            self.token = self.cli("tokens", "issue", "--description", "tests", "--scope", "*")
        return self

    def _is_healthy(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.log[-4000:]}")
        try:
            return self.call("GET", "/health")[0] == 200
        except OSError:
            return False

    def cli(self, *arguments: str) -> str:
        """Run a command beside the server; the last line that it prints."""
        return self.printed(*arguments).strip().splitlines()[-1]

    def printed(self, *arguments: str) -> str:
        """Run a command beside the server; all that it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "postroad", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> tuple[int, Any]:
        """One request; status and decoded JSON (text when it is not JSON)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {"authorization": f"Bearer {self.token if token is None else token}"}
            payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            if payload is not None:
                sent["content-type"] = "application/json"
            with contextlib.suppress(BrokenPipeError):  # answered before all of it was sent
                connection.request(method, path, payload, sent | (headers or {}))
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode(errors="replace")

    def ok(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """One request that must succeed; its decoded body."""
        status, answer = self.call(method, path, body, **more)
        assert status == 200, (status, answer)
        return answer

    def wait_until(self, is_so: Any, timeout_s: float, what: str) -> Any:
        """Ask until the answer is true; fail with the end of the log when time is up."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if found := is_so():
                return found
            time.sleep(0.05)
        raise AssertionError(f"not in {timeout_s} s: {what}\n{self.log[-3000:]}")

    def wait_connected(self, account: str, timeout_s: float = 20) -> None:
        self.wait_until(
            lambda: self.ok("GET", f"/v1/account/{account}")["state"] == "connected",
            timeout_s,
            f"{account} is connected",
        )

    def stop(self) -> int:
        """End it as an operator would; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a warning."""
        self._end(signal.SIGKILL)

    def _end(self, signal_number: signal.Signals) -> int:
        if self.process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal_number)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            code = self.process.wait(timeout=10)
        self.process = None
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(signal.SIGTERM)
