"""Secrets at rest: sealed, rotated, and never in the log. Contract §15."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.road import TOKEN, Road, new_server, query, road
from support.scripted_relay import ScriptedRelay
from support.server import Server

pytestmark = pytest.mark.integration

SECRETS = {
    "imap password": "imap-pass-c4a1",
    "smtp password": "smtp-pass-9b2e",
    "proxy password": "proxy-pass-77d0",
    "header value": "header-value-5f3c",
    "service secret": "service-secret-e18a",
    "general proxy password": "general-pass-2d6b",
    "general header value": "general-header-b5aa",
    "message proxy password": "message-pass-41f7",
}
LATER = "2099-01-01T00:00:00.000Z"


def fill(on_road: Road, relay: ScriptedRelay) -> None:
    """Store one of every kind of secret, and make everything talk."""
    on_road.account(
        "sealed",
        relay,
        smtp={"auth": {"user": "u", "pass": SECRETS["smtp password"]}},
        imap={
            "host": "127.0.0.1",
            "port": relay.port,
            "auth": {"user": "u", "pass": SECRETS["imap password"]},
        },
        proxy=f"http://u:{SECRETS['proxy password']}@127.0.0.1:1",
        webhooksCustomHeaders=[{"key": "X-Own", "value": SECRETS["header value"]}],
    )
    on_road.account("plain", relay, smtp={"auth": {"user": "u", "pass": SECRETS["smtp password"]}})
    on_road.server.ok(
        "POST",
        "/v1/settings",
        {
            "serviceSecret": SECRETS["service secret"],
            "proxyUrl": f"http://u:{SECRETS['general proxy password']}@127.0.0.1:1",
            "webhooksCustomHeaders": [{"key": "X-All", "value": SECRETS["general header value"]}],
        },
    )
    proxy = f"socks5://u:{SECRETS['message proxy password']}@127.0.0.1:1"
    on_road.submit("plain", proxy=proxy, sendAt=LATER)
    on_road.submit("plain", proxy=proxy, deliveryAttempts=1)
    on_road.receiver.wait_for("messageFailed")
    queue_id = on_road.submit("plain")["queueId"]
    on_road.receiver.wait_for("messageSent", queueId=queue_id)
    on_road.receiver.wait_for("connectError")


def octets_of(server: Server) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(server.data.rglob("*")) if p.is_file())


def shown_in(octets: bytes) -> list[str]:
    return [name for name, value in SECRETS.items() if value.encode() in octets]


def use(on_road: Road) -> None:
    """The secrets still open what they open."""
    queue_id = on_road.submit("plain")["queueId"]
    sent = on_road.receiver.wait_for("messageSent", queueId=queue_id)
    assert sent.headers["x-all"] == SECRETS["general header value"]


def serve_refused(server: Server) -> str:
    """Start a server that must refuse; what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "postroad", "serve"],
        env=server._environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode not in (0, -6, -11), done
    assert "Traceback" not in done.stderr + done.stdout
    return done.stdout + done.stderr


def test_no_secret_is_on_disk_in_the_log_or_in_an_answer(tmp_path: Path) -> None:
    env = {"POSTROAD_LOG_LEVEL": "debug"}
    with ScriptedRelay() as relay, road(tmp_path, env=env) as on_road:
        fill(on_road, relay)
        octets = octets_of(on_road.server)
        assert b"sealed@example.com" in octets  # it is this account's disk
        assert shown_in(octets) == []
        assert TOKEN.encode() not in octets and bytes.fromhex(TOKEN) not in octets
        assert shown_in(on_road.server.log.encode()) == []
        assert TOKEN not in on_road.server.log
        answers: list[Any] = [
            on_road.server.ok("GET", path)
            for path in (
                "/v1/account/sealed", "/v1/accounts", "/v1/outbox", "/v1/tokens",
                "/v1/settings?serviceSecret=true&proxyUrl=true&webhooksCustomHeaders=true",
            )
        ]  # fmt: skip
        answers += [delivery.payload for delivery in on_road.receiver.deliveries]
        assert shown_in(str(answers).encode()) == []
        assert "******" in str(answers[0])
        on_road.server.stop()
        assert shown_in(octets_of(on_road.server)) == []


def test_another_secret_is_refused_and_rotation_opens_what_was_sealed(tmp_path: Path) -> None:
    with ScriptedRelay() as relay, road(tmp_path) as on_road:
        server = on_road.server
        fill(on_road, relay)
        old = server._environment()["POSTROAD_SECRET"]
        server.stop()

        server.env["POSTROAD_SECRET"] = "another-secret"
        said = serve_refused(server)
        assert "secret" in said.lower() and "another-secret" not in said and old not in said
        server.env["POSTROAD_SECRET"] = ""
        assert "secret" in serve_refused(server).lower()

        server.env |= {"POSTROAD_SECRET": "another-secret", "POSTROAD_SECRET_OLD": old}
        server.start()
        use(on_road)
        assert "sealed anew" in server.cli("encrypt")  # beside the running server
        use(on_road)
        server.stop()
        del server.env["POSTROAD_SECRET_OLD"]
        server.start()
        use(on_road)
        assert shown_in(octets_of(server)) == []


def test_what_was_kept_in_clear_is_sealed_by_encrypt(tmp_path: Path) -> None:
    env = {"POSTROAD_SECRET": ""}
    with ScriptedRelay() as relay, road(tmp_path, env=env) as on_road:
        server = on_road.server
        fill(on_road, relay)
        assert "no secret is configured" in server.log
        assert len(shown_in(octets_of(server))) >= 7
        server.stop()
        server.env["POSTROAD_SECRET"] = "a-new-secret"
        server.cli("encrypt")
        rows = [
            *query(server, "SELECT config FROM account"),
            *query(server, "SELECT value FROM setting"),
            *query(server, "SELECT proxy FROM submission"),
        ]
        assert shown_in(str(rows).encode()) == []
        server.start()
        use(on_road)
        server.stop()
        # What was in clear is gone from the file, not only from the rows.
        assert shown_in(octets_of(server)) == []


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with new_server(tmp_path) as first:
        second = Server(tmp_path, token=TOKEN, env=first.env)
        said = serve_refused(second)
        assert "another process" in said
        assert first.call("GET", "/health")[0] == 200
        taken = Server(tmp_path / "other", port=first.port)
        assert str(first.port) in serve_refused(taken)
