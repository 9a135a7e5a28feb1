"""Accounts over REST."""

from __future__ import annotations

from typing import Any

import pytest

from postroad.domain.account import AccountState, AccountStatus, LastError
from support.api_engine import NOW_MS, MemoryEngine
from support.asgi import Caller

IMAP = {
    "host": "imap.example.test",
    "port": 993,
    "secure": True,
    "auth": {"user": "u", "pass": "p"},
    "tls": {"rejectUnauthorized": False, "minVersion": "TLSv1.2"},
    "sentMailPath": "Sent Items",
}
SMTP = {"host": "smtp.example.test", "port": 587, "auth": {"user": "u", "accessToken": "t"}}
FULL: dict[str, Any] = {
    "account": " example ",
    "name": "Example",
    "email": "me@example.test",
    "imap": IMAP,
    "smtp": SMTP,
    "webhooks": "https://hook:secret@example.test/",
    "webhooksCustomHeaders": [{"key": "X-Key", "value": "secret"}],
    "proxy": "socks5://p:secret@127.0.0.1:1080",
    "copy": False,
    "notifyFrom": "2021-08-16T15:04:46.161Z",
    "smtpEhloName": "mail.example.test",
    "path": "*",
    "imapIndexer": "full",
    "subconnections": ["\\Sent", " Own ", "\\Sent"],
    "threading": True,
}


async def test_account_is_shown_as_given_with_secrets_masked(call: Caller) -> None:
    reply = await call("POST", "/v1/account", FULL)
    assert reply.json() == {"account": "example", "state": "new"}
    shown = (await call("GET", "/v1/account/example")).json()
    assert shown == {
        "account": "example",
        "name": "Example",
        "email": "me@example.test",
        "type": "imap",
        "state": "init",
        "lastError": None,
        "imap": IMAP | {"auth": {"user": "u", "pass": "******"}, "resyncDelay": 900},
        "smtp": SMTP | {"auth": {"user": "u", "accessToken": "******"}, "secure": False},
        "webhooks": "https://hook:******@example.test/",
        "webhooksCustomHeaders": [{"key": "X-Key", "value": "******"}],
        "proxy": "socks5://p:******@127.0.0.1:1080",
        "copy": False,
        "notifyFrom": "2021-08-16T15:04:46.161Z",
        "smtpEhloName": "mail.example.test",
        "path": None,
        "imapIndexer": "full",
        "subconnections": ["\\Sent", "Own"],
        "threading": True,
        "logs": False,
        "stateSince": "2021-08-16T15:04:46.161Z",
        "counters": {"events": {"messageSent": 2}},
        "connections": 1,
    }
    assert b"secret" not in (await call("GET", "/v1/accounts")).body


async def test_id_is_generated_for_null(call: Caller) -> None:
    body = {"account": None, "name": "N", "type": "sandbox"}
    assert (await call("POST", "/v1/account", body)).json() == {
        "account": "generated0000001",
        "state": "new",
    }


