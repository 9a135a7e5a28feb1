"""A way to a server on loopback, with somebody listening who may step in."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable

from support.threaded import Threaded

Tap = Callable[[bytes], bytes | None]


def clear_imap(octets: bytes) -> bytes:
    """Hide what would hide the conversation from a tap."""
    return octets.replace(b"STARTTLS", b"XTARTTLS").replace(b"COMPRESS=", b"XOMPRESS=")


class Tapped(Threaded):
    """Passes octets to ``port`` and back; what comes back goes through ``tap`` first.

    A tap that answers ``None`` ends the connection with nothing passed on.
    """

    def __init__(self, port: int, tap: Tap) -> None:
        self.tap = tap
        tapped = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port), timeout=30) as far:
                    there = threading.Thread(
                        target=_pump, args=(self.request, far, bytes), daemon=True
                    )
                    there.start()
                    _pump(far, self.request, tapped._pass)

        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))

    def _pass(self, octets: bytes) -> bytes | None:
        return self.tap(octets)  # whichever it is by now


def _pump(source: socket.socket, sink: socket.socket, tap: Tap) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            passed = tap(octets)
            if passed is None:
                break
            sink.sendall(passed)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
