"""Programs of Debian packages that are not installed, but unpacked into a cache folder.

Debian installs one mail server of a kind at a time; tests want to meet the others as well. Needs
the standard library alone, apt's lists, and ``dpkg``.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

_TIMEOUT_S = 300
# Its own user may not write into the folder; root may.
_APT = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root")


def unpack(
    packages: Sequence[str], place: Path, finish: Callable[[Path], None] = lambda root: None
) -> None:
    """Put the files of ``packages`` below ``place``; ``finish`` may change them before.

    Other test processes may do the same at the same time: the first one wins. Raises
    :exc:`subprocess.SubprocessError` with what apt says, and :exc:`OSError`.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as made:
        try:
            _download(packages, made)
        except subprocess.CalledProcessError:
            subprocess.run([*_APT, "update"], check=True, timeout=_TIMEOUT_S)
            _download(packages, made)
        root = Path(made) / "root"
        for package in Path(made).glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True, timeout=_TIMEOUT_S)
        finish(root)
        with contextlib.suppress(OSError):  # somebody else was first
            root.rename(place)


def _download(packages: Sequence[str], folder: str) -> None:
    subprocess.run([*_APT, "download", *packages], cwd=folder, check=True, timeout=_TIMEOUT_S)
