"""What a token opens, and what it does not. Contract §1, §12."""

from __future__ import annotations

import hashlib
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.road import Road, new_server, query, road
from support.sink import Sink

pytestmark = pytest.mark.integration

MAIL = {"to": {"address": "b@example.net"}, "text": "x", "dryRun": True}


@pytest.fixture(scope="module")
def on_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with Sink() as sink, road(tmp_path_factory.mktemp("tokens")) as running:
        running.account("mine", sink)
        running.account("theirs", sink)
        yield running


def mint(on_road: Road, **more: Any) -> tuple[str, str]:
    body = {"description": "t", "scopes": ["api"], "account": "mine", **more}
    answer = on_road.server.ok("POST", "/v1/token", body)
    return answer["token"], answer["id"]


def test_only_the_hash_of_a_token_is_kept(on_road: Road) -> None:
    token, token_id = mint(on_road)
    assert token_id == hashlib.sha256(bytes.fromhex(token)).hexdigest()
    assert token not in str(query(on_road.server, "SELECT * FROM token"))
    shown = on_road.server.ok("GET", f"/v1/tokens/{token_id}")
    assert shown["account"] == "mine" and token not in str(shown)


def test_an_account_token_opens_its_account_alone(on_road: Road) -> None:
    token, _ = mint(on_road)
    call = on_road.server.call
    assert call("POST", "/v1/account/mine/submit", MAIL, token=token)[0] == 200
    for method, path, body in (
        ("POST", "/v1/account/theirs/submit", MAIL),
        ("GET", "/v1/account/theirs", None),
        ("GET", "/v1/accounts", None),
        ("GET", "/v1/outbox", None),
        ("GET", "/v1/settings?webhooks=true", None),
        ("POST", "/v1/settings", {"webhooksEnabled": False}),
        ("GET", "/v1/tokens", None),
        ("GET", "/v1/tokens?account=theirs", None),
        ("POST", "/v1/token", {"description": "x", "scopes": ["api"], "account": "mine"}),
    ):
        status, answer = call(method, path, body, token=token)
        assert (status, answer["message"]) == (403, "Unauthorized account"), (path, answer)
    assert call("GET", "/v1/account/MINE", token=token)[0] == 403
    assert call("GET", "/v1/account/%6dine", token=token)[0] == 200
    assert call("GET", "/v1/account/theirs%2f..%2fmine", token=token)[0] in (403, 404)


def test_scopes_and_permissions_narrow_a_token(on_road: Road) -> None:
    call = on_road.server.call
    smtp, _ = mint(on_road, scopes=["smtp"])
    status, answer = call("GET", "/v1/account/mine", token=smtp)
    assert (status, answer["message"]) == (403, "Unauthorized scope")
    assert answer["requestedScope"] == "api"
    metrics = on_road.server.cli("tokens", "issue", "--description", "m", "--scope", "metrics")
    assert call("GET", "/metrics", token=metrics)[0] == 200
    assert call("GET", "/v1/outbox", token=metrics)[0] == 403
    assert call("GET", "/metrics", token=smtp)[0] == 403
    sender, _ = mint(on_road, permissions={"actions": ["send"], "groups": ["submit"]})
    assert call("POST", "/v1/account/mine/submit", MAIL, token=sender)[0] == 200
    status, answer = call("GET", "/v1/account/mine", token=sender)
    assert (status, answer["message"]) == (403, "Unauthorized permission")
    assert answer["requiredPermission"] == {"action": "read", "group": "account"}
    around = MAIL | {"proxy": "socks5://127.0.0.1:9"}
    assert call("POST", "/v1/account/mine/submit", around, token=sender)[0] == 403
    everything = {"description": "x", "scopes": ["api"]}
    assert call("POST", "/v1/token", everything)[0] == 400
    for wrong in ({"scopes": ["*"]}, {"scopes": ["metrics"]}, {"expires": "2020-01-01T00:00:00Z"},
                  {"permissions": {"groups": ["admin"]}}):  # fmt: skip
        status, answer = call("POST", "/v1/token", everything | {"account": "mine"} | wrong)
        assert status == 400, (wrong, answer)


