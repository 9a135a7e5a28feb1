"""Every command beside a running server, on both stores, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.road import road
from support.scripted_relay import ScriptedRelay
from support.server import Server

pytestmark = pytest.mark.integration


def run(server: Server, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "postroad", *arguments],
        env=server._environment() | env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_commands_see_and_change_what_the_server_serves(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres_dsn") if engine == "postgres" else None
    with ScriptedRelay() as relay, road(tmp_path, database=database) as on_road:
        server = on_road.server
        on_road.account("a", relay, smtp={"auth": {"user": "u", "pass": "hidden-pass"}})
        listed = run(server, "accounts", "list")
        assert listed.returncode == 0 and "a@example.com" in listed.stdout
        assert "hidden-pass" not in listed.stdout + listed.stderr
        assert "up to date" in server.cli("migrate")
        shown = run(server, "settings", "get")
        assert shown.returncode == 0 and "webhooksEnabled" in shown.stdout
        tokens = run(server, "tokens", "list")
        assert tokens.returncode == 0 and "prepared at start" in tokens.stdout
        assert server.token not in tokens.stdout
        server.cli("settings", "set", "smtpEhloName=by-cli.example")
        server.wait_until(
            lambda: (
                server.ok("GET", "/v1/settings?smtpEhloName=true")["smtpEhloName"]
                == "by-cli.example"
            ),
            10,
            "the server follows",
        )
        wrong = run(server, "settings", "set", "noSuchKey=1")
        assert wrong.returncode != 0 and "noSuchKey" in wrong.stderr
        assert "Traceback" not in wrong.stderr
        server.cli("doctor")
        # The server was not disturbed.
        queue_id = on_road.submit("a")["queueId"]
        on_road.receiver.wait_for("messageSent", queueId=queue_id)


def test_a_command_that_cannot_work_says_why_in_one_line(tmp_path: Path) -> None:
    server = Server(tmp_path)
    for env in (
        {"POSTROAD_DATABASE": "postgresql://nobody@127.0.0.1:1/none"},
        {"POSTROAD_DATABASE": "mysql://x"},
        {"POSTROAD_DATA": "/proc/none"},
        {"POSTROAD_SETTINGS": "{broken"},
        {"POSTROAD_PORT": "eighty"},
        {"POSTROAD_PREPARED_TOKEN": "short"},
    ):
        done = run(server, "serve", **env)
        said = done.stdout + done.stderr
        assert done.returncode not in (0, -9, -11), (env, said)
        assert "Traceback" not in said, (env, said)
        assert 0 < len(said.strip()) < 1500, (env, said)
