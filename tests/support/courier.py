"""A real Courier: another IMAP server, with other habits, than the one that most have.

Its ``imapd`` wants to be started by something that listens and lets people in; here that is a
thread for each connection. Any user name gets in with the one password. Mailboxes are folders in
Maildir++ below a temporary folder, named ``INBOX.Sent`` to clients.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PASSWORD = "letmein"
MISSING = "Courier is not installed (Debian: courier-imap)"
_CAPABILITY = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=REFERENCES SORT QUOTA IDLE"


def find_program() -> str | None:
    """The path of Courier's ``imapd``; ``None`` if it is not installed."""
    found = shutil.which("imapd", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/lib/courier")
    if found is None:
        return None
    return found if b"courier" in Path(found).read_bytes().lower() else None


class Courier:
    """One server; use it as a context manager."""

    host = "127.0.0.1"
    password = PASSWORD

    def __init__(self) -> None:
        self.port = 0
        self._dir = Path()
        self._listener = socket.socket()
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._dir = Path(tempfile.mkdtemp(prefix="courier-"))
        self._listener.bind((self.host, 0))
        self._listener.listen(50)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for process in self._processes:
            process.kill()
            process.wait(10)
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
        shutil.rmtree(self._dir, ignore_errors=True)

    # What tests do beside the program

    def deliver(self, user: str, message: bytes) -> None:
        """Put a message into the user's INBOX."""
        name = f"{time.time_ns()}.M.test"
        folder = self._maildir(user)
        (folder / "tmp" / name).write_bytes(message)
        (folder / "tmp" / name).rename(folder / "new" / name)

    def count(self, user: str, mailbox: str) -> int:
        """Messages in a folder, ``INBOX`` or ``INBOX.Sent``."""
        folder = self._maildir(user)
        if mailbox != "INBOX":
            folder /= mailbox.removeprefix("INBOX")
        return sum(1 for part in ("cur", "new") for _ in (folder / part).iterdir())

    # Letting people in

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(peer,), daemon=True).start()

    def _greet(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.sendall(f"* OK [CAPABILITY {_CAPABILITY}] Courier-IMAP ready.\r\n".encode())
            # By the octet: what follows the login belongs to imapd.
            while line := self._line(peer):
                tag, name, *words = line.split(" ")
                if name.upper() != "LOGIN":
                    peer.sendall(f"{tag} BAD log in first\r\n".encode())
                elif words[1:] != [PASSWORD]:
                    peer.sendall(f"{tag} NO Login failed.\r\n".encode())
                else:
                    self._serve(peer, tag, words[0])
                    return

    def _line(self, peer: socket.socket) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            octet = peer.recv(1)
            if not octet:
                return ""
            line += octet
        return line[:-2].decode()

    def _serve(self, peer: socket.socket, tag: str, user: str) -> None:
        program = find_program()
        assert program is not None
        home = self._maildir(user).parent
        known = {
            "AUTHENTICATED": user,
            "IMAP_CAPABILITY": _CAPABILITY,
            "IMAP_KEYWORDS": "1",
            "IMAP_ACL": "0",
            "IMAP_USELOCKS": "1",
            "IMAP_CHECK_ALL_FOLDERS": "0",
            "IMAP_OBSOLETE_CLIENT": "0",
            "IMAP_ULIMITD": "131072",
            "MAILDIRPATH": "Maildir",
            "TCPREMOTEIP": "127.0.0.1",
            "HOME": str(home),
        }
        with (self._dir / "log").open("ab") as log:
            process = subprocess.Popen(
                [program, "Maildir"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home,
                env={**os.environ, **known},
            )
        self._processes.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        # It greets with PREAUTH, which answers the login.
        while not (line := process.stdout.readline()).startswith(b"* PREAUTH"):
            if not line:
                raise RuntimeError((self._dir / "log").read_text())
        peer.sendall(f"{tag} OK LOGIN Ok.\r\n".encode())
        threading.Thread(target=self._pump, args=(process, peer.dup()), daemon=True).start()
        while octets := peer.recv(65536):
            process.stdin.write(octets)
            process.stdin.flush()
        with contextlib.suppress(OSError):
            process.stdin.close()

    def _pump(self, process: subprocess.Popen[bytes], peer: socket.socket) -> None:
        assert process.stdout is not None
        with peer, contextlib.suppress(OSError):
            while octets := os.read(process.stdout.fileno(), 65536):
                peer.sendall(octets)
            peer.shutdown(socket.SHUT_RDWR)

    def _maildir(self, user: str) -> Path:
        folder = self._dir / user / "Maildir"
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        return folder
