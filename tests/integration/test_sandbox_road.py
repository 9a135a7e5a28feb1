"""The sandbox behind the whole program: what a team sees that tries it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postroad.domain.message_id import pack_message
from support.receiver import Receiver
from support.server import Server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sandbox")
    with Server(folder, env={"POSTROAD_SANDBOX_SLOW": "300ms"}) as running:
        running.ok(
            "POST",
            "/v1/settings",
            {"webhooksEnabled": True, "webhooks": receiver.url, "webhookEvents": ["*"]},
        )
        for name in ("me", "you"):
            running.ok(
                "POST",
                "/v1/account",
                {"account": name, "name": name, "email": f"{name}@s.test", "type": "sandbox"},
            )
            running.wait_connected(name)
        yield running


def submit(server: Server, to: str, **more: object) -> str:
    body = {"to": {"address": to}, "subject": "Hello", "text": "Hi", **more}
    account = str(body.pop("account", "me"))
    return str(server.ok("POST", f"/v1/account/{account}/submit", body)["queueId"])


def mailbox(server: Server, account: str, path: str = "INBOX") -> str:
    """The newest message as it is listed; the head of the table when there is none."""
    return server.cli("accounts", "mail", account, path, "--limit", "1")


def test_sandbox_account_is_shown_as_what_it_is(server: Server) -> None:
    shown = server.ok("GET", "/v1/account/me")
    assert (shown["type"], shown["state"]) == ("sandbox", "connected")


def test_message_is_answered_from_the_recipients_mailbox(
    server: Server, receiver: Receiver
) -> None:
    receiver.wait_for("messageSent", queueId=submit(server, "you@s.test"))
    server.wait_until(lambda: "Hello" in mailbox(server, "you"), 10, "it has arrived")
    message = mailbox(server, "you").split()[0]
    assert message == pack_message(1, 1)
    reply = submit(
        server,
        "me@s.test",
        account="you",
        subject="Re: mine",
        reference={"message": message, "action": "reply"},
    )
    receiver.wait_for("messageSent", queueId=reply)
    server.wait_until(lambda: "Re: mine" in mailbox(server, "me"), 10, "the answer has arrived")
    server.wait_until(lambda: "\\Answered" in mailbox(server, "you"), 10, "the flag is set")
    server.wait_until(lambda: "\\Seen" in mailbox(server, "you", "Sent"), 10, "it is filed")


def test_deferred_message_stays_in_the_outbox_with_its_reason(
    server: Server, receiver: Receiver
) -> None:
    queue_id = submit(server, "defer@anywhere.test")
    error = receiver.wait_for("messageDeliveryError", queueId=queue_id)
    assert error.data["smtpResponseCode"] == 451
    assert error.data["job"]["nextAttempt"]
    assert server.ok("GET", f"/v1/outbox/{queue_id}")["attemptsMade"] == 1
    assert server.ok("DELETE", f"/v1/outbox/{queue_id}") == {"deleted": True}


def test_slow_recipient_takes_its_time(server: Server, receiver: Receiver) -> None:
    sent = receiver.wait_for("messageSent", queueId=submit(server, "slow@anywhere.test"))
    assert str(sent.data["response"]).startswith("250 2.0.0 Ok: queued in the sandbox as ")


def test_bounce_comes_back_as_a_report(server: Server, receiver: Receiver) -> None:
    queue_id = submit(server, "bounce@anywhere.test")
    sent = receiver.wait_for("messageSent", queueId=queue_id)
    server.wait_until(
        lambda: "Undelivered Mail" in mailbox(server, "me"), 10, "the report has arrived"
    )
    bounce = receiver.wait_for("messageBounce", messageId=sent.data["messageId"])
    assert bounce.data["recipient"] == "bounce@anywhere.test"
    assert bounce.data["bounce"]["reason"] == "user_unknown"
    assert bounce.data["submission"]["queueId"] == queue_id
    new = receiver.wait_for("messageNew", id=bounce.data["bounceMessage"])
    assert new.data["isBounce"] is True


def test_refused_recipient_among_others_is_told(server: Server, receiver: Receiver) -> None:
    to = [{"address": "reject@x.test"}, {"address": "you@s.test"}]
    queue_id = server.ok(
        "POST", "/v1/account/me/submit", {"to": to, "subject": "Both", "text": "x"}
    )["queueId"]
    receiver.wait_for("messageSent", queueId=queue_id)
    server.wait_until(lambda: "Both" in mailbox(server, "you"), 10, "the other one got it")
