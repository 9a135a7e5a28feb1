"""What an account's relay may answer, and what becomes of the message. Contract §7."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.connect_proxy import ConnectProxy
from support.hostile_smtp import Answer, Fault
from support.road import Road, query, road
from support.scripted_relay import ScriptedRelay

pytestmark = pytest.mark.integration

EHLO_ALL = (
    b"250-relay.example\r\n250-PIPELINING\r\n250-SIZE 40000000\r\n250-8BITMIME\r\n"
    b"250-SMTPUTF8\r\n250-DSN\r\n250 AUTH PLAIN LOGIN\r\n"
)


@pytest.fixture(scope="module")
def on_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with road(tmp_path_factory.mktemp("relay")) as running:
        yield running


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_deferred_message_is_tried_again_in_five_seconds_and_sent(on_road: Road) -> None:
    with ScriptedRelay({".": [b"451 4.3.0 later\r\n", b"250 2.0.0 now\r\n"]}) as relay:
        account = on_road.account("later", relay)
        queue_id = on_road.submit(account)["queueId"]

        error = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id)
        assert error.data["smtpResponse"] == "451 4.3.0 later"
        assert error.data["smtpResponseCode"] == 451
        assert error.data["envelope"] == {"from": "later@example.com", "to": ["b@example.net"]}
        assert error.data["networkRouting"] is None
        job = error.data["job"]
        assert (job["id"], job["attemptsMade"], job["attempts"]) == (queue_id, 0, 10)
        told = at(error.payload["date"])
        assert 3.9 <= at(job["nextAttempt"]) - told <= 5.1

        entry = on_road.server.ok("GET", f"/v1/outbox/{queue_id}")
        assert (entry["attemptsMade"], entry["nextAttempt"]) == (1, job["nextAttempt"])
        assert entry["progress"]["status"] == "error"
        assert entry["progress"]["error"]["statusCode"] == 451
        status = on_road.server.ok("GET", f"/v1/account/{account}")["smtpStatus"]
        assert (status["status"], status["responseCode"]) == ("error", 451)
        assert status["response"] == "451 4.3.0 later"

        sent = on_road.receiver.wait_for("messageSent", queueId=queue_id)
        assert sent.data["response"] == "250 2.0.0 now"
        assert at(sent.payload["date"]) >= at(job["nextAttempt"])
        status = on_road.server.ok("GET", f"/v1/account/{account}")["smtpStatus"]
        assert (status["status"], status["response"]) == ("ok", "250 2.0.0 now")
        assert len(relay.messages) == 2
        assert not on_road.receiver.of("messageFailed", queueId=queue_id)


def test_status_of_the_account_is_that_of_the_last_refusal(on_road: Road) -> None:
    """Also where another refusal came just before."""
    answers = [b"550 5.1.1 nobody\r\n", b"451 4.3.0 later\r\n"]
    with ScriptedRelay({"RCPT": answers}) as relay:
        account = on_road.account("grumpy", relay)
        for reply in ("550 5.1.1 nobody", "451 4.3.0 later"):
            queue_id = on_road.submit(account)["queueId"]
            on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id)
            shown = on_road.server.ok("GET", f"/v1/account/{account}")["smtpStatus"]
            assert shown["response"] == reply
        on_road.server.ok("DELETE", f"/v1/outbox/{queue_id}")


def test_the_last_attempt_fails_the_message_and_keeps_its_content(on_road: Road) -> None:
    with ScriptedRelay({"RCPT": b"451 4.3.0 later\r\n"}) as relay:
        account = on_road.account("once", relay)
        answer = on_road.submit(account, deliveryAttempts=1, subject="kept")
        queue_id = answer["queueId"]
        error = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id)
        assert error.data["job"] | {"id": ""} == {
            "id": "", "attemptsMade": 0, "attempts": 1, "nextAttempt": False
        }  # fmt: skip
        failed = on_road.receiver.wait_for("messageFailed", queueId=queue_id)
        assert failed.data["messageId"] == answer["messageId"]
        assert failed.data["error"].startswith("Error: ")
        assert {"envelope", "smtpResponseCode"}.isdisjoint(failed.data)
        order = [d.event for d in on_road.receiver.deliveries if d.payload["account"] == account]
        assert order == ["accountAdded", "messageDeliveryError", "messageFailed"]

        listed = on_road.server.ok("GET", "/v1/outbox?pageSize=1000")["messages"]
        entry = next(item for item in listed if item["queueId"] == queue_id)
        assert (entry["nextAttempt"], entry["attemptsMade"]) == (False, 1)
        assert entry["progress"]["status"] == "error"
        assert on_road.server.call("GET", f"/v1/outbox/{queue_id}")[0] == 404
        kept = query(
            on_road.server,
            "SELECT data FROM submission JOIN content USING (content_id) WHERE queue_id = ?",
            queue_id,
        )
        assert b"Subject: kept\r\n" in kept[0][0]
        assert on_road.server.ok("DELETE", f"/v1/outbox/{queue_id}") == {"deleted": True}
        listed = on_road.server.ok("GET", "/v1/outbox?pageSize=1000")["messages"]
        assert queue_id not in {item["queueId"] for item in listed}


PERMANENT: dict[str, tuple[dict[str, Answer], str, int | None]] = {
    "mail550": ({"MAIL": b"550 5.7.1 not you\r\n"}, "EENVELOPE", 550),
    "rcpt550": ({"RCPT": b"550 5.1.1 who?\r\n"}, "EENVELOPE", 550),
    "data554": ({"DATA": b"554 5.5.1 no\r\n"}, "EMESSAGE", 554),
    "end552": ({".": b"552 5.3.4 too big\r\n"}, "EMESSAGE", 552),
    "auth535": ({"AUTH": b"535 5.7.8 wrong\r\n"}, "EAUTH", 535),
    "garbage": ({"MAIL": Fault.GARBAGE}, "EPROTOCOL", None),
    "endless": ({"EHLO": Fault.ENDLESS_LINE}, "EPROTOCOL", None),
}
TEMPORARY: dict[str, tuple[dict[str, Answer], int | None]] = {
    "conn421": ({"CONN": b"421 4.3.2 full\r\n"}, 421),
    "mail452": ({"MAIL": b"452 4.3.1 full\r\n"}, 452),
    "rcpt450": ({"RCPT": b"450 4.2.0 grey\r\n"}, 450),
    "data503": ({"DATA": b"503 5.5.1 order\r\n"}, 503),
    "end451": ({".": b"451 4.3.0 later\r\n"}, 451),
    "auth454": ({"AUTH": b"454 4.7.0 not now\r\n"}, 454),
    "drop": ({"MAIL": Fault.DROP}, None),
    "reset": ({".": Fault.RESET}, None),
    "farewell": ({"RCPT": Fault.FAREWELL}, 421),
}


def test_every_refusal_is_final_or_tried_again_as_its_code_says(on_road: Road) -> None:
    """Contract B-154, B-155, B-165; all at once, each account with its own relay."""
    with ExitStack() as relays:
        queued = {}
        for name, answers in {n: a[0] for n, a in (PERMANENT | TEMPORARY).items()}.items():
            relay = relays.enter_context(ScriptedRelay(answers))
            smtp = {"auth": {"user": "u", "pass": "p"}} if name.startswith("auth") else {}
            queued[name] = on_road.submit(on_road.account(name, relay, smtp=smtp))["queueId"]
        for name, queue_id in queued.items():
            error = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id).data
            status = on_road.server.ok("GET", f"/v1/account/{name}")["smtpStatus"]
            assert status["status"] == "error", name
            assert status["code"] == error["errorCode"], name
            if name in PERMANENT:
                _, kind, reply = PERMANENT[name]
                assert error["errorCode"] == kind, (name, error)
                assert error["job"]["nextAttempt"] is False, (name, error)
                on_road.receiver.wait_for("messageFailed", queueId=queue_id)
            else:
                _, reply = TEMPORARY[name]
                assert error["job"]["nextAttempt"], (name, error)
                assert not on_road.receiver.of("messageFailed", queueId=queue_id)
                assert on_road.server.ok("DELETE", f"/v1/outbox/{queue_id}")["deleted"], name
            if reply is None:
                assert "smtpResponseCode" not in error, name
            else:
                assert error["smtpResponseCode"] == reply == status["responseCode"], name
            assert error["smtpCommand"], name


def test_nothing_listening_and_unknown_hosts_are_tried_again(on_road: Road) -> None:
    with ScriptedRelay() as gone:
        account = on_road.account("gone", gone)
        lost = on_road.account("lost", gone, smtp={"host": "no-such-host.invalid"})
    first = on_road.submit(account)["queueId"]
    second = on_road.submit(lost)["queueId"]
    error = on_road.receiver.wait_for("messageDeliveryError", queueId=first).data
    assert error["errorCode"] in {"ECONNECTION", "ESOCKET"} and error["job"]["nextAttempt"]
    error = on_road.receiver.wait_for("messageDeliveryError", queueId=second).data
    assert error["errorCode"] == "EDNS" and error["job"]["nextAttempt"]
    for queue_id in (first, second):
        assert on_road.server.ok("DELETE", f"/v1/outbox/{queue_id}") == {"deleted": True}


def test_a_refused_recipient_does_not_keep_the_others_from_theirs(on_road: Road) -> None:
    answers = {"RCPT": [b"250 ok\r\n", b"550 5.1.1 who?\r\n", b"250 ok\r\n"]}
    with ScriptedRelay(answers) as relay:
        to = [{"address": f"{name}@example.net"} for name in ("a", "b", "c")]
        queue_id = on_road.submit(on_road.account("partly", relay), to=to)["queueId"]
        on_road.receiver.wait_for("messageSent", queueId=queue_id)
        refused = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id)
        assert refused.data["envelope"]["to"] == ["b@example.net"]
        assert refused.data["smtpResponseCode"] == 550
        assert refused.data["job"]["nextAttempt"] is False
        on_road.server.wait_until(lambda: len(relay.messages) == 1, 5, "it was sent once")
        assert not on_road.receiver.of("messageFailed", queueId=queue_id)
        assert on_road.server.call("GET", f"/v1/outbox/{queue_id}")[0] == 404


def test_a_message_without_recipients_is_queued_and_fails(on_road: Road) -> None:
    with ScriptedRelay() as relay:
        account = on_road.account("nobody", relay)
        queue_id = on_road.submit(account, to=[], subject="nobody")["queueId"]
        error = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id)
        assert error.data["errorCode"] == "EENVELOPE"
        on_road.receiver.wait_for("messageFailed", queueId=queue_id)
        assert relay.messages == []


def test_a_waiting_message_can_be_removed_and_one_under_way_cannot(on_road: Road) -> None:
    with ScriptedRelay({".": Fault.HANG}) as relay:
        account = on_road.account("hangs", relay)
        on_road.receiver.wait_for("accountAdded", account=account)
        running = on_road.submit(account)["queueId"]
        waiting = on_road.submit(account, sendAt="2099-01-01T00:00:00.000Z")["queueId"]
        on_road.server.wait_until(lambda: relay.messages, 10, "the relay has the message")
        entry = on_road.server.ok("GET", f"/v1/outbox/{running}")
        assert entry["progress"]["status"] == "processing"
        assert on_road.server.ok("DELETE", f"/v1/outbox/{running}") == {"deleted": False}
        assert on_road.server.ok("DELETE", f"/v1/outbox/{waiting}") == {"deleted": True}
        assert on_road.server.ok("DELETE", f"/v1/outbox/{waiting}") == {"deleted": False}
        assert on_road.server.call("GET", f"/v1/outbox/{waiting}")[0] == 404
        assert on_road.server.ok("DELETE", "/v1/outbox/ffffffffffffffffff0") == {"deleted": False}
        assert on_road.server.ok("DELETE", f"/v1/account/{account}")["deleted"] is True
    on_road.receiver.wait_for("accountDeleted", account=account)
    events = [d.event for d in on_road.receiver.deliveries if d.payload["account"] == account]
    assert events == ["accountAdded", "accountDeleted"]


def test_reports_are_asked_for_where_the_relay_offers_them(on_road: Road) -> None:
    dsn = {
        "id": "ticket+1",
        "return": "full",
        "notify": ["success", "failure"],
        "recipient": "b@example.net",
    }
    with ScriptedRelay({"EHLO": EHLO_ALL}) as relay, ScriptedRelay() as plain:
        for name, to in (("reports", relay), ("noreports", plain)):
            queue_id = on_road.submit(on_road.account(name, to), dsn=dsn)["queueId"]
            on_road.receiver.wait_for("messageSent", queueId=queue_id)
        mail, rcpt = relay.said("MAIL")[0], relay.said("RCPT")[0]
        assert "RET=FULL" in mail and "ENVID=ticket+2B1" in mail
        assert "NOTIFY=SUCCESS,FAILURE" in rcpt and "ORCPT=rfc822;b@example.net" in rcpt
        mail, rcpt = plain.said("MAIL")[0], plain.said("RCPT")[0]
        assert not {"RET=", "ENVID="} & set(mail.replace("=", "= ").split())
        assert "NOTIFY" not in rcpt and "ORCPT" not in rcpt


def test_addresses_beyond_ascii_need_a_relay_that_knows_them(on_road: Road) -> None:
    to = {"address": "käthe@bücher.example"}
    with ScriptedRelay({"EHLO": EHLO_ALL}) as relay, ScriptedRelay() as plain:
        queue_id = on_road.submit(on_road.account("eai", relay), to=to)["queueId"]
        on_road.receiver.wait_for("messageSent", queueId=queue_id)
        assert relay.said("MAIL")[0].endswith("SMTPUTF8")
        assert "käthe@" in relay.said("RCPT")[0]
        refused = on_road.submit(on_road.account("noeai", plain), to=to)["queueId"]
        error = on_road.receiver.wait_for("messageDeliveryError", queueId=refused).data
        assert "SMTPUTF8" in error["error"] and error["job"]["nextAttempt"] is False
        assert not any("käthe" in line for line in plain.commands)
        # A domain alone needs nothing of the relay.
        idn = on_road.submit("noeai", to={"address": "kate@bücher.example"})["queueId"]
        on_road.receiver.wait_for("messageSent", queueId=idn)
        assert plain.said("RCPT")[-1] == "RCPT TO:<kate@xn--bcher-kva.example>"


def test_the_relay_is_greeted_by_the_name_that_was_set_closest(on_road: Road) -> None:
    settings: dict[str, Any] = {"serviceUrl": "https://post.example.org/x"}
    with ScriptedRelay() as relay:
        on_road.account("ehlo", relay)

        def greeted() -> str:
            queue_id = on_road.submit("ehlo")["queueId"]
            on_road.receiver.wait_for("messageSent", queueId=queue_id)
            return relay.said("EHLO")[-1]

        try:
            assert greeted() != "EHLO post.example.org"
            on_road.server.ok("POST", "/v1/settings", settings)
            assert greeted() == "EHLO post.example.org"
            on_road.server.ok("POST", "/v1/settings", {"smtpEhloName": "general.example"})
            assert greeted() == "EHLO general.example"
            on_road.server.ok("PUT", "/v1/account/ehlo", {"smtpEhloName": "own.example"})
            assert greeted() == "EHLO own.example"
        finally:
            on_road.server.ok("POST", "/v1/settings", {"smtpEhloName": None, "serviceUrl": ""})


def test_a_message_leaves_from_the_address_it_asks_for(on_road: Road) -> None:
    with ScriptedRelay() as relay:
        account = on_road.account("local", relay)
        queue_id = on_road.submit(account, localAddress="127.0.0.9")["queueId"]
        sent = on_road.receiver.wait_for("messageSent", queueId=queue_id)
        assert sent.data["networkRouting"] == {"localAddress": "127.0.0.9"}
        assert relay.peers == ["127.0.0.9"]
        queue_id = on_road.submit(account, localAddress="192.0.2.1")["queueId"]
        error = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id).data
        assert error["job"]["nextAttempt"] and error["errorCode"] == "ESOCKET"
        assert error["networkRouting"] == {"localAddress": "192.0.2.1"}
        listed = on_road.server.ok("GET", f"/v1/outbox/{queue_id}")
        assert listed["localAddress"] == "192.0.2.1"
        assert on_road.server.ok("DELETE", f"/v1/outbox/{queue_id}")["deleted"] is True
        queue_id = on_road.submit(account)["queueId"]
        sent = on_road.receiver.wait_for("messageSent", queueId=queue_id)
        assert sent.data["networkRouting"] is None
        assert relay.peers[-1] == "127.0.0.1"


def test_the_proxy_set_closest_to_the_message_is_used_and_told_without_its_password(
    on_road: Road,
) -> None:
    with ExitStack() as stack:
        relay = stack.enter_context(ScriptedRelay())
        general, own, single = (stack.enter_context(ConnectProxy()) for _ in range(3))
        account = on_road.account("proxied", relay)

        def routed(**body: Any) -> dict[str, Any]:
            queue_id = on_road.submit(account, **body)["queueId"]
            sent = on_road.receiver.wait_for("messageSent", queueId=queue_id)
            found = sent.data["networkRouting"]
            assert isinstance(found, dict)
            return found

        target = f"127.0.0.1:{relay.port}"
        try:
            on_road.server.ok(
                "POST",
                "/v1/settings",
                {"proxyEnabled": True, "proxyUrl": general.url("g", "topsy")},
            )
            assert routed()["proxy"] == f"http://******@127.0.0.1:{general.port}"
            on_road.server.ok("PUT", f"/v1/account/{account}", {"proxy": own.url("o", "turvy")})
            assert routed()["proxy"] == f"http://******@127.0.0.1:{own.port}"
            told = routed(proxy=single.url("s", "inside"), localAddress="127.0.0.8")
            assert told == {
                "proxy": f"http://******@127.0.0.1:{single.port}",
                "localAddress": "127.0.0.8",
            }
        finally:
            on_road.server.ok("POST", "/v1/settings", {"proxyEnabled": False})
        assert [general.targets, own.targets, single.targets] == [[target], [target], [target]]
        assert single.peers == ["127.0.0.8"]
        shown = on_road.server.ok("GET", f"/v1/account/{account}")
        assert "turvy" not in str(shown)
        waiting = on_road.submit(
            account, proxy=single.url("s", "inside"), sendAt="2099-01-01T00:00:00Z"
        )["queueId"]
        entry = on_road.server.ok("GET", f"/v1/outbox/{waiting}")
        assert "inside" not in str(entry) and str(single.port) in entry["proxy"]
        assert on_road.server.ok("DELETE", f"/v1/outbox/{waiting}")["deleted"] is True
    for password in ("topsy", "turvy", "inside"):
        assert password not in on_road.server.log
        assert not any(password.encode() in d.body for d in on_road.receiver.deliveries)


def test_a_message_is_given_up_at_its_horizon_without_another_dial(tmp_path: Path) -> None:
    with ScriptedRelay({".": b"451 4.3.0 later\r\n"}) as relay, road(tmp_path) as on_road:
        server = on_road.server
        account = on_road.account("horizon", relay)
        server.ok("POST", "/v1/settings", {"deliveryHorizon": "1m", "deliveryAttempts": 1})
        queue_id = on_road.submit(account)["queueId"]
        counted = on_road.submit(account, deliveryAttempts=1)["queueId"]
        error = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id)
        assert error.data["job"]["nextAttempt"]  # the clock ends it, not the count
        error = on_road.receiver.wait_for("messageDeliveryError", queueId=counted)
        assert error.data["job"]["nextAttempt"] is False
        server.stop()
        dials = len(relay.messages)
        # A minute later.
        query(
            server,
            "UPDATE submission SET expires_at = expires_at - 60000, next_attempt_at = 0"
            " WHERE queue_id = ?",
            queue_id,
        )
        server.start()
        failed = on_road.receiver.wait_for("messageFailed", queueId=queue_id)
        assert "451 4.3.0 later" in failed.data["error"]
        assert len(relay.messages) == dials
        server.ok("POST", "/v1/settings", {"deliveryHorizon": None, "deliveryAttempts": 3})
        waiting = on_road.submit(account, sendAt="2099-01-01T00:00:00Z")["queueId"]
        assert server.ok("GET", f"/v1/outbox/{waiting}")["attempts"] == 3


def test_the_outbox_lists_what_waits_before_what_failed(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {".": b"554 5.7.1 no\r\n"}
    with ScriptedRelay(answers) as refusing, ScriptedRelay({"CONN": Fault.HANG}) as hanging:
        with road(tmp_path, env={"POSTROAD_STOP_GRACE": "1s"}) as on_road:
            failed = on_road.submit(on_road.account("no", refusing))["queueId"]
            on_road.receiver.wait_for("messageFailed", queueId=failed)
            active = on_road.submit(on_road.account("hangs", hanging))["queueId"]
            delayed = [
                on_road.submit("no", sendAt=f"20{year}-01-01T00:00:00Z")["queueId"]
                for year in (99, 98, 97)
            ]
            on_road.server.wait_until(lambda: hanging.peers, 10, "one is under way")
            listed = on_road.server.ok("GET", "/v1/outbox?pageSize=3")
            assert (listed["total"], listed["page"], listed["pages"]) == (5, 0, 2)
            rest = on_road.server.ok("GET", "/v1/outbox?pageSize=3&page=1")["messages"]
            order = [entry["queueId"] for entry in (*listed["messages"], *rest)]
            assert order == [*reversed(delayed), active, failed]
            assert on_road.server.ok("GET", "/v1/outbox?page=7")["messages"] == []
