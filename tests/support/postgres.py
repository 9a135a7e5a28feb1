"""A private PostgreSQL for the tests: a cluster per test process, a database per test.

It is a real one with fsync on, because what is promised about a commit is what is tested. It
listens on a free loopback port, takes anyone from there without a password, and lives in a
temporary directory. PostgreSQL refuses to run as root, so root hands it to ``postgres`` or
``nobody``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

MISSING = "PostgreSQL is not installed; on Debian: apt-get install postgresql"

_ATTEMPTS = 5  # at a port that nobody takes between choosing it and listening on it
_NAMES = count(1)
_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "128MB",
    "autovacuum_naptime": "5s",
    "log_min_messages": "warning",
}


def find_programs() -> Path | None:
    """The directory of the newest ``initdb``, ``pg_ctl`` and ``psql``; ``None`` without one."""
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parts[-3]),
    )
    if packaged:
        return packaged[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Cluster:
    """A running PostgreSQL that belongs to these tests alone."""

    def __init__(self, programs: Path, directory: Path, port: int, owner: str | None) -> None:
        self._programs = programs
        self._directory = directory
        self._owner = owner
        self.port = port

    def dsn(self, database: str) -> str:
        """The URL that ``--database`` takes."""
        return f"postgresql://postroad@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{next(_NAMES)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.dsn(name)

    def drop_database(self, dsn: str) -> None:
        """Drop a database of :meth:`create_database`, whoever is still connected to it."""
        self.sql(f"DROP DATABASE IF EXISTS {dsn.rpartition('/')[2]} WITH (FORCE)")

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement as superuser and return its unaligned output."""
        return self._run(
            "psql",
            "--no-psqlrc",
            "-qAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            self.dsn(database),
        )

    def crash(self) -> None:
        """End every process of the cluster as a power cut would; the data stays."""
        self._run("pg_ctl", "stop", "-D", str(self._directory / "data"), "-m", "immediate")

    def start(self) -> None:
        """Start it, or start it again after :meth:`crash`; returns when it takes connections."""
        settings = [*_SETTINGS.items(), ("port", str(self.port))]
        settings.append(("unix_socket_directories", str(self._directory)))
        options = " ".join(f"-c {name}={value}" for name, value in settings)
        log = str(self._directory / "log")
        data = str(self._directory / "data")
        self._run("pg_ctl", "start", "-w", "-t", "60", "-s", "-D", data, "-l", log, "-o", options)

    def _run(self, program: str, *arguments: str) -> str:
        return _run([str(self._programs / program), *arguments], self._directory, self._owner)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a cluster, start it, and remove every trace of it at the end.

    Raises :exc:`FileNotFoundError` when PostgreSQL is not installed.
    """
    programs = find_programs()
    if programs is None:
        raise FileNotFoundError(MISSING)
    owner = _owner()
    directory = Path(tempfile.mkdtemp(prefix="postroad-pg-"))
    try:
        if owner:
            shutil.chown(directory, owner)
        initdb = ["-D", str(directory / "data"), "-U", "postroad", "-A", "trust", "-E", "UTF8"]
        # --no-sync is about the empty cluster only; what the tests write is synced.
        initdb += ["--locale=C", "--no-sync", "--no-instructions"]
        _run([str(programs / "initdb"), *initdb], directory, owner)
        running = _start_somewhere(programs, directory, owner)
        try:
            yield running
        finally:
            running.crash()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _start_somewhere(programs: Path, directory: Path, owner: str | None) -> Cluster:
    for attempt in range(_ATTEMPTS):
        running = Cluster(programs, directory, _free_port(), owner)
        try:
            running.start()
        except RuntimeError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return running
    raise AssertionError("unreachable")


def _run(command: Sequence[str], directory: Path, owner: str | None) -> str:
    # Output goes to a file and not to a pipe: the server inherits it from pg_ctl and would keep
    # a pipe open for as long as it lives.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command,
            cwd=directory,
            user=owner,
            group=pwd.getpwnam(owner).pw_gid if owner else None,
            extra_groups=[] if owner else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            timeout=90,
            check=False,
        )
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {text[-2000:]}")
    return text


def _owner() -> str | None:
    """The user to run as: ``None`` is ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
