"""A server in a thread of the test's own process, for as long as a block runs."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType
from typing import Self


class Threaded:
    """Runs ``server``, which listens on a free port of loopback; requests have threads."""

    def __init__(self, server: socketserver.ThreadingMixIn) -> None:
        assert isinstance(server, socketserver.TCPServer)
        server.daemon_threads = True
        self._server: socketserver.TCPServer = server
        self._thread = threading.Thread(target=server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
