"""Courier's programs without installing them: Debian's packages, unpacked in the user's cache.

Debian does not let Courier's IMAP server be installed beside Dovecot's. So this asks apt for the
packages, and unpacks them below the cache folder;
``python tests/support/courier_packages.py`` does it, and nothing when it was done before. Needs
the standard library alone, apt's lists, and ``dpkg``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

MISSING = "Courier is not fetched (on Debian: python3 tests/support/courier_packages.py)"

# Of Debian 12: the server, what tells it of files that change, the libraries of both.
_PACKAGES = (
    "courier-imap",
    "gamin",
    "courier-authlib",
    "libcourier-unicode4",
    "libgamin0",
    "libgdbm6",
    "libglib2.0-0",
    "libidn12",
)


def folder() -> Path:
    """Where the packages lie unpacked, or would lie."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "postroad-courier"


def is_fetched() -> bool:
    return imapd().exists() and gam_server().exists()


def imapd() -> Path:
    """The server of one connection, its standard input and output."""
    return folder() / "usr" / "bin" / "imapd"


def gam_server() -> Path:
    """What ``imapd`` asks about changes of folders; without it, each command takes a second."""
    return folder() / "usr" / "libexec" / "gam_server"


def environment() -> Mapping[str, str]:
    """What the programs need around them to find their libraries."""
    libraries = folder() / "usr" / "lib"
    places = [libraries, *libraries.glob("*-linux-gnu*")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(str(place) for place in places)}


def fetch() -> None:
    """Download and unpack. Raises :exc:`subprocess.CalledProcessError` with what apt says."""
    place = folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="courier-", dir=place.parent))
    try:
        # Its own user may not write here; root may.
        apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download"]
        subprocess.run([*apt, *_PACKAGES], cwd=work, check=True)
        for package in work.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, work / "root"], check=True)
        shutil.rmtree(place, ignore_errors=True)
        (work / "root").rename(place)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    try:
        if not is_fetched():
            fetch()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"Courier could not be fetched: {error}")
