"""Courier's programs without installing them: Debian's packages, unpacked in the user's cache.

Debian does not let Courier's IMAP server be installed beside Dovecot's. So this asks apt for the
packages, and unpacks them below the cache folder; ``python3 -m support.courier_packages`` in
``tests`` does it, and nothing when it was done before.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.packages import unpack

MISSING = "Courier is not fetched (on Debian: cd tests && python3 -m support.courier_packages)"

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
    """Download and unpack; raises what :func:`~support.packages.unpack` raises."""
    unpack(_PACKAGES, folder())


if __name__ == "__main__":
    try:
        if not is_fetched():
            fetch()
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(f"Courier could not be fetched: {error}")
