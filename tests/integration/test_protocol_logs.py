"""Protocol logs over HTTP, with a real Dovecot at the other end. Contract B-236."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.dovecot import Dovecot
from support.followed import following, message
from support.road import query
from support.server import Server
from support.tapped import Tap, Tapped, clear_imap

pytestmark = pytest.mark.integration
_users = itertools.count(1)

CONTENT = "confidential"


def no_sasl(octets: bytes) -> bytes:
    """What a server says that knows LOGIN alone."""
    return clear_imap(octets).replace(b"AUTH=", b"XUTH=")


LOGINS: dict[str, Tap] = {"AUTHENTICATE PLAIN": clear_imap, "LOGIN": no_sasl}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def quiet(server: Server) -> Iterator[Server]:
    """The server with the setting as it was at first."""
    server.ok("POST", "/v1/settings", {"logs": {}})
    yield server
    server.ok("POST", "/v1/settings", {"logs": {}})


class Box:
    """An account on both ends."""

    def __init__(self, server: Server, dovecot: Dovecot) -> None:
        self.server, self.dovecot, self.port = server, dovecot, dovecot.port
        self.user = f"logged{next(_users)}"

    def connect(self, **more: object) -> None:
        password = more.pop("password", self.dovecot.password)
        imap = {
            "host": self.dovecot.host,
            "port": self.port,
            "auth": {"user": self.user, "pass": password},
            "tls": {"rejectUnauthorized": False},
        }
        body = {"account": self.user, "name": self.user, "email": f"{self.user}@x.test"}
        self.server.ok("POST", "/v1/account", body | {"imap": imap} | more)
        if password == self.dovecot.password:
            self.server.wait_connected(self.user)

    def raw(self) -> str:
        """The log as it is downloaded."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        headers = {"authorization": f"Bearer {self.server.token}"}
        try:
            connection.request("GET", f"/v1/logs/{self.user}", headers=headers)
            with connection.getresponse() as response:
                assert response.status == 200
                assert response.getheader("content-type") == "text/plain; charset=utf-8"
                return response.read().decode("ascii")
        finally:
            connection.close()

    def entries(self, purpose: str | None = None) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self.raw().splitlines()]
        return [one for one in entries if purpose in (None, one.get("purpose"))]

    def wait_for(self, what: str, part: str) -> None:
        def is_there() -> bool:
            return any(one["what"] == what and part in one["line"] for one in self.entries())

        self.server.wait_until(is_there, 20, f"{what} {part} in the log")


@pytest.fixture
def box(quiet: Server, dovecot: Dovecot) -> Box:
    return Box(quiet, dovecot)


def test_nothing_is_kept_unless_asked_for(box: Box) -> None:
    box.connect()
    box.server.ok("GET", f"/v1/account/{box.user}/mailboxes")

    assert box.server.ok("GET", "/v1/settings?logs=true") == {
        "logs": {"all": False, "maxLogLines": 10_000}
    }
    assert box.server.ok("GET", f"/v1/account/{box.user}")["logs"] is False
    assert box.raw() == ""
    assert query(box.server, "SELECT * FROM protocol_log WHERE account = ?", box.user) == []


def test_a_conversation_is_told_from_its_begin_to_its_end(box: Box) -> None:
    box.connect(logs=True)
    box.server.ok("PUT", f"/v1/account/{box.user}/reconnect", {"reconnect": True})
    box.wait_for("end", "")
    entries = box.entries("watch")
    first = [one for one in entries if one["connection"] == entries[0]["connection"]]

    assert first[0]["line"] == f"{box.dovecot.host}:{box.dovecot.port}"
    assert [one["what"] for one in first[:3]] == ["connect", "response", "command"]
    assert first[1]["line"].startswith("* OK [CAPABILITY ")
    assert {one["what"] for one in first} == {"connect", "tls", "command", "response", "end"}
    assert first[-1]["what"] == "end" and first[-1]["line"]
    assert {one["account"] for one in entries} == {box.user}
    assert [one["time"] for one in first] == sorted(one["time"] for one in first)


@pytest.mark.parametrize("way", LOGINS)
@pytest.mark.parametrize("password", [None, 'wr0ng p"as\\sword'], ids=["right", "wrong"])
def test_no_secret_is_in_a_log(box: Box, way: str, password: str | None) -> None:
    secret = password or box.dovecot.password
    with Tapped(box.dovecot.port, LOGINS[way]) as tapped:
        box.port = tapped.port
        box.connect(logs=True, password=secret)
        box.wait_for("command", f"{way} ***")
        if password is not None:
            box.wait_for("error", "")
        else:
            box.server.ok("GET", f"/v1/account/{box.user}/mailboxes")
        text = box.raw()
        box.server.ok("DELETE", f"/v1/account/{box.user}")

    plain = base64.b64encode(f"\0{box.user}\0{secret}".encode()).decode()
    assert plain not in text
    assert secret not in text and json.dumps(secret)[1:-1] not in text
    assert base64.b64encode(secret.encode()).decode() not in text


