"""The whole round: submit, the relay's 250, its bounce in the mailbox, messageBounce about it.

With a real Postfix and a real Exim as the relay, which hand their reports to a real Dovecot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from postroad.domain.suppression import RESERVED_LIST
from support import exim, postfix
from support.dovecot import Dovecot
from support.receiver import Delivery
from support.road import Listening, Road, query, road
from support.sink import Sink

pytestmark = pytest.mark.integration

HOME = "example.com"  # where the accounts of the road have their addresses


@dataclass(frozen=True)
class Returning:
    """An account whose relay bounces."""

    road: Road
    dovecot: Dovecot
    account: str

    @property
    def address(self) -> str:
        return f"{self.account}@{HOME}"

    def submit(self, **body: Any) -> dict[str, Any]:
        return self.road.submit(self.account, **body)

    def wait_for(self, event: str, **data: Any) -> Delivery:
        return self.road.receiver.wait_for(event, **data)

    def receive(self, *lines: str, sender: str = "x@example.net") -> None:
        """A mail comes in."""
        mail = "\r\n".join((f"To: {self.address}", *lines, "")).encode()
        self.dovecot.deliver(self.address, mail, sender=sender)


@contextmanager
def bouncing(name: str, sink: Sink, dovecot: Dovecot) -> Iterator[Listening]:
    """A mail server that relays to ``sink`` and delivers its reports to ``dovecot``."""
    if name == "postfix":
        if not postfix.is_possible():
            pytest.skip(postfix.MISSING)
        home = (HOME, dovecot.lmtp_port)
        with postfix.postfix(sink.host, sink.port, home=home) as relay:
            yield relay
    else:
        if not exim.is_possible():
            pytest.skip(exim.MISSING)
        with exim.exim(
            sink.host, sink.port, home_domain=HOME, lmtp_port=dovecot.lmtp_port
        ) as other:
            yield other


@pytest.fixture(scope="module", params=["postfix", "exim"])
def returning(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    dovecot: Dovecot,
    sink: Sink,
) -> Iterator[Returning]:
    with (
        bouncing(request.param, sink, dovecot) as relay,
        road(tmp_path_factory.mktemp("returns")) as on_road,
    ):
        on_road.server.ok("POST", "/v1/settings", {"webhookEvents": ["*", "messageReply"]})
        user = f"{request.param}@{HOME}"
        imap = {
            "auth": {"user": user, "pass": dovecot.password},
            "host": "localhost",
            "port": dovecot.port,
            "tls": {"ca": dovecot.ca},
        }
        account = on_road.account(request.param, relay, imap=imap)
        on_road.server.wait_connected(account)
        yield Returning(on_road, dovecot, account)


def test_a_bounce_tells_which_submission_it_is_about(returning: Returning) -> None:
    sent = returning.submit(to={"address": "reject.1@dest.example"}, subject="To nobody")

    bounce = returning.wait_for("messageBounce", messageId=sent["messageId"])

    accepted = returning.wait_for("messageSent", queueId=sent["queueId"])
    assert accepted.data["messageId"] == sent["messageId"]
    assert "path" not in bounce.payload
    assert bounce.data["recipient"] == "reject.1@dest.example"
    assert bounce.data["action"] == "failed"
    assert bounce.data["response"]["message"].endswith("550 5.1.1 no such user")
    assert bounce.data["bounce"]["type"] == "hard"
    assert bounce.data["bounce"]["reason"] == "user_unknown"
    assert bounce.data["reportingMta"] == "relay.example"
    assert bounce.data["messageHeaders"]["subject"] == ["To nobody"]
    submission = bounce.data["submission"]
    assert submission["queueId"] == sent["queueId"]
    assert submission["messageId"] == sent["messageId"]
    assert submission["matchedBy"] == "messageId"
    new = returning.wait_for("messageNew", id=bounce.data["bounceMessage"])
    assert new.payload["path"] == "INBOX"
    assert new.data["isBounce"] is True
    assert new.data["relatedMessageId"] == sent["messageId"]
    assert "isAutoReply" not in new.data
    path = f"/v1/account/{returning.account}/message/{bounce.data['bounceMessage']}"
    assert "isAutoReply" not in returning.road.server.ok("GET", path)
    deliveries = returning.road.receiver.deliveries
    assert deliveries.index(new) < deliveries.index(bounce)


def test_the_bounce_is_shown_with_the_message_in_sent(returning: Returning) -> None:
    sent = returning.submit(to={"address": "reject.2@dest.example"}, subject="Shown")
    bounce = returning.wait_for("messageBounce", messageId=sent["messageId"])
    server = returning.road.server

    def copies() -> list[dict[str, Any]]:
        path = f"/v1/account/{returning.account}/messages?path=Sent"
        found = server.ok("GET", path)["messages"]
        return [one for one in found if one["messageId"] == sent["messageId"]]

    (copy,) = server.wait_until(copies, 20, "the copy in Sent")

    (shown,) = copy["bounces"]
    assert shown["message"] == bounce.data["bounceMessage"]
    assert (shown["recipient"], shown["action"]) == ("reject.2@dest.example", "failed")
    assert "no such user" in shown["response"]["message"]
    details = server.ok("GET", f"/v1/account/{returning.account}/message/{copy['id']}")
    assert details["bounces"] == copy["bounces"]


def test_each_recipient_that_failed_is_told_and_the_others_are_not(returning: Returning) -> None:
    names = ["reject.a@dest.example", "fine@dest.example", "reject.b@dest.example"]
    sent = returning.submit(to=[{"address": name} for name in names])

    for name in (names[0], names[2]):
        told = returning.wait_for("messageBounce", messageId=sent["messageId"], recipient=name)
        assert told.data["submission"]["queueId"] == sent["queueId"]

    receiver = returning.road.receiver
    assert not receiver.of("messageBounce", recipient="fine@dest.example")
    assert not receiver.of("messageFailed", queueId=sent["queueId"])


def test_the_last_of_many_recipients_is_led_to_his_message(returning: Returning) -> None:
    names = [f"r{number}@dest.example" for number in range(250)] + ["reject.late@dest.example"]
    server = returning.road.server
    server.ok("POST", "/v1/settings", {"suppressionRules": "hardBounces"})

    sent = returning.submit(to=[{"address": name} for name in names], tags=["many"])

    told = returning.wait_for("messageBounce", messageId=sent["messageId"])
    assert told.data["submission"]["queueId"] == sent["queueId"]
    assert told.data["submission"]["tags"] == ["many"]
    (entry,) = server.ok("GET", f"/v1/blocklist/{RESERVED_LIST}")["addresses"]
    assert entry["recipient"] == names[-1]
    server.ok("POST", "/v1/settings", {"suppressionRules": "off"})


def test_what_bounced_is_kept_with_the_submission(returning: Returning) -> None:
    sent = returning.submit(to={"address": "reject.kept@dest.example"})
    returning.wait_for("messageBounce", messageId=sent["messageId"])

    rows = query(
        returning.road.server,
        "SELECT kind, account, recipient, type, reason FROM returned WHERE queue_id = ?",
        sent["queueId"],
    )
    events = query(
        returning.road.server,
        "SELECT name FROM event WHERE queue_id = ? ORDER BY seq",
        sent["queueId"],
    )

    assert rows == [
        ("bounce", returning.account, "reject.kept@dest.example", "hard", "user_unknown")
    ]
    assert events == [("messageSent",), ("messageBounce",)]


def test_what_became_of_a_message_is_shown_on_the_command_line(returning: Returning) -> None:
    names = [f"{who}.trace@dest.example" for who in ("reject", "away", "human")]
    sent = returning.submit(to=[{"address": name} for name in names])
    returning.wait_for("messageBounce", messageId=sent["messageId"])
    for name, *fields in ((names[1], "Auto-Submitted: auto-replied"), (names[2],)):
        own_id = f"<{name}.{sent['queueId']}>"
        answered = f"In-Reply-To: {sent['messageId']}"
        returning.receive(f"From: {name}", f"Message-ID: {own_id}", answered, *fields, "", "Hm.")
        returning.wait_for("messageNew", messageId=own_id)

    by_queue_id = returning.road.server.printed("trace", sent["queueId"])
    by_message_id = returning.road.server.printed("trace", sent["messageId"])

    assert by_queue_id == by_message_id
    head, _, steps = by_queue_id.partition("\n\n")
    assert f"account        {returning.account}\n" in head
    assert f"message id     {sent['messageId']}\n" in head
    assert f"to             {', '.join(names)}\n" in head
    told = [line.split(maxsplit=3)[2:] for line in steps.splitlines()[1:]]
    assert [what for what, _ in told] == [
        "messageSent",
        "messageBounce",
        "messageNew",
        "messageReply",
    ]
    assert told[0][1].startswith("250 ")
    assert told[1][1].startswith(f"{names[0]}  hard user_unknown ")
    assert told[2][1].split(maxsplit=1) == [names[1], "automatic answer"]
    assert told[3][1] == names[2]


def test_a_bounce_that_names_nothing_is_led_by_the_address_that_it_came_to(
    returning: Returning,
) -> None:
    server = returning.road.server
    server.ok("POST", "/v1/settings", {"taggedReturnPath": True})
    try:
        bounced = returning.submit(to={"address": "reject.tag@dest.example"})
        arrived = returning.submit(to={"address": "fine.tag@dest.example"})
        alias = returning.submit(
            **{"from": {"address": f"alias@{HOME}"}}, to={"address": "fine.tag@dest.example"}
        )
    finally:
        server.ok("POST", "/v1/settings", {"taggedReturnPath": False})
    tagged = f"{returning.account}+{arrived['queueId']}@{HOME}"
    accepted = returning.wait_for("messageSent", queueId=arrived["queueId"])
    assert accepted.data["envelope"]["from"] == tagged
    other = returning.wait_for("messageSent", queueId=alias["queueId"])
    assert other.data["envelope"]["from"] == f"alias@{HOME}"

    # The relay's own bounce comes to the tagged address, which is the account's mailbox.
    real = returning.wait_for("messageBounce", messageId=bounced["messageId"])
    returning.dovecot.deliver(
        tagged,
        "\r\n".join(
            (
                f"To: {tagged}",
                "From: MAILER-DAEMON@mx.dest.example",
                "Subject: failure notice",
                f"Message-ID: <tag.{arrived['queueId']}@mx.dest.example>",
                "",
                "Hi. This is the qmail-send program at mx.dest.example.",
                "",
                "<forwarded@third.example>:",
                "192.0.2.1 does not like recipient.",
                "Remote host said: 550 no such user",
                "Giving up on 192.0.2.1.",
                "",
            )
        ).encode(),
        sender="",
    )
    bare = returning.wait_for("messageBounce", recipient="forwarded@third.example")

    assert real.data["submission"]["queueId"] == bounced["queueId"]
    new = returning.wait_for("messageNew", id=real.data["bounceMessage"])
    assert new.data["to"][0]["address"] == f"{returning.account}+{bounced['queueId']}@{HOME}"
    assert bare.data["messageId"] is None
    assert bare.data["submission"]["queueId"] == arrived["queueId"]
    assert bare.data["submission"]["matchedBy"] == "returnPath"


def test_a_person_who_answers_is_told_with_what_was_answered(returning: Returning) -> None:
    sent = returning.submit(to={"address": "human@dest.example"}, subject="Lunch?")
    returning.wait_for("messageSent", queueId=sent["queueId"])

    returning.receive(
        "From: Human <human@dest.example>",
        "Subject: Re: Lunch?",
        f"Message-ID: <answer.{sent['queueId']}@dest.example>",
        f"In-Reply-To: {sent['messageId']}",
        "",
        "Yes!",
    )

    reply = returning.wait_for("messageReply", relatedMessageId=sent["messageId"])
    assert reply.payload["path"] == "INBOX"
    assert reply.data["from"]["address"] == "human@dest.example"
    assert reply.data["submission"]["queueId"] == sent["queueId"]


def test_a_machine_that_answers_is_no_reply_and_names_the_submission(returning: Returning) -> None:
    sent = returning.submit(to={"address": "away@dest.example"}, subject="Lunch?")
    returning.wait_for("messageSent", queueId=sent["queueId"])

    returning.receive(
        "From: away@dest.example",
        "Subject: Out of office",
        f"Message-ID: <away.{sent['queueId']}@dest.example>",
        "Auto-Submitted: auto-replied",
        "",
        "I am on an island.",
        sender="",
    )

    new = returning.wait_for("messageNew", messageId=f"<away.{sent['queueId']}@dest.example>")
    assert new.data["isAutoReply"] is True
    assert new.data["submission"]["queueId"] == sent["queueId"]
    assert new.data["submission"]["matchedBy"] == "recipient"
    assert not returning.road.receiver.of("messageReply", relatedMessageId=sent["messageId"])


def test_a_complaint_is_told_with_the_message_that_was_complained_of(returning: Returning) -> None:
    sent = returning.submit(to={"address": "annoyed@dest.example"}, subject="Offer")
    returning.wait_for("messageSent", queueId=sent["queueId"])

    returning.receive(
        "From: <abusedesk@dest.example>",
        "Subject: FW: Offer",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b",
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "This is an email abuse report.",
        "--b",
        "Content-Type: message/feedback-report",
        "",
        "Feedback-Type: abuse",
        "User-Agent: SomeGenerator/1.0",
        "Version: 1",
        "Original-Rcpt-To: <annoyed@dest.example>",
        "Source-IP: 192.0.2.1",
        "--b",
        "Content-Type: message/rfc822",
        "",
        f"From: <{returning.address}>",
        "To: <annoyed@dest.example>",
        "Subject: Offer",
        f"Message-ID: {sent['messageId']}",
        "",
        "Buy!",
        "--b--",
    )

    found = returning.road.server.wait_until(
        lambda: [
            one
            for one in returning.road.receiver.of("messageComplaint")
            if one.data["headers"]["messageId"] == sent["messageId"]
        ],
        20,
        "messageComplaint",
    )
    (complaint,) = found
    assert complaint.data["arf"] == {
        "feedbackType": "abuse",
        "userAgent": "SomeGenerator/1.0",
        "version": "1",
        "originalRcptTo": ["annoyed@dest.example"],
        "sourceIp": "192.0.2.1",
    }
    assert complaint.data["submission"]["queueId"] == sent["queueId"]
    new = returning.wait_for("messageNew", id=complaint.data["complaintMessage"])
    assert new.data["isComplaint"] is True
    assert new.data["relatedMessageId"] == sent["messageId"]
