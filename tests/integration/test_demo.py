"""``postroad demo``, run as a newcomer runs it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


def test_demo_shows_the_whole_road_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "postroad", "demo", "--data", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    took = time.monotonic() - started
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout
    assert took < 20
    assert shown.count("$ curl") >= 6
    assert len(re.findall(r"<- webhook after \S+ s: messageSent of example", shown)) == 2
    assert "messageDeliveryError of example" in shown
    assert "messageFailed of example" in shown
    assert "SIGNATURE WRONG" not in shown
    assert re.search(r"Done: 2 messages delivered, 1 refused, \d+ webhooks", shown)
    first = re.search(r"The first was delivered (\d+\.\d\d) s after the start", shown)
    assert first is not None
    assert float(first[1]) < 10
    assert done.stderr == ""


def test_demo_that_cannot_start_says_so_and_fails(tmp_path: Path) -> None:
    (tmp_path / "postroad.db").write_bytes(b"this is no database" * 100)
    done = subprocess.run(
        [sys.executable, "-m", "postroad", "demo", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert "The server did not start" in done.stderr
    assert "Traceback" not in done.stderr.splitlines()[0]