def test_messages_are_told_by_their_size(box: Box) -> None:
    box.connect(logs=True)
    octets = message(CONTENT, body=f"{CONTENT} " * 20_000)
    raw = base64.b64encode(octets).decode()
    path = f"/v1/account/{box.user}"
    made = box.server.ok("POST", f"{path}/message", {"path": "INBOX", "raw": raw})
    box.server.ok("GET", f"{path}/message/{made['id']}?textType=*")
    box.server.call("GET", f"{path}/message/{made['id']}/source")
    box.server.ok("GET", f"{path}/messages?path=INBOX")
    text = box.raw()

    assert " APPEND " in text and " FETCH " in text
    assert CONTENT not in text
    assert len(text) < len(octets) / 2
    assert {one["purpose"] for one in box.entries()} == {"watch", "command"}


def test_an_account_is_switched_on_and_off_while_it_runs(box: Box) -> None:
    box.connect()
    box.server.ok("PUT", f"/v1/account/{box.user}", {"logs": True})
    box.wait_for("command", "AUTHENTICATE")
    assert box.server.ok("GET", f"/v1/account/{box.user}")["logs"] is True
    box.server.ok("PUT", f"/v1/account/{box.user}", {"logs": False})
    box.wait_for("end", "")
    box.server.wait_connected(box.user)
    before = box.raw()
    box.server.ok("GET", f"/v1/account/{box.user}/mailboxes")

    assert box.raw() == before != ""


def test_all_accounts_are_switched_on_and_off_while_they_run(box: Box) -> None:
    box.connect()
    box.server.ok("GET", f"/v1/account/{box.user}/mailboxes")  # a connection that is kept warm
    box.server.ok("POST", "/v1/settings", {"logs": {"all": True}})
    box.wait_for("command", "AUTHENTICATE")
    box.server.ok("GET", f"/v1/account/{box.user}/mailboxes")
    assert box.entries("command") != []
    box.server.ok("POST", "/v1/settings", {"logs": {"all": False}})
    before = box.raw()
    box.server.ok("GET", f"/v1/account/{box.user}/mailboxes")

    assert box.raw() == before


def test_the_oldest_lines_go_first(box: Box) -> None:
    box.server.ok("POST", "/v1/settings", {"logs": {"maxLogLines": 20}})
    box.connect(logs=True)
    box.server.ok("GET", f"/v1/account/{box.user}/mailboxes")
    box.server.ok("GET", f"/v1/account/{box.user}/messages?path=INBOX")
    full = box.entries()
    box.server.ok("POST", "/v1/settings", {"logs": {"maxLogLines": 5}})

    assert len(full) == 20
    assert len(box.entries()) == 5


@pytest.mark.parametrize(
    ("logs", "key", "problem"),
    [
        ({"maxLogLines": 1_000_001}, "logs.maxLogLines", "less than or equal to 1000000"),
        ({"maxLogLines": -1}, "logs.maxLogLines", "greater than or equal to 0"),
        ({"all": "perhaps"}, "logs.all", "must be a boolean"),
        ({"some": True}, "logs.some", "is not allowed"),
        ("on", "logs", "must be of type object"),
        (None, "logs", "must be of type object"),
    ],
)
def test_a_wrong_setting_is_refused(quiet: Server, logs: object, key: str, problem: str) -> None:
    status, answer = quiet.call("POST", "/v1/settings", {"logs": logs})

    assert status == 400
    (field,) = answer["fields"]
    assert field["key"] == key and problem in field["message"]


def test_there_is_no_log_of_an_unknown_account(quiet: Server) -> None:
    assert quiet.call("GET", "/v1/logs/nobody")[0] == 404


def test_a_token_needs_the_grant_for_logs(box: Box) -> None:
    box.connect()

    def status(groups: list[str]) -> int:
        body = {
            "description": "t",
            "scopes": ["api"],
            "account": box.user,
            "permissions": {"actions": ["read"], "groups": groups},
        }
        token = box.server.ok("POST", "/v1/token", body)["token"]
        return int(box.server.call("GET", f"/v1/logs/{box.user}", token=token)[0])

    assert status(["logs"]) == 200
    assert status(["message", "diagnostics"]) == 403


def test_a_deleted_account_takes_its_log_along(box: Box) -> None:
    box.connect(logs=True)
    assert box.raw()
    box.server.ok("DELETE", f"/v1/account/{box.user}")

    assert box.server.call("GET", f"/v1/logs/{box.user}")[0] == 404
    assert query(box.server, "SELECT * FROM protocol_log WHERE account = ?", box.user) == []


async def test_connections_of_subconnections_are_told_too(dovecot: Dovecot, tmp_path: Path) -> None:
    user = f"logged{next(_users)}"
    dovecot.create(user, "Box")
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user, subconnections=("Box",), logs=True)

        async def has_two() -> bool:
            text = b"".join([chunk async for chunk in followed.log.read(account)]).decode()
            entries = [json.loads(line) for line in text.splitlines()]
            return len({one["connection"] for one in entries if "SELECT" in one["line"]}) == 2

        await followed.until(has_two)
