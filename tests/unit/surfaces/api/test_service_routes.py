"""Queue, tokens and settings over REST."""

from __future__ import annotations

from typing import Any

import pytest

from postroad.surfaces.api import Api
from support.api_engine import MemoryEngine
from support.asgi import Caller


async def test_queue_is_listed(call: Caller) -> None:
    page = (await call("GET", "/v1/outbox")).json()
    assert page == {
        "total": 1,
        "page": 0,
        "pages": 1,
        "messages": [
            {
                "queueId": "q1",
                "account": "example",
                "source": "api",
                "messageId": "<id@example.com>",
                "envelope": {"from": "a@example.com", "to": ["b@example.com"]},
                "subject": "Hello",
                "created": "2021-08-16T15:04:46.161Z",
                "scheduled": "2021-08-16T15:04:46.161Z",
                "nextAttempt": "2021-08-16T15:04:51.161Z",
                "attemptsMade": 1,
                "attempts": 10,
                "progress": {
                    "status": "error",
                    "error": {"message": "Connection refused", "code": "ECONNECTION"},
                },
            }
        ],
    }


async def test_queued_message_is_shown_and_cancelled(call: Caller) -> None:
    shown = (await call("GET", "/v1/outbox/q1")).json()
    assert (shown["queueId"], shown["nextAttempt"]) == ("q1", False)
    assert (await call("DELETE", "/v1/outbox/q1")).json() == {"deleted": True}
    assert (await call("DELETE", "/v1/outbox/q1")).json() == {"deleted": False}
    assert (await call("GET", "/v1/outbox/q1")).status == 404


TOKEN: dict[str, Any] = {
    "description": " Billing ",
    "scopes": ["api", "smtp"],
    "permissions": {"actions": "send"},
    "restrictions": {
        "addresses": "127.0.0.0/8",
        "referrers": None,
        "rateLimit": {"maxRequests": 10, "timeWindow": 60},
    },
    "metadata": '{"a":1}',
    "expires": "2100-01-01T00:00:00Z",
}


@pytest.mark.parametrize("path", ["/v1/token", "/v1/tokens"])
async def test_token_is_minted_shown_listed_and_revoked(call: Caller, path: str) -> None:
    minted = (await call("POST", path, TOKEN)).json()
    assert set(minted) == {"token", "id"}
    shown = (await call("GET", f"/v1/tokens/{minted['id']}")).json()
    assert shown.pop("created")
    assert shown == {
        "id": minted["id"],
        "description": "Billing",
        "scopes": ["api", "smtp"],
        "permissions": {"actions": ["send"]},
        "restrictions": {
            "addresses": ["127.0.0.0/8"],
            "referrers": None,
            "rateLimit": {"maxRequests": 10, "timeWindow": 60},
        },
        "metadata": '{"a":1}',
        "expires": "2100-01-01T00:00:00.000Z",
        "ip": "192.0.2.1",
        "access": {"time": None, "ip": None},
    }
    listed = (await call("GET", "/v1/tokens?query=bill")).json()
    assert [token["id"] for token in listed["tokens"]] == [minted["id"]]
    assert minted["token"] not in str(listed)
    revoked = await call("DELETE", f"{path}/{minted['token']}")
    assert revoked.json() == {"deleted": True}
    assert (await call("GET", f"/v1/tokens/{minted['id']}")).status == 404


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"permissions": ...}, "account"),
        ({"permissions": None}, "account"),
        ({"permissions": {}}, "permissions"),
        ({"permissions": {"groups": ["admin"]}}, "groups"),
        ({"permissions": {"actions": []}}, "actions"),
        ({"description": ...}, "description"),
        ({"scopes": ...}, "scopes"),
        ({"scopes": ["*"]}, "scopes"),
        ({"scopes": ["metrics"]}, "scopes"),
        ({"expires": "2020-01-01"}, "expires"),
        ({"restrictions": {"addresses": ["10.0.0.0/99"]}}, "addresses"),
        ({"restrictions": {"rateLimit": {"maxRequests": 0, "timeWindow": 1}}}, "maxRequests"),
        ({"account": "x", "nope": 1}, "nope"),
    ],
)
async def test_wrong_token_is_refused(call: Caller, change: dict[str, Any], key: str) -> None:
    body = {k: v for k, v in (TOKEN | change).items() if v is not ...}
    reply = await call("POST", "/v1/token", body)
    assert reply.status == 400, reply.body
    assert [item["key"] for item in reply.json()["fields"]] == [key]


async def test_token_for_an_unknown_account_is_not_found(call: Caller) -> None:
    reply = await call("POST", "/v1/token", TOKEN | {"account": "nobody"})
    assert reply.status == 404


async def test_minted_token_cannot_outgrow_its_minter(
    engine: MemoryEngine, app: Api, call: Caller
) -> None:
    minted = (await call("POST", "/v1/token", TOKEN | {"restrictions": None})).json()
    narrow = Caller(app, minted["token"])
    assert (await narrow("POST", "/v1/token", TOKEN)).status == 403


async def test_tokens_of_an_account_are_listed_without_pages(call: Caller) -> None:
    assert (await call("GET", "/v1/tokens/account/example")).json() == {"tokens": []}


async def test_settings_are_written_and_read(call: Caller) -> None:
    written = await call(
        "POST", "/v1/settings", {"webhooks": "http://u:p@127.0.0.1:9/", "webhooksEnabled": True}
    )
    assert written.json() == {"updated": ["webhooks", "webhooksEnabled"]}
    query = "webhooks=true&webhooksEnabled=1&serviceSecret=Y&serviceUrl=true&proxyUrl=false"
    assert (await call("GET", f"/v1/settings?{query}")).json() == {
        "webhooksEnabled": True,
        "webhooks": "http://u:******@127.0.0.1:9/",
        "serviceUrl": None,
        "serviceSecret": False,
    }


async def test_settings_of_later_versions_are_refused(call: Caller) -> None:
    reply = await call("POST", "/v1/settings", {"trackOpens": True, "trackClicks": True})
    assert [item["key"] for item in reply.json()["fields"]] == ["trackOpens", "trackClicks"]
    assert (await call("GET", "/v1/settings?trackOpens=true")).status == 400


@pytest.mark.parametrize("body", [[], None, "x", 5])
async def test_settings_are_an_object(call: Caller, body: Any) -> None:
    assert (await call("POST", "/v1/settings", raw=str(body).encode())).status == 400
