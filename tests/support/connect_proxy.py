"""An HTTP proxy that opens tunnels with CONNECT and remembers where to."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading

from support.threaded import Threaded


class ConnectProxy(Threaded):
    """Listens on a free port of loopback; any credentials will do."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.peers: list[str] = []
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                target = self.rfile.readline().split()[1].decode()
                while self.rfile.readline().strip():
                    pass
                proxy.targets.append(target)
                proxy.peers.append(self.client_address[0])
                host, _, port = target.rpartition(":")
                with socket.create_connection((host, int(port)), timeout=10) as far:
                    self.wfile.write(b"HTTP/1.1 200 here you are\r\n\r\n")
                    back = threading.Thread(target=_pump, args=(far, self.connection))
                    back.start()
                    _pump(self.connection, far)
                    back.join()

        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))

    def url(self, user: str, password: str) -> str:
        return f"http://{user}:{password}@127.0.0.1:{self.port}"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            sink.sendall(octets)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
