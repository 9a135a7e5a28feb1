"""A whole Postroad with a webhook receiver, and the few calls that every test of the road makes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from support.receiver import Receiver
from support.server import Server

TOKEN = "5e" * 32


class Listening(Protocol):
    """Whatever has a port on loopback."""

    @property
    def port(self) -> int: ...


class Road:
    """A server whose every event comes to ``receiver``."""

    def __init__(self, server: Server, receiver: Receiver) -> None:
        self.server = server
        self.receiver = receiver

    def account(self, account: str, relay: Listening, **more: Any) -> str:
        """A send-only account behind ``relay``; members of ``smtp`` are added to its own."""
        smtp = {"host": "127.0.0.1", "port": relay.port, **more.pop("smtp", {})}
        body = {"account": account, "name": account, "email": f"{account}@example.com"}
        self.server.ok("POST", "/v1/account", {**body, "smtp": smtp, **more})
        return account

    def submit(self, account: str, **body: Any) -> dict[str, Any]:
        """Hand a message over; the answer. Without recipients it goes to b@example.net."""
        headers = body.pop("http_headers", None)
        if not {"to", "cc", "bcc", "envelope", "raw", "reference"} & body.keys():
            body["to"] = {"address": "b@example.net"}
        if not {"raw", "text", "html"} & body.keys():
            body["text"] = "x"
        answer = self.server.ok("POST", f"/v1/account/{account}/submit", body, headers=headers)
        assert isinstance(answer, dict)
        return answer

    def wait_empty(self, timeout_s: float = 20) -> None:
        """Wait until nothing is queued."""
        self.server.wait_until(
            lambda: self.server.ok("GET", "/v1/outbox")["total"] == 0, timeout_s, "an empty queue"
        )


def new_server(folder: Path, **options: Any) -> Server:
    """A server that knows :data:`TOKEN`, not started."""
    env = {"POSTROAD_PREPARED_TOKEN": TOKEN, **options.pop("env", {})}
    return Server(folder, token=TOKEN, env=env, **options)


@contextmanager
def road(folder: Path, **options: Any) -> Iterator[Road]:
    """A running road; ``options`` are those of :class:`Server`."""
    with Receiver() as receiver, new_server(folder, **options) as server:
        tell(server, receiver)
        yield Road(server, receiver)


def tell(server: Server, receiver: Receiver) -> None:
    """Send every event of ``server`` to ``receiver``."""
    server.ok(
        "POST",
        "/v1/settings",
        {"webhooksEnabled": True, "webhooks": receiver.url, "webhookEvents": ["*"]},
    )


def query(server: Server, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of the server's own SQLite file, for what no surface shows."""
    connection = sqlite3.connect(server.data / "postroad.db", timeout=10)
    try:
        rows = connection.execute(sql, values).fetchall()
        connection.commit()
        return rows
    finally:
        connection.close()
