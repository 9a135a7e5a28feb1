"""The founding page's examples, with curl, against real mail servers.

Only host, addresses and ids differ from the page. Dovecot holds the mailbox, Postfix is the
account's relay.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from postroad.domain.message_id import pack_message
from support.dovecot import Dovecot
from support.postfix import MISSING, PASSWORD, USER, Postfix, is_possible, postfix
from support.receiver import Receiver
from support.server import Server
from support.sink import Sink

pytestmark = pytest.mark.integration

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEUAAAD///+l2Z/dAAAAM0lEQVR4nGP4/5/h"
    "/1+G/58ZDrAz3D/McH8yw83NDDeNGe4Ug9C9zwz3gVLMDA/A6P9/AFGGFyjOXZtQAAAAAElFTkSuQmCC"
)
QUEUE_ID = re.compile(r"^[0-9a-f]{19}$")
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def server(
    tmp_path: Path, dovecot: Dovecot, relay: Postfix, receiver: Receiver
) -> Iterator[Server]:
    with Server(tmp_path) as running:
        running.ok(
            "POST",
            "/v1/settings",
            {"webhooksEnabled": True, "webhooks": receiver.url, "webhookEvents": ["*"]},
        )
        running.ok(
            "POST",
            "/v1/account",
            {
                "account": "example",
                "name": "Example Sender",
                "email": "sender@example.com",
                "imap": {
                    "auth": {"user": "example", "pass": dovecot.password},
                    "host": "localhost",
                    "port": dovecot.port,
                    "secure": False,
                    "tls": {"ca": dovecot.ca},
                },
                "smtp": {
                    "auth": {"user": USER, "pass": PASSWORD},
                    "host": "localhost",
                    "port": relay.submission_port,
                    "secure": False,
                    "tls": {"ca": relay.ca},
                },
            },
        )
        running.wait_connected("example")
        yield running


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def relay(sink: Sink) -> Iterator[Postfix]:
    if not is_possible():
        pytest.skip(MISSING)
    with postfix(sink.host, sink.port) as running:
        yield running


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as running:
        yield running


def curl(server: Server, body: str) -> Any:
    """The page's command line, with our port and a token."""
    done = subprocess.run(
        [
            "curl", "-sS", "-XPOST", f"{server.url}/v1/account/example/submit",
            "-H", "content-type: application/json",
            "-H", f"authorization: Bearer {server.token}",
            "-d", body,
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_reply_is_queued_relayed_filed_and_flagged(
    server: Server, dovecot: Dovecot, sink: Sink, receiver: Receiver
) -> None:
    original = (
        b"From: Andris Reinman <andris@example.net>\r\nTo: sender@example.com\r\n"
        b"Subject: Hello there\r\nMessage-ID: <original@example.net>\r\n"
        b"Date: Mon, 16 Aug 2021 15:00:00 +0000\r\n\r\nHow are you?\r\n"
    )
    dovecot.deliver("example", original)
    # INBOX is the first mailbox that an account meets, so its number is 1, as on the page.
    message = pack_message(1, 1)

    answer = curl(
        server,
        """{
    "reference": {
        "message": "AAAAAQAAP1w",
        "action": "reply"
    },
    "from": {
        "name": "Example Sender",
        "address": "sender@example.com"
    },
    "to": [{
        "name": "Andris Reinman",
        "address": "andris@example.net"
    }],
    "text": "test",
    "html": "<p>test</p>",
    "attachments": [
        {
            "filename": "checkmark.png",
            "content": "PNG"
        }
    ]
}""".replace("AAAAAQAAP1w", message).replace("PNG", PNG),
    )

    assert answer["response"] == "Queued for delivery"
    assert QUEUE_ID.match(answer["queueId"])
    assert ISO.match(answer["sendAt"])
    assert re.fullmatch(r"<[^<>@\s]+@example\.com>", answer["messageId"])
    assert answer["reference"]["success"] is True

    sent = receiver.wait_for("messageSent", queueId=answer["queueId"])
    assert list(sent.payload) == ["serviceUrl", "account", "date", "event", "data"]
    assert sent.payload["account"] == "example"
    assert ISO.match(sent.payload["date"])
    assert sent.data["messageId"] == answer["messageId"]
    assert sent.data["response"].startswith("250 2.0.0 Ok: queued as ")
    assert sent.data["envelope"] == {"from": "sender@example.com", "to": ["andris@example.net"]}

    relayed = parse(wait_for_arrival(server, sink, answer["messageId"]))
    filed = parse(wait_for_filed(server, dovecot, "Sent", answer["messageId"]))
    for mail in (relayed, filed):
        assert mail["Subject"] == "Re: Hello there"
        assert mail["In-Reply-To"] == "<original@example.net>"
        assert mail["References"] == "<original@example.net>"
        image = next(iter(mail.iter_attachments()))
        assert image.get_filename() == "checkmark.png"
        assert image.get_content_type() == "image/png"
        assert image.get_content()[:4] == b"\x89PNG"
    server.wait_until(
        lambda: "\\Answered" in find(dovecot, "INBOX", "<original@example.net>")[1],
        10,
        "the original is flagged",
    )
    assert "\\Seen" in find(dovecot, "Sent", answer["messageId"])[1]


def test_a_scheduled_message_waits_in_the_outbox_and_leaves_in_time(
    server: Server, sink: Sink, receiver: Receiver
) -> None:
    due = datetime.now(UTC) + timedelta(seconds=4)
    send_at = due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    answer = curl(
        server,
        """{
    "from": {
        "name": "Example Sender",
        "address": "sender@example.com"
    },
    "to": [{
        "name": "Andris Reinman",
        "address": "andris@example.net"
    }],
    "subject": "Scheduled email",
    "text": "test",
    "html": "<p>test</p>",
    "sendAt": "2021-08-18T06:42:25.408Z"
}""".replace("2021-08-18T06:42:25.408Z", send_at),
    )
    assert answer["sendAt"] == send_at

    outbox = server.ok("GET", "/v1/outbox")
    assert [m["queueId"] for m in outbox["messages"]] == [answer["queueId"]]
    assert outbox["messages"][0]["scheduled"] == send_at
    assert outbox["messages"][0]["progress"]["status"] == "queued"
    assert server.ok("GET", f"/v1/outbox/{answer['queueId']}")["subject"] == "Scheduled email"

    receiver.wait_for("messageSent", queueId=answer["queueId"])
    arrived = time.time()
    assert due.timestamp() <= arrived <= due.timestamp() + 3
    assert (
        parse(wait_for_arrival(server, sink, answer["messageId"]))["Subject"] == "Scheduled email"
    )
    server.wait_until(
        lambda: server.ok("GET", "/v1/outbox")["total"] == 0, 10, "it has left the outbox"
    )


def test_a_refused_message_is_told_by_webhook(server: Server, receiver: Receiver) -> None:
    answer = curl(
        server,
        '{"from": {"address": "sender@example.com"},'
        ' "to": [{"address": "reject@example.net"}], "subject": "No", "text": "test"}',
    )
    error = receiver.wait_for("messageDeliveryError", queueId=answer["queueId"])
    assert error.data["smtpResponseCode"] == 550
    assert error.data["job"]["nextAttempt"] is False
    failed = receiver.wait_for("messageFailed", queueId=answer["queueId"])
    assert failed.data["messageId"] == answer["messageId"]
    assert failed.data["error"].startswith("Error: ")


def find(dovecot: Dovecot, mailbox: str, message_id: str) -> tuple[bytes, tuple[str, ...]]:
    """Octets and flags of the message with that Message-ID; empty when it is not there."""
    for octets, flags in dovecot.messages("example", mailbox):
        if parse(octets)["Message-ID"] == message_id:
            return octets, flags
    return b"", ()


def wait_for_filed(server: Server, dovecot: Dovecot, path: str, message_id: str) -> bytes:
    found = server.wait_until(
        lambda: find(dovecot, path, message_id)[0], 15, f"the copy is in {path}"
    )
    assert isinstance(found, bytes)
    return found


def wait_for_arrival(server: Server, sink: Sink, message_id: str) -> bytes:
    """The mail as it came out at the other end of the relay."""
    found = server.wait_until(
        lambda: next((mail for mail in sink.mails if message_id.encode() in mail), None),
        15,
        f"{message_id} has passed the relay",
    )
    assert isinstance(found, bytes)
    return found


def parse(octets: bytes) -> EmailMessage:
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail
