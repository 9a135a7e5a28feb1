"""A real Courier: another IMAP server, with other habits, than the one that most have.

Its ``imapd`` wants to be started by something that listens and lets people in; here that is a
thread for each connection, which reads the login and then leaves the socket to it. Any user name
gets in with the one password. Mailboxes are folders in Maildir++ below a temporary folder, named
``INBOX.Sent`` to clients; no mailbox says what it is for.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from support import courier_packages

PASSWORD = "letmein"
MISSING = courier_packages.MISSING
# What Debian's configuration announces.
CAPABILITY = (
    "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
)
MAILBOXES = ("Sent", "Drafts", "Trash", "Junk", "Archive")
_START_S = _LOGIN_S = 10.0


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
        try:
            self._watch()
            self._listener.bind((self.host, 0))
            self._listener.listen(50)
        except BaseException:
            self._stop()
            raise
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for process in self._processes:
            process.kill()
            process.wait(10)
        shutil.rmtree(self._dir, ignore_errors=True)

    # What tests do beside the program

    def deliver(self, user: str, message: bytes) -> None:
        """Put a message into the user's INBOX."""
        seconds, rest = divmod(time.time_ns(), 1_000_000_000)
        name = f"{seconds}.M{rest:09}P{os.getpid()}.test"  # Courier sorts by it
        folder = self._maildir(user)
        (folder / "tmp" / name).write_bytes(message.replace(b"\r\n", b"\n"))
        (folder / "tmp" / name).rename(folder / "new" / name)

    def count(self, user: str, mailbox: str) -> int:
        """Messages in a mailbox, ``INBOX`` or ``INBOX.Sent``."""
        folder = self._maildir(user)
        if mailbox != "INBOX":
            folder /= mailbox.removeprefix("INBOX")
        return sum(1 for part in ("cur", "new") for _ in (folder / part).iterdir())

    @contextlib.contextmanager
    def client(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A logged-in client that has nothing in common with ours."""
        imap = imaplib.IMAP4(self.host, self.port, timeout=10)
        try:
            imap.login(user, self.password)
            yield imap
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                imap.logout()

    def renumber(self, user: str) -> None:
        """Give INBOX another UIDVALIDITY; somebody must have selected it."""
        database = self._maildir(user) / "courierimapuiddb"
        version, _, rest = database.read_text().split(" ", 2)
        database.write_text(f"{version} 1 {rest}")

    # Telling imapd of files that change

    def _environment(self) -> dict[str, str]:
        return {**courier_packages.environment(), "GAM_CLIENT_ID": self._dir.name}

    def _watch(self) -> None:
        with (self._dir / "gamin").open("wb") as log:
            command = [str(courier_packages.gam_server()), "--notimeout"]
            self._processes.append(
                subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())
            )
        name = f"\0/tmp/fam-{pwd.getpwuid(os.getuid()).pw_name}-{self._dir.name}".ljust(108, "\0")
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
                probe.connect(name)
                return
            time.sleep(0.05)
        raise RuntimeError(f"gamin did not start:\n{(self._dir / 'gamin').read_text()}")

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
            peer.settimeout(_LOGIN_S)
            peer.sendall(f"* OK [CAPABILITY {CAPABILITY}] Courier-IMAP ready.\r\n".encode())
            # By the octet: what follows the login belongs to imapd.
            while line := self._line(peer):
                tag, name, *words = line.split(" ")
                user, password = [word.strip('"') for word in (*words, "", "")[:2]]
                if name.upper() == "CAPABILITY":
                    peer.sendall(f"* CAPABILITY {CAPABILITY}\r\n{tag} OK done\r\n".encode())
                elif name.upper() != "LOGIN":
                    peer.sendall(f"{tag} BAD log in first\r\n".encode())
                elif password != PASSWORD:
                    peer.sendall(f"{tag} NO Login failed.\r\n".encode())
                else:
                    peer.settimeout(None)
                    self._serve(peer, tag, user)
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
        home = self._maildir(user).parent
        known = {
            "AUTHENTICATED": user,
            "IMAPLOGINTAG": tag,  # imapd itself answers the login
            "IMAP_CAPABILITY": CAPABILITY,
            "IMAP_KEYWORDS": "1",
            "IMAP_ACL": "0",
            "IMAP_USELOCKS": "1",
            "IMAP_CHECK_ALL_FOLDERS": "0",
            "IMAP_OBSOLETE_CLIENT": "0",
            "IMAP_ULIMITD": "131072",
            "IMAP_ENHANCEDIDLE": "0",
            "IMAP_IDLE_TIMEOUT": "1",  # seconds between two looks while a client idles
            "MAILDIRPATH": "Maildir",
            "TCPREMOTEIP": "127.0.0.1",
            "TCPREMOTEPORT": "0",
            "HOME": str(home),
        }
        with (self._dir / "log").open("ab") as log:
            process = subprocess.Popen(
                [courier_packages.imapd(), "Maildir"],
                stdin=peer.fileno(),
                stdout=peer.fileno(),
                stderr=log,
                cwd=home,
                env={**self._environment(), **known},
            )
        self._processes.append(process)

    def _maildir(self, user: str) -> Path:
        inbox = self._dir / user / "Maildir"
        for mailbox in (inbox, *(inbox / f".{name}" for name in MAILBOXES)):
            for part in ("cur", "new", "tmp"):
                (mailbox / part).mkdir(parents=True, exist_ok=True)
        for name in MAILBOXES:
            (inbox / f".{name}" / "maildirfolder").touch()
        return inbox