async def test_second_registration_overwrites(call: Caller) -> None:
    await call("POST", "/v1/account", FULL)
    assert (await call("POST", "/v1/account", FULL)).json()["state"] == "existing"


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"account": ...}, ["account"]),
        ({"name": ...}, ["name"]),
        ({"account": "  "}, ["account"]),
        ({"account": "x" * 257}, ["account"]),
        ({"name": "a\r\nb"}, ["name"]),
        ({"email": "nobody"}, ["email"]),
        ({"email": None}, ["email"]),
        ({"imap": {"port": 0}}, ["port"]),
        ({"imap": {}}, ["host", "port"]),
        ({"imap": True}, ["imap"]),
        ({"imap": False, "smtp": False}, ["imap"]),
        ({"imap": IMAP | {"useAuthServer": True}}, ["useAuthServer"]),
        ({"imap": IMAP | {"tls": {"minVersion": "SSLv3"}}}, ["minVersion"]),
        ({"imap": IMAP | {"tls": {"rejectUnauthorized": "no"}}}, ["rejectUnauthorized"]),
        ({"imap": IMAP | {"tls": {"ca": {"deep": 1}}}}, ["ca"]),
        ({"smtp": {"host": "h"}}, ["port"]),
        ({"smtp": SMTP | {"auth": {"pass": "p"}}}, ["user"]),
        ({"smtp": SMTP | {"auth": {"user": "u", "pass": "p", "accessToken": "t"}}}, ["pass"]),
        ({"webhooks": "file:///etc/passwd"}, ["webhooks"]),
        ({"webhooksCustomHeaders": [{"key": "A\r\nB", "value": "x"}]}, ["key"]),
        ({"webhooksCustomHeaders": [{"key": "A", "value": "x\r\nB: y"}]}, ["value"]),
        ({"proxy": "ftp://p"}, ["proxy"]),
        ({"type": "imap"}, ["type"]),
        ({"oauth2": {"auth": {}}}, ["oauth2"]),
        ({"logs": "some"}, ["logs"]),
        ({"subconnections": ["x" * 257]}, ["subconnections"]),
        ({"locale": "en", "tz": "UTC", "expectedEmail": "a@b"}, ["locale", "tz", "expectedEmail"]),
        ({"imapIndexer": "slow"}, ["imapIndexer"]),
    ],
)
async def test_wrong_account_is_refused(
    engine: MemoryEngine, call: Caller, change: dict[str, Any], keys: list[str]
) -> None:
    body = {k: v for k, v in (FULL | change).items() if v is not ...}
    reply = await call("POST", "/v1/account", body)
    assert reply.status == 400
    assert sorted(item["key"] for item in reply.json()["fields"]) == sorted(keys)
    assert engine.accounts.known == {}


async def test_sandbox_has_no_servers(call: Caller) -> None:
    body = {"account": "box", "name": "Box", "type": "sandbox"}
    reply = await call("POST", "/v1/account", body | {"smtp": SMTP})
    assert [item["key"] for item in reply.json()["fields"]] == ["smtp"]
    await call("POST", "/v1/account", body | {"imap": False})
    assert (await call("GET", "/v1/account/box")).json()["type"] == "sandbox"


async def test_options_that_are_off_anyway_are_accepted(call: Caller) -> None:
    body = FULL | {"oauth2": False, "logs": False, "imap": IMAP | {"useAuthServer": False}}
    assert (await call("POST", "/v1/account", body)).status == 200


async def test_update_changes_what_is_given_alone(engine: MemoryEngine, call: Caller) -> None:
    await call("POST", "/v1/account", FULL)
    before = engine.accounts.known["example"]
    reply = await call("PUT", "/v1/account/example", {"name": "New", "copy": None, "path": None})
    assert reply.json() == {"account": "example"}
    after = engine.accounts.known["example"]
    assert (after.name, after.copy, after.paths) == ("New", None, None)
    assert (after.imap, after.smtp, after.proxy) == (before.imap, before.smtp, before.proxy)


async def test_what_is_set_to_nothing_is_taken_away(engine: MemoryEngine, call: Caller) -> None:
    await call("POST", "/v1/account", FULL)
    empty = {"webhooks": "", "proxy": "", "webhooksCustomHeaders": []}
    assert (await call("PUT", "/v1/account/example", empty)).status == 200
    shown = (await call("GET", "/v1/account/example")).json()
    assert shown.keys() & empty.keys() == set()
    known = engine.accounts.known["example"]
    assert (known.webhooks, known.proxy, known.webhook_headers) == (None, None, ())


async def test_partial_update_merges_deeply(engine: MemoryEngine, call: Caller) -> None:
    await call("POST", "/v1/account", FULL)
    change = {
        "imap": {"partial": True, "port": 143, "auth": {"user": "v"}, "tls": {"servername": "x"}}
    }
    await call("PUT", "/v1/account/example", change)
    imap = engine.accounts.known["example"].imap
    assert imap is not None
    assert imap.login is not None
    assert imap.login.password is not None
    assert (imap.host, imap.port, imap.secure) == ("imap.example.test", 143, True)
    assert (imap.login.user, imap.login.password.reveal()) == ("v", "p")
    assert (imap.tls.verify, imap.tls.min_version) == (False, "TLSv1.2")
    assert imap.tls.extra == {"servername": "x"}


