"""The examples do what their page says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.server import Server, free_port

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_first_steps_send_three_messages_and_the_receiver_hears_of_each(tmp_path: Path) -> None:
    port = free_port()
    heard = tmp_path / "heard"
    receiver = [sys.executable, "-u", str(EXAMPLES / "receive_webhooks.py"), str(port), "s3cret"]
    with heard.open("wb") as output, Server(tmp_path / "server") as server:
        with subprocess.Popen(receiver, stdout=output) as process:
            try:
                server.wait_until(lambda: listens(port), 10, "the receiver listens")
                subprocess.run(
                    [EXAMPLES / "first-steps.sh"],
                    env={
                        "PATH": os.environ["PATH"],
                        "TOKEN": server.token,
                        "URL": server.url,
                        "HOOKS": f"http://127.0.0.1:{port}/",
                        "SECRET": "s3cret",
                    },
                    timeout=30,
                    check=True,
                )
                server.wait_until(
                    lambda: heard.read_text().count(" messageSent ") == 2, 20, "both were sent"
                )
            finally:
                process.terminate()

    lines = heard.read_text().splitlines()
    assert sum(" messageFailed " in line for line in lines) == 1
    assert sum(" accountAdded " in line for line in lines) == 1


def listens(port: int) -> bool:
    """Whether somebody takes connections there; a webhook before that would come again later."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
