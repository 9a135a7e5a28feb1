"""The life of an account: added, tried, connected, changed, lost, mended, gone. Contract §10."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from postroad.domain.message_id import pack_message
from support.dovecot import Dovecot
from support.road import Road, query, road
from support.scripted_relay import ScriptedRelay
from support.server import free_port
from support.sink import Sink
from support.tapped import Tapped, clear_imap

pytestmark = pytest.mark.integration

LATER = "2099-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def on_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with road(tmp_path_factory.mktemp("accounts")) as running:
        yield running


def imap_of(dovecot: Dovecot, user: str, **more: Any) -> dict[str, Any]:
    return {
        "auth": {"user": user, "pass": dovecot.password},
        "host": "localhost",
        "port": dovecot.port,
        "tls": {"ca": dovecot.ca},
        **more,
    }


def events_of(on_road: Road, account: str) -> list[str]:
    return [d.event for d in on_road.receiver.deliveries if d.payload["account"] == account]


def wait_state(on_road: Road, account: str, state: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        shown: dict[str, Any] = on_road.server.ok("GET", f"/v1/account/{account}")
        return shown if shown["state"] == state else None

    shown = on_road.server.wait_until(found, 15, f"{account} is {state}")
    assert isinstance(shown, dict)
    return shown


def test_a_refused_login_is_told_once_and_mended_by_a_change(
    on_road: Road, dovecot: Dovecot, sink: Sink
) -> None:
    wrong = imap_of(dovecot, "login")
    wrong["auth"] = {"user": "login", "pass": "wrong"}
    account = on_road.account("login", sink, imap=wrong)
    shown = wait_state(on_road, account, "authenticationError")
    assert shown["lastError"]["response"]
    error = on_road.receiver.wait_for("authenticationError")
    assert error.data["serverResponseCode"] == "AUTHENTICATIONFAILED"
    assert "wrong" not in str(shown) + str(error.payload)
    # Mail leaves all the same; the copy has to wait.
    queue_id = on_road.submit(account)["queueId"]
    on_road.receiver.wait_for("messageSent", queueId=queue_id)
    on_road.server.ok("PUT", f"/v1/account/{account}/reconnect", {"reconnect": True})
    on_road.server.wait_until(
        lambda: on_road.server.log.count("account cannot connect") >= 2, 10, "another try"
    )
    right = {"partial": True, "auth": {"user": "login", "pass": dovecot.password}}
    on_road.server.ok("PUT", f"/v1/account/{account}", {"imap": right})
    shown = wait_state(on_road, account, "connected")
    assert shown["lastError"] is None
    success = on_road.receiver.wait_for("authenticationSuccess")
    assert success.data == {"user": "login"}
    assert on_road.receiver.wait_for("accountInitialized").data == {"initialized": True}
    followed = ("message", "mailbox")  # what lies in the account is another test's matter
    seen = [name for name in events_of(on_road, account) if not name.startswith(followed)]
    assert seen == [
        "accountAdded", "authenticationError", "authenticationSuccess", "accountInitialized"
    ]  # fmt: skip
    assert shown["imap"]["host"] == "localhost" and shown["imap"]["tls"]["ca"] == dovecot.ca
    assert shown["imap"]["auth"] == {"user": "login", "pass": "******"}
    # A reply to nothing new: a second success is not news.
    on_road.server.ok("PUT", f"/v1/account/{account}/reconnect", {"reconnect": True})
    wait_state(on_road, account, "connected")
    assert events_of(on_road, account).count("authenticationSuccess") == 1


def test_a_server_that_cannot_be_reached_is_told_and_found_again(
    on_road: Road, dovecot: Dovecot, sink: Sink
) -> None:
    port = free_port()
    account = on_road.account("dark", sink, imap=imap_of(dovecot, "dark", port=port))
    shown = wait_state(on_road, account, "connectError")
    assert shown["lastError"]["serverResponseCode"]
    on_road.server.wait_until(
        lambda: "connectError" in events_of(on_road, account), 10, "the event"
    )
    with _forward(port, dovecot.port):
        on_road.server.ok("PUT", f"/v1/account/{account}/reconnect", {"reconnect": True})
        wait_state(on_road, account, "connected")
    assert on_road.server.ok("GET", f"/v1/account/{account}")["state"] != "unset"
    body = {"reference": {"message": pack_message(1, 1)}, "text": "x"}
    status, answer = on_road.server.call("POST", f"/v1/account/{account}/submit", body)
    assert status in (503, 504), answer
    ignored = body | {"to": {"address": "b@example.net"}}
    ignored["reference"] = {"message": pack_message(1, 1), "ignoreMissing": True}
    answer = on_road.server.ok("POST", f"/v1/account/{account}/submit", ignored)
    assert answer["reference"]["success"] is False and answer["reference"]["error"]
    assert events_of(on_road, account)[:2] == ["accountAdded", "connectError"]


class _forward:  # noqa: N801 - reads like a function
    """Forwards one port of loopback to another, as long as the block runs."""

    def __init__(self, port: int, to: int) -> None:
        self._stack = ExitStack()
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", port))

    def __enter__(self) -> None:
        self._socks: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._socks += [near, far]
            for one, two in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, two), daemon=True).start()

    def _pump(self, one: socket.socket, two: socket.socket) -> None:
        try:
            while octets := one.recv(65536):
                two.sendall(octets)
        except OSError:
            pass

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._socks:
            sock.close()


def test_a_mailbox_server_that_hangs_costs_only_its_account(
    on_road: Road, dovecot: Dovecot, sink: Sink
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent, ExitStack() as stack:
        port = silent.getsockname()[1]
        garbage = stack.enter_context(ScriptedRelay({"CONN": b"\x00\xff not IMAP\r\n" * 1000}))
        for n in range(10):
            on_road.account(f"hung{n}", sink, imap=imap_of(dovecot, "x", port=port))
            on_road.account(f"odd{n}", sink, imap=imap_of(dovecot, "x", port=garbage.port))
            on_road.submit(f"hung{n}")
            on_road.submit(f"odd{n}")
        account = on_road.account("well", sink, imap=imap_of(dovecot, "well"))
        wait_state(on_road, account, "connected")
        answer = on_road.submit(account)
        on_road.receiver.wait_for("messageSent", queueId=answer["queueId"], timeout_s=5)
        on_road.server.wait_until(
            lambda: any(
                answer["messageId"].encode() in octets
                for octets, _ in dovecot.messages(account, "Sent")
            ),
            10,
            "the copy",
        )
        wait_state(on_road, "odd0", "connectError")
        for n in range(10):
            for name in (f"hung{n}", f"odd{n}"):
                assert on_road.server.ok("DELETE", f"/v1/account/{name}")["deleted"] is True


def test_a_deleted_account_takes_everything_with_it(on_road: Road, sink: Sink) -> None:
    account = on_road.account("leaving", sink)
    queued = [on_road.submit(account, sendAt=LATER)["queueId"] for _ in range(3)]
    draft = {"account": account, "description": "d", "scopes": ["api"]}
    token = on_road.server.ok("POST", "/v1/token", draft)["token"]
    assert on_road.server.call("GET", f"/v1/account/{account}", token=token)[0] == 200
    answer = on_road.server.ok("DELETE", f"/v1/account/{account}")
    assert answer == {"account": account, "deleted": True}
    assert on_road.server.call("GET", f"/v1/account/{account}", token=token)[0] == 401
    for queue_id in queued:
        assert on_road.server.call("GET", f"/v1/outbox/{queue_id}")[0] == 404
    status, answer = on_road.server.call("DELETE", f"/v1/account/{account}")
    assert (status, answer["message"]) == (404, "Account record was not found for requested ID")
    on_road.receiver.wait_for("accountDeleted", account=account)
    left = query(on_road.server, "SELECT count(*) FROM submission WHERE account = ?", account)
    assert left == [(0,)]
    # The same id again is another account.
    on_road.account("leaving", sink)
    events = on_road.server.ok("GET", "/v1/account/leaving")["counters"]["events"]
    assert events["accountAdded"] == 1


def test_an_account_is_overwritten_changed_in_part_and_listed(on_road: Road, sink: Sink) -> None:
    smtp = {"host": "127.0.0.1", "port": sink.port, "auth": {"user": "u", "pass": "p"}}
    body = {"account": None, "name": "Nameless Find-Me", "email": "x@example.com", "smtp": smtp}
    made = on_road.server.ok("POST", "/v1/account", body)
    account = made["account"]
    assert made["state"] == "new" and len(account) == 16 and account.isalnum()
    again = on_road.server.ok("POST", "/v1/account", body | {"account": account})
    assert again == {"account": account, "state": "existing"}
    change = {"smtp": {"partial": True, "port": 26}, "name": "Other Find-Me"}
    assert on_road.server.ok("PUT", f"/v1/account/{account}", change) == {"account": account}
    shown = on_road.server.ok("GET", f"/v1/account/{account}")
    assert (shown["name"], shown["smtp"]["port"]) == ("Other Find-Me", 26)
    assert shown["smtp"]["host"] == "127.0.0.1" and shown["type"] == "sending"
    assert shown["smtp"]["auth"] == {"user": "u", "pass": "******"}
    assert shown["state"] == "unset" and shown["sendOnly"] is True
    replaced = {"smtp": {"host": "127.0.0.2", "port": 25}}
    on_road.server.ok("PUT", f"/v1/account/{account}", replaced)
    shown = on_road.server.ok("GET", f"/v1/account/{account}")
    assert shown["smtp"]["host"] == "127.0.0.2" and "auth" not in shown["smtp"]
    listed = on_road.server.ok("GET", "/v1/accounts?query=find-me")
    assert (listed["total"], listed["pages"], listed["query"], listed["state"]) == (
        1, 1, "find-me", "*"
    )  # fmt: skip
    assert listed["accounts"][0]["account"] == account
    assert on_road.server.ok("GET", "/v1/accounts?query=find-me&state=connected")["total"] == 0
    assert on_road.server.ok("GET", "/v1/accounts?page=999")["accounts"] == []
    assert on_road.server.call("PUT", "/v1/account/none", {"name": "x"})[0] == 404


def test_credentials_are_tried_without_being_stored(
    on_road: Road, dovecot: Dovecot, sink: Sink
) -> None:
    before = on_road.server.ok("GET", "/v1/accounts")["total"]
    with ScriptedRelay({"AUTH": b"535 5.7.8 wrong\r\n"}) as refusing, ScriptedRelay() as relay:
        smtp = {"host": "127.0.0.1", "port": relay.port, "auth": {"user": "u", "pass": "p"}}
        good = on_road.server.ok(
            "POST",
            "/v1/verifyAccount",
            {"imap": imap_of(dovecot, "verify"), "smtp": smtp, "mailboxes": True},
        )
        assert good["imap"]["success"] is True and good["smtp"]["success"] is True
        assert "INBOX" in {mailbox["path"] for mailbox in good["mailboxes"]}
        wrong = imap_of(dovecot, "verify")
        wrong["auth"] = {"user": "verify", "pass": "wrong"}
        bad = on_road.server.ok(
            "POST", "/v1/verifyAccount", {"imap": wrong, "smtp": smtp | {"port": refusing.port}}
        )
        assert bad["imap"]["success"] is False and bad["imap"]["error"]
        assert (bad["smtp"]["success"], bad["smtp"]["code"]) == (False, "EAUTH")
        assert bad["smtp"]["statusCode"] == 535
        far = on_road.server.ok(
            "POST", "/v1/verifyAccount", {"smtp": {"host": "127.0.0.1", "port": free_port()}}
        )
        assert far["smtp"]["success"] is False
        assert not relay.said("MAIL")
    assert on_road.server.ok("GET", "/v1/accounts")["total"] == before


def test_a_lost_session_is_opened_again(on_road: Road, dovecot: Dovecot, sink: Sink) -> None:
    with Tapped(dovecot.port, clear_imap) as way:
        account = on_road.account("lost", sink, imap=imap_of(dovecot, "lost", port=way.port))
        wait_state(on_road, account, "connected")
        way.tap = lambda octets: None
        dovecot.deliver("lost", b"Subject: x\r\n\r\nx\r\n")
        on_road.server.ok("PUT", f"/v1/account/{account}/reconnect", {"reconnect": True})
        wait_state(on_road, account, "connectError")
        way.tap = clear_imap
        on_road.server.ok("PUT", f"/v1/account/{account}/reconnect", {"reconnect": True})
        wait_state(on_road, account, "connected")
    assert events_of(on_road, account).count("accountInitialized") == 1
