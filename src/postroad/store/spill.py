"""Large contents as files beside an SQLite database.

A file is complete and on disk (file and directory synced) before the row that names it is
committed, and removed after the commit that dropped the row. What a crash leaves behind has no
row and is found by the sweep.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from postroad.store.contents import CHUNK_BYTES


class SpillDirectory:
    """``<data>/content/xx/<content id>``. All methods block; call them in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, content_id: str) -> SpillFile:
        """Begin a new file. Raises :exc:`OSError`."""
        name = f"{content_id[-2:]}/{content_id}"
        path = self._root / name
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_directory(self._root.parent)
            _sync_directory(self._root)
        return SpillFile(name, path)

    def read(self, name: str) -> Generator[bytes, None, None]:
        """The file's octets in pieces. Raises :exc:`FileNotFoundError` before the first."""
        with (self._root / name).open("rb", buffering=0) as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self._root / name).unlink(missing_ok=True)

    def list_older(self, than_s: float) -> Iterator[tuple[str, str]]:
        """Content id and name of every file last written more than ``than_s`` seconds ago."""
        limit = time.time() - than_s
        for path in self._root.glob("??/*"):
            try:
                if path.stat().st_mtime < limit:
                    yield path.name, f"{path.parent.name}/{path.name}"
            except FileNotFoundError:
                continue  # removed meanwhile


class SpillFile:
    """A file being written. It counts only after :meth:`finish`."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, piece: bytes) -> None:
        self._file.write(piece)

    def finish(self) -> None:
        """Put file and directory on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _sync_directory(self._path.parent)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._path.unlink(missing_ok=True)
        try:
            self._file.close()
        except OSError:
            pass  # what it still had to write is not wanted any more


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