async def test_full_update_replaces(engine: MemoryEngine, call: Caller) -> None:
    await call("POST", "/v1/account", FULL)
    refused = await call("PUT", "/v1/account/example", {"imap": {"port": 143}})
    assert [item["key"] for item in refused.json()["fields"]] == ["host"]
    await call("PUT", "/v1/account/example", {"imap": {"host": "h", "port": 143}, "smtp": False})
    account = engine.accounts.known["example"]
    assert account.imap is not None
    assert (account.imap.login, account.imap.sent_path, account.smtp) == (None, None, None)


async def test_connected_account_shows_no_error(engine: MemoryEngine, call: Caller) -> None:
    await call("POST", "/v1/account", FULL)
    error = LastError("Invalid login", "AUTHENTICATIONFAILED", "Check the password")
    for state, shown in (
        (AccountState.CONNECTED, None),
        (
            AccountState.AUTHENTICATION_ERROR,
            {
                "response": "Invalid login",
                "serverResponseCode": "AUTHENTICATIONFAILED",
                "description": "Check the password",
            },
        ),
    ):
        engine.accounts.statuses["example"] = AccountStatus(state, NOW_MS, error)
        assert (await call("GET", "/v1/account/example")).json()["lastError"] == shown


async def test_unknown_account_is_not_found(call: Caller) -> None:
    for method, path, body in (
        ("GET", "/v1/account/nobody", None),
        ("PUT", "/v1/account/nobody", {"name": "x"}),
        ("DELETE", "/v1/account/nobody", None),
        ("PUT", "/v1/account/nobody/reconnect", {"reconnect": True}),
    ):
        reply = await call(method, path, body)
        assert reply.json() == {
            "statusCode": 404,
            "error": "Not Found",
            "message": "Account record was not found for requested ID",
        }


async def test_delete_and_reconnect_answer(engine: MemoryEngine, call: Caller) -> None:
    await call("POST", "/v1/account", FULL)
    path = "/v1/account/example"
    assert (await call("PUT", f"{path}/reconnect", {"reconnect": True})).json() == {
        "reconnect": True
    }
    assert (await call("PUT", f"{path}/reconnect", {})).json() == {"reconnect": False}
    assert engine.accounts.reconnected == ["example"]
    assert (await call("DELETE", path)).json() == {"account": "example", "deleted": True}


async def test_list_is_paged_and_filtered(call: Caller) -> None:
    for n in range(3):
        body = {"account": f"a{n}", "name": "N", "type": "sandbox"}
        await call("POST", "/v1/account", body)
    page = (await call("GET", "/v1/accounts?page=1&pageSize=2")).json()
    assert (page["total"], page["page"], page["pages"]) == (3, 1, 2)
    assert [item["account"] for item in page["accounts"]] == ["a2"]
    assert (page["query"], page["state"]) == (False, "*")
    found = (await call("GET", "/v1/accounts?query=a1&state=init")).json()
    assert (found["query"], found["state"], found["total"]) == ("a1", "init", 1)
    beyond = (await call("GET", "/v1/accounts?page=9")).json()
    assert (beyond["accounts"], beyond["total"]) == ([], 3)


async def test_verification_answers_per_protocol(engine: MemoryEngine, call: Caller) -> None:
    reply = await call("POST", "/v1/verifyAccount", {"imap": IMAP, "smtp": SMTP})
    assert reply.json() == {
        "imap": {"success": True},
        "smtp": {
            "success": False,
            "error": "Invalid login",
            "code": "EAUTH",
            "statusCode": 535,
            "responseText": "535 5.7.8 no",
        },
    }
    assert (await call("POST", "/v1/verifyAccount", {})).status == 400


async def test_sync_and_flush_are_asked_for(call: Caller, engine: MemoryEngine) -> None:
    await call("POST", "/v1/account", FULL)
    assert (await call("PUT", "/v1/account/example/sync", {"sync": True})).json() == {"sync": True}
    assert (await call("PUT", "/v1/account/example/sync", {})).json() == {"sync": False}
    body = {"flush": True, "notifyFrom": "2021-08-16T15:04:46.161Z", "imapIndexer": "fast"}
    assert (await call("PUT", "/v1/account/example/flush", body)).json() == {"flush": True}
    assert (await call("PUT", "/v1/account/example/flush", {})).status == 400
    assert (await call("PUT", "/v1/account/other/sync", {})).status == 404
    assert engine.accounts.synced == ["example"]
    assert engine.accounts.flushed == [("example", 1_629_126_286_161, "fast")]
