"""A Postroad that takes mail over SMTP, and a client that says what it is told, octet by octet."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.road import Road, road
from support.server import free_port

PASSWORD = "saladus"
LOGIN = b"AUTH PLAIN AGV4YW1wbGUAc2FsYWR1cw==\r\n"  # example, saladus


@contextmanager
def submission(
    folder: Path, settings: dict[str, Any] | None = None, **options: Any
) -> Iterator[tuple[Road, int]]:
    """A running road whose SMTP server listens on the port given back."""
    port = free_port()
    with road(folder, **options) as on_road:
        switch(on_road, port, smtpServerPassword=PASSWORD, **(settings or {}))
        yield on_road, port


def switch(on_road: Road, port: int, **settings: Any) -> None:
    """Change settings, and wait until the port answers to them."""
    values = {"smtpServerEnabled": True, "smtpServerPort": port, **settings}
    on_road.server.ok("POST", "/v1/settings", values)
    if not values["smtpServerEnabled"]:
        return
    on_road.server.wait_until(lambda: is_open(port), 10, f"port {port} is open")


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def plain(user: str, password: str) -> bytes:
    """An AUTH PLAIN command."""
    return b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()) + b"\r\n"


class Line:
    """A connection as telnet gives it. ``first`` is sent before anything is read."""

    def __init__(
        self, port: int, *, first: bytes = b"", host: str = "127.0.0.1", timeout_s: float = 20
    ) -> None:
        self._socket: socket.socket = socket.create_connection((host, port), timeout=timeout_s)
        self._file = self._socket.makefile("rb")
        if first:
            self._socket.sendall(first)

    def hear(self) -> str:
        """One whole reply, its lines joined by LF; empty when the server has hung up."""
        lines = []
        while True:
            try:
                line = self._file.readline().decode()
            except ConnectionResetError:
                return ""
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def say(self, octets: bytes) -> str:
        """Send and hear one reply."""
        self.send(octets)
        return self.hear()

    def log_in(self, command: bytes = LOGIN) -> Self:
        """Greet and log in."""
        assert self.hear().startswith("220 ")
        assert self.say(b"EHLO foo\r\n").startswith("250-")
        assert self.say(command) == "235 Authentication successful"
        return self

    def mail(self, content: bytes, *, to: bytes = b"b@example.net") -> str:
        """One whole message; the answer to its end. ``content`` is sent as it is."""
        for command in (b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<" + to + b">\r\n"):
            answer = self.say(command)
            if answer != "250 Accepted":
                return answer
        assert self.say(b"DATA\r\n") == "354 End data with <CR><LF>.<CR><LF>"
        return self.say(content)

    def begin_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Shake hands, then everything is encrypted."""
        self._file.close()
        self._socket = context.wrap_socket(self._socket, server_hostname=host)
        self._file = self._socket.makefile("rb")

    def is_closed(self, timeout_s: float = 20) -> bool:
        """Whether the server hangs up, after whatever else it says."""
        self._socket.settimeout(timeout_s)
        deadline = time.monotonic() + timeout_s
        try:
            while time.monotonic() < deadline:
                if not self._file.readline():
                    return True
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        return False

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def queue_id(answer: str) -> str:
    """The id in ``250 Message queued for delivery as <id> (<time>)``."""
    words = answer.split()
    assert words[:6] == ["250", "Message", "queued", "for", "delivery", "as"], answer
    return words[6]
