"""Webhooks as a receiver sees them, sent by the whole program. EVENTS §1, §4 to §6."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.receiver import Delivery, Receiver
from support.road import Road, new_server, road, tell
from support.sink import Sink

pytestmark = pytest.mark.integration


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def on_road(tmp_path: Path) -> Iterator[Road]:
    with road(tmp_path) as running:
        yield running


def is_signed(delivery: Delivery, secret: str) -> bool:
    mac = hmac.new(secret.encode(), delivery.body, hashlib.sha256).digest()
    wanted = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    return delivery.headers["x-ee-wh-signature"] == wanted


def test_a_delivery_says_what_it_is_and_proves_whose_it_is(on_road: Road, sink: Sink) -> None:
    secret = "ab" * 16
    on_road.server.ok(
        "POST",
        "/v1/settings",
        {
            "serviceSecret": secret,
            "serviceUrl": "https://mail.example.org/path",
            "webhooksCustomHeaders": [
                {"key": "X-Tenant", "value": "blue"},
                {"key": "User-Agent", "value": "mine"},
            ],
            "webhooks": on_road.receiver.url.replace("http://", "http://us%40er:p%20w@"),
        },
    )
    queue_id = on_road.submit(on_road.account("a", sink))["queueId"]
    sent = on_road.receiver.wait_for("messageSent", queueId=queue_id)
    assert is_signed(sent, secret)
    assert sent.payload["serviceUrl"] == "https://mail.example.org"
    assert "eventId" not in sent.payload
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["authorization"] == "Basic " + base64.b64encode(b"us@er:p w").decode()
    assert sent.headers["x-ee-wh-attempts-made"] == "0"
    assert sent.headers["x-ee-wh-queued-time"].endswith("s")
    assert sent.headers["x-ee-wh-id"]
    assert uuid.UUID(sent.headers["x-ee-wh-event-id"]).version == 4
    assert sent.headers["x-tenant"] == "blue" and sent.headers["user-agent"] == "mine"
    ids = [delivery.headers["x-ee-wh-event-id"] for delivery in on_road.receiver.deliveries]
    assert len(set(ids)) == len(ids)


def test_events_of_an_account_come_in_order_at_its_own_address(on_road: Road, sink: Sink) -> None:
    with Receiver() as own:
        on_road.account(
            "own", sink, webhooks=own.url, webhooksCustomHeaders=[{"key": "X-Mine", "value": "1"}]
        )
        on_road.account("other", sink)
        queued = [on_road.submit("own", deliveryAttempts=1)["queueId"] for _ in range(30)]
        refused = on_road.submit("own", to={"address": "reject@example.net"})["queueId"]
        other = on_road.submit("other")["queueId"]
        own.wait_for("messageFailed", queueId=refused)
        on_road.receiver.wait_for("messageSent", queueId=other)
        on_road.server.wait_until(lambda: len(own.of("messageSent")) == 30, 10, "all have come")
        assert {d.data["queueId"] for d in own.of("messageSent")} == set(queued)
        about = [d.event for d in own.deliveries if d.payload["data"].get("queueId") == refused]
        assert about == ["messageDeliveryError", "messageFailed"]
        dates = [delivery.payload["date"] for delivery in own.deliveries]
        assert dates == sorted(dates)
        assert own.deliveries[0].event == "accountAdded"
        assert all(delivery.headers["x-mine"] == "1" for delivery in own.deliveries)
        assert all(d.payload["account"] == "other" for d in on_road.receiver.deliveries)
        counters = on_road.server.ok("GET", "/v1/account/own")["counters"]["events"]
        assert counters["messageSent"] == 30 and counters["messageFailed"] == 1
        on_road.server.ok("DELETE", "/v1/account/own")
        # The account's own address is gone with it.
        on_road.receiver.wait_for("accountDeleted", account="own")


def test_a_receiver_that_refuses_is_asked_again_with_the_same_event(
    on_road: Road, sink: Sink
) -> None:
    on_road.receiver.status = 503
    queue_id = on_road.submit(on_road.account("a", sink))["queueId"]
    first = on_road.receiver.wait_for("messageSent", queueId=queue_id)
    on_road.receiver.status = 204
    on_road.server.wait_until(lambda: len(on_road.receiver.deliveries) == 4, 10, "both repeats")
    added, sent = on_road.receiver.of("accountAdded"), on_road.receiver.of("messageSent")
    assert (len(added), len(sent)) == (2, 2)
    again = sent[1]
    assert again.headers["x-ee-wh-attempts-made"] == "1"
    assert again.headers["x-ee-wh-event-id"] == first.headers["x-ee-wh-event-id"]
    assert again.body == first.body
    for one, two in (added, sent):  # the second is not kept waiting by the first
        assert 3.9 <= two.at - one.at <= 5.6


def test_only_listed_events_are_sent_and_none_while_switched_off(on_road: Road, sink: Sink) -> None:
    on_road.account("a", sink)
    on_road.receiver.wait_for("accountAdded")
    on_road.server.ok("POST", "/v1/settings", {"webhookEvents": ["messageFailed"]})
    on_road.submit("a")
    refused = on_road.submit("a", to={"address": "reject@example.net"})["queueId"]
    on_road.receiver.wait_for("messageFailed", queueId=refused)
    assert {d.event for d in on_road.receiver.deliveries} == {"accountAdded", "messageFailed"}
    on_road.server.ok("POST", "/v1/settings", {"webhooksEnabled": False, "webhookEvents": ["*"]})
    on_road.submit("a", messageId="<unheard@example.com>")
    on_road.server.wait_until(
        lambda: sink.counts["<unheard@example.com>"] == 1, 10, "it was relayed"
    )
    time.sleep(0.5)
    on_road.server.ok("POST", "/v1/settings", {"webhooksEnabled": True})
    heard = on_road.submit("a")["queueId"]
    on_road.receiver.wait_for("messageSent", queueId=heard)
    assert not on_road.receiver.of("messageSent", messageId="<unheard@example.com>")


def test_addresses_that_the_policy_forbids_are_never_dialed(tmp_path: Path, sink: Sink) -> None:
    env = {"POSTROAD_WEBHOOK_EGRESS_POLICY": "private"}
    with road(tmp_path, env=env) as on_road:
        on_road.account("a", sink)
        on_road.submit("a", messageId="<sent@example.com>")
        on_road.server.wait_until(
            lambda: "EEGRESSBLOCKED" in on_road.server.log, 10, "the refusal is in the log"
        )
        assert on_road.receiver.deliveries == []
        on_road.server.wait_until(
            lambda: sink.counts["<sent@example.com>"] == 1, 10, "mail is sent all the same"
        )


def test_a_kill_during_a_delivery_brings_the_event_again(tmp_path: Path, sink: Sink) -> None:
    server = new_server(tmp_path)

    class Killing(Receiver):
        """Ends the server at ``messageSent``, before it answers."""

        has_killed = False

        def answer(self) -> None:
            if not self.has_killed and self.of("messageSent") and server.process is not None:
                self.has_killed = True
                os.killpg(server.process.pid, signal.SIGKILL)

        def __getattribute__(self, name: str) -> object:
            if name == "status":  # asked for when the answer is written
                self.answer()
            return super().__getattribute__(name)

    with Killing() as receiver, server:
        on_road = Road(server, receiver)
        tell(server, receiver)
        answer = on_road.submit(on_road.account("a", sink))
        first = receiver.wait_for("messageSent", queueId=answer["queueId"])
        assert server.process is not None
        server.process.wait(10)
        server.start()
        server.wait_until(
            lambda: len(receiver.of("messageSent", queueId=answer["queueId"])) == 2, 10, "again"
        )
        again = receiver.of("messageSent", queueId=answer["queueId"])[1]
        assert again.headers["x-ee-wh-event-id"] == first.headers["x-ee-wh-event-id"]
        assert again.body == first.body
        assert sink.counts[answer["messageId"]] == 1