def test_revoked_expired_and_malformed_tokens_open_nothing(on_road: Road) -> None:
    call = on_road.server.call
    token, token_id = mint(on_road)
    path = "/v1/account/mine"
    assert call("GET", path, token=token)[0] == 200
    assert on_road.server.ok("DELETE", f"/v1/token/{token}") == {"deleted": True}
    assert on_road.server.ok("DELETE", f"/v1/token/{token_id}") == {"deleted": False}
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    brief, _ = mint(on_road, expires=soon.isoformat())
    assert call("GET", path, token=brief)[0] == 200
    on_road.server.wait_until(lambda: call("GET", path, token=brief)[0] == 401, 5, "it is over")
    assert time.time() >= soon.timestamp()
    for value in (token, brief, token_id, "x" * 64, "é", token[:-1], token + "0", "' OR 1=1 --"):
        status, answer = call("GET", path, headers={"authorization": f"Bearer {value}"})
        assert (status, answer["error"], answer["message"]) == (401, "Unauthorized", "Bad token")
    status, answer = call("GET", path, headers={"authorization": "Basic dTpw"})
    assert (status, answer["message"]) == (401, "Missing authentication")
    in_query = f"{on_road.server.url}{path}?access_token={on_road.server.token}"
    with urllib.request.urlopen(in_query, timeout=10) as response:
        assert response.status == 200


def test_restrictions_hold(on_road: Road) -> None:
    call = on_road.server.call
    path = "/v1/account/mine"
    elsewhere, _ = mint(on_road, restrictions={"addresses": ["10.0.0.0/8"]})
    status, answer = call("GET", path, token=elsewhere)
    assert (status, answer["message"]) == (403, "Unauthorized address")
    assert answer["remoteAddress"] == "127.0.0.1"
    forwarded = {"x-forwarded-for": "10.1.2.3"}
    assert call("GET", path, token=elsewhere, headers=forwarded)[0] == 200
    on_road.server.ok("POST", "/v1/settings", {"enableApiProxy": False})
    assert call("GET", path, token=elsewhere, headers=forwarded)[0] == 403
    on_road.server.ok("POST", "/v1/settings", {"enableApiProxy": True})
    page, _ = mint(on_road, restrictions={"referrers": ["https://app.example/*"]})
    assert call("GET", path, token=page)[0] == 403
    assert call("GET", path, token=page, headers={"referer": "https://app.example/x"})[0] == 200
    limited, _ = mint(on_road, restrictions={"rateLimit": {"maxRequests": 3, "timeWindow": 3600}})
    assert [call("GET", path, token=limited)[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    status, answer = call("GET", path, token=limited)
    assert 0 < answer["ttl"] <= 3600


def test_prepared_values_are_taken_under_both_names(tmp_path: Path) -> None:
    folder = tmp_path / "values"
    folder.mkdir()
    (folder / "token").write_text("7a" * 32 + "\n")
    env = {
        "EENGINE_PREPARED_TOKEN_FILE": str(folder / "token"),
        "EENGINE_SETTINGS": '{"smtpEhloName": "prepared.example"}',
    }
    server = new_server(tmp_path, env=env)
    del server.env["POSTROAD_PREPARED_TOKEN"]
    server.token = "7a" * 32
    with server:
        shown = server.ok("GET", "/v1/settings?smtpEhloName=true&serviceSecret=true")
        assert shown["smtpEhloName"] == "prepared.example"
        assert isinstance(shown["serviceSecret"], bool)
        status, answer = server.call("POST", "/v1/settings", {"trackOpens": True})
        assert (status, answer["fields"][0]["key"]) == (400, "trackOpens")
