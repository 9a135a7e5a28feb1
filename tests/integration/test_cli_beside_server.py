"""Commands beside a running server, on the same data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.server import Server

pytestmark = pytest.mark.integration

PREPARED = "5e" * 32


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, env={"POSTROAD_PREPARED_TOKEN": PREPARED}) as running:
        yield running


def test_token_issued_beside_a_server_opens_it_and_revoked_it_does_not(server: Server) -> None:
    token = server.cli("tokens", "issue", "--description", "second", "--scope", "api")
    assert server.call("GET", "/v1/outbox", token=token)[0] == 200
    assert server.cli("tokens", "revoke", token) == "revoked"
    server.wait_until(
        lambda: server.call("GET", "/v1/outbox", token=token)[0] == 401, 10, "the token is shut"
    )


def test_prepared_token_opens_the_server_also_after_a_restart(server: Server) -> None:
    assert server.call("GET", "/v1/outbox", token=PREPARED)[0] == 200
    server.stop()
    server.start()
    assert server.call("GET", "/v1/outbox", token=PREPARED)[0] == 200


def test_setting_changed_beside_a_server_is_followed(server: Server) -> None:
    server.cli("settings", "set", "deliveryAttempts=3")
    server.wait_until(
        lambda: server.ok("GET", "/v1/settings?deliveryAttempts=true")["deliveryAttempts"] == 3,
        40,
        "the server has the setting",
    )


def test_account_added_beside_a_server_is_served(server: Server) -> None:
    server.cli("accounts", "add-sandbox", "toy", "toy@sandbox.test")
    server.wait_connected("toy")
    server.ok(
        "POST", "/v1/account/toy/submit", {"to": {"address": "toy@sandbox.test"}, "text": "x"}
    )
    server.wait_until(
        lambda: "x" if server.cli("accounts", "mail", "toy", "Sent").startswith("AAAA") else "",
        10,
        "the message is in Sent",
    )


def test_many_tokens_issued_under_load_are_all_there(server: Server) -> None:
    server.cli("accounts", "add-sandbox", "toy", "toy@sandbox.test")
    for _ in range(20):
        server.ok("POST", "/v1/account/toy/submit", {"to": [{"address": "a@b.test"}], "text": "x"})
    tokens = [server.cli("tokens", "issue", "--description", "many") for _ in range(3)]
    assert all(server.call("GET", "/v1/outbox", token=token)[0] == 200 for token in tokens)


def test_doctor_knows_the_running_server(server: Server) -> None:
    server.cli("doctor")


def test_server_stops_in_good_order_when_asked(server: Server) -> None:
    assert server.stop() == 0


def test_commands_work_on_postgresql(tmp_path: Path, postgres_dsn: str) -> None:
    with Server(tmp_path, database=postgres_dsn) as running:
        assert running.call("GET", "/v1/outbox")[0] == 200
        assert running.cli("encrypt").endswith("nothing is kept in clear text.")
        running.cli("doctor")
        running.cli("accounts", "add-sandbox", "toy", "toy@sandbox.test")
        running.wait_connected("toy", timeout_s=5)  # heard of, not found by the poll
    assert not (tmp_path / "data" / "postroad.db").exists()
