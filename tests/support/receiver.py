"""A webhook receiver that remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.threaded import Threaded


@dataclass(frozen=True)
class Delivery:
    """One request."""

    at: float  # time.time()
    headers: dict[str, str]  # lower-case names
    body: bytes
    payload: dict[str, Any]

    @property
    def event(self) -> str:
        return str(self.payload.get("event"))

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.payload["data"]
        return data


class Receiver(Threaded):
    """Listens on a free port of loopback; answers 200 unless ``status`` says otherwise."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.status = 200
        self._arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                delivery = Delivery(time.time(), headers, body, json.loads(body))
                with receiver._arrived:
                    receiver.deliveries.append(delivery)
                    receiver._arrived.notify_all()
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet: the test's output is for the test."""

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def of(self, event: str, **data: object) -> list[Delivery]:
        """Deliveries of ``event`` whose data has these members."""
        with self._arrived:
            return [
                d
                for d in self.deliveries
                if d.event == event and all(d.data.get(k) == v for k, v in data.items())
            ]

    def wait_for(self, event: str, *, timeout_s: float = 20, **data: object) -> Delivery:
        """The first delivery of ``event`` whose data has these members."""
        deadline = time.monotonic() + timeout_s
        while True:
            if found := self.of(event, **data):
                return found[0]
            with self._arrived:
                if not self._arrived.wait(max(0.0, deadline - time.monotonic())):
                    seen = [(d.event, d.payload.get("data")) for d in self.deliveries]
                    raise AssertionError(f"no {event} {data} in {timeout_s} s; came: {seen}")
