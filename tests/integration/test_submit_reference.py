"""Messages that refer to others, on a real mailbox. Contract §6, §6.1."""

from __future__ import annotations

import base64
import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from postroad.domain.message_id import pack_attachment, pack_message
from support.dovecot import Dovecot
from support.road import Road, road
from support.sink import Sink

pytestmark = pytest.mark.integration

USER = "refers"
ORIGINAL = b"""From: Ann <ann@example.net>\r
Reply-To: Desk <desk@example.net>, second@example.net\r
To: refers@example.com, Bob <bob@example.net>\r
Cc: carl@example.net, Ann <ann@example.net>\r
Bcc: hidden@example.net\r
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r
Message-ID: <orig@example.net>\r
In-Reply-To: <parent@example.net>\r
References: <root@example.net> <parent@example.net>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
body\r
--b\r
Content-Type: application/pdf; name="plan.pdf"\r
Content-Disposition: attachment; filename="plan.pdf"\r
Content-Transfer-Encoding: base64\r
\r
UERG\r
--b\r
Content-Type: image/png\r
Content-Disposition: inline; filename="=?utf-8?q?=C3=BC.png?="\r
Content-ID: <pic>\r
Content-Transfer-Encoding: base64\r
\r
iVBORw==\r
--b--\r
"""


@pytest.fixture(scope="module")
def on_road(
    tmp_path_factory: pytest.TempPathFactory, dovecot: Dovecot, sink: Sink
) -> Iterator[Road]:
    with road(tmp_path_factory.mktemp("reference")) as running:
        imap = {
            "auth": {"user": USER, "pass": dovecot.password},
            "host": "localhost",
            "port": dovecot.port,
            "tls": {"ca": dovecot.ca},
        }
        running.account(USER, sink, imap=imap)
        running.server.wait_connected(USER)
        for _ in range(4):
            dovecot.deliver(USER, ORIGINAL)
        yield running


def dry(on_road: Road, **body: Any) -> tuple[dict[str, Any], EmailMessage]:
    answer = on_road.submit(USER, dryRun=True, text="x", **body)
    assert answer["response"] == "Dry run"
    assert "queueId" not in answer and "sendAt" not in answer
    return answer, parse(base64.b64decode(answer["preview"]))


def parse(octets: bytes) -> EmailMessage:
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(mail, EmailMessage) and mail.defects == []
    return mail


def addresses(mail: EmailMessage, field: str) -> list[str]:
    found = mail[field]
    return [] if found is None else [one.addr_spec for one in found.addresses]


def test_a_reply_goes_where_the_sender_wanted_it(on_road: Road) -> None:
    answer, mail = dry(on_road, reference={"message": pack_message(1, 1)})
    assert answer["reference"] == {
        "message": pack_message(1, 1), "documentStore": False, "success": True
    }  # fmt: skip
    assert addresses(mail, "To") == ["desk@example.net", "second@example.net"]
    assert mail["Cc"] is None
    assert mail["Subject"] == "Re: Grüße"
    assert mail["In-Reply-To"] == "<orig@example.net>"
    references = ["<orig@example.net>", "<parent@example.net>", "<root@example.net>"]
    assert mail["References"].split() == references


def test_a_reply_to_all_leaves_out_the_sender_and_doubles(on_road: Road) -> None:
    reference = {"message": pack_message(1, 1), "action": "reply-all"}
    own = {"cc": {"address": "DESK@example.net"}, "bcc": {"address": "own@example.net"}}
    _, mail = dry(on_road, reference=reference, to={"address": "more@example.net"}, **own)
    assert addresses(mail, "To") == [
        "desk@example.net", "second@example.net", "bob@example.net", "more@example.net"
    ]  # fmt: skip
    assert addresses(mail, "Cc") == ["carl@example.net", "ann@example.net"]
    assert addresses(mail, "Bcc") == ["own@example.net"]
    _, mail = dry(on_road, reference=reference, subject="Something else")
    assert mail["Subject"] == "Something else"


def test_a_forward_invents_nobody_and_may_take_the_attachments(on_road: Road) -> None:
    forward = {"message": pack_message(1, 1), "action": "forward"}
    to = {"address": "boss@example.net"}
    _, mail = dry(on_road, reference=forward, to=to)
    assert mail["Subject"] == "Fwd: Grüße" and mail["In-Reply-To"] is None
    assert addresses(mail, "To") == ["boss@example.net"] and mail["Cc"] is None
    assert mail["References"].split()[0] == "<orig@example.net>"
    assert list(mail.iter_attachments()) == []
    _, mail = dry(on_road, reference=forward | {"forwardAttachments": True}, to=to)
    parts = [p for p in mail.walk() if p.get_filename() is not None]
    assert {p.get_filename(): p.get_content() for p in parts} == {
        "plan.pdf": b"PDF", "ü.png": b"\x89PNG"
    }  # fmt: skip
    assert {p.get_filename(): p.get_content_disposition() for p in parts} == {
        "plan.pdf": "attachment", "ü.png": "inline"
    }  # fmt: skip


def test_attachments_may_be_named_by_reference(on_road: Road) -> None:
    message = pack_message(1, 1)
    body = {"to": {"address": "b@example.net"}}
    _, mail = dry(on_road, attachments=[{"reference": pack_attachment(message, "2")}], **body)
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("plan.pdf", b"PDF")
    _, mail = dry(
        on_road,
        attachments=[{"reference": pack_attachment(message, "2"), "filename": "neu.pdf"}],
        **body,
    )
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "neu.pdf"
    for wrong in (pack_attachment(message, "9"), pack_attachment(pack_message(1, 999), "2"), "x"):
        status, answer = on_road.server.call(
            "POST",
            f"/v1/account/{USER}/submit",
            body | {"text": "x", "attachments": [{"reference": wrong}]},
        )
        assert (status, answer["code"]) == (404, "ReferenceNotFound"), wrong


@pytest.mark.parametrize(
    "message", [pack_message(1, 999), pack_message(77, 1), "AAAA", "nonsense-nonsense"]
)
def test_a_missing_message_is_an_error_unless_it_may_be(on_road: Road, message: str) -> None:
    body = {"to": {"address": "b@example.net"}, "text": "x"}
    status, answer = on_road.server.call(
        "POST", f"/v1/account/{USER}/submit", body | {"reference": {"message": message}}
    )
    assert (status, answer["code"]) == (404, "ReferenceNotFound")
    reference = {"message": message, "ignoreMissing": True}
    answer, mail = dry(on_road, to={"address": "b@example.net"}, reference=reference)
    told = answer["reference"]
    assert (told["message"], told["success"], told["documentStore"]) == (message, False, False)
    assert told["error"] and mail["References"] is None


def test_another_message_than_expected_is_refused(on_road: Road) -> None:
    path = f"/v1/account/{USER}/submit"
    for extra in ({}, {"ignoreMissing": True}):
        wanted = {"message": pack_message(1, 1), "messageId": "<other@example.net>", **extra}
        status, answer = on_road.server.call("POST", path, {"text": "x", "reference": wanted})
        assert (status, answer["code"]) == (404, "MessageNotFound")
    right = {"message": pack_message(1, 1), "messageId": "<orig@example.net>"}
    assert dry(on_road, reference=right)[0]["reference"]["success"] is True


def test_flags_follow_the_reference_and_nothing_else(
    on_road: Road, dovecot: Dovecot, sink: Sink
) -> None:
    raw = base64.b64encode(
        b"To: b@example.net\r\nIn-Reply-To: <orig@example.net>\r\nSubject: raw\r\n\r\nhi\r\n"
    ).decode()
    forward = {"message": pack_message(1, 2), "action": "forward"}
    answers = [
        on_road.submit(USER, reference={"message": pack_message(1, 1)}),
        on_road.submit(USER, reference=forward, to={"address": "b@example.net"}),
        on_road.submit(USER, raw=raw),
    ]
    for answer in answers:
        on_road.receiver.wait_for("messageSent", queueId=answer["queueId"])
    on_road.server.wait_until(
        lambda: "\\Answered" in dovecot.messages(USER)[1][1], 10, "the forward is flagged"
    )
    on_road.server.wait_until(lambda: len(dovecot.messages(USER, "Sent")) == 3, 10, "three copies")
    flags = [{f for f in found if f != "\\Recent"} for _, found in dovecot.messages(USER)]
    assert flags == [{"\\Answered"}, {"\\Answered", "$Forwarded"}, set(), set()]
    # A message that refers and is scheduled knows already what it refers to.
    due = datetime.now(UTC) + timedelta(seconds=1.5)
    later = on_road.submit(
        USER, reference={"message": pack_message(1, 3)}, sendAt=due.isoformat(), subject="Later"
    )
    assert "\\Answered" not in dovecot.messages(USER)[2][1]
    on_road.receiver.wait_for("messageSent", queueId=later["queueId"])
    on_road.server.wait_until(
        lambda: "\\Answered" in dovecot.messages(USER)[2][1], 10, "it is flagged"
    )
    octets = next(mail for mail in sink.mails if b"Subject: Later" in mail)
    sent = parse(octets)
    assert abs(sent["Date"].datetime.timestamp() - due.timestamp()) <= 1.0
    assert b"Bcc" not in octets


def test_a_raw_message_is_told_what_to_do_by_its_own_fields(on_road: Road, sink: Sink) -> None:
    """Contract B-099, B-100: control fields win over members and never travel."""
    raw = (
        b"From: Own <own@example.com>\r\nTo: old@example.net\r\nCc: keep@example.net\r\n"
        b"X-EE-Send-At: 2099-01-01T00:00:00Z\r\nX-EE-Delivery-Attempts: 4\r\n"
        b"X-Odd:   spaced\r\n folded\r\nSubject: old\r\n\r\nbody \xe4 octets\r\n.\r\n"
    )
    body = {
        "raw": base64.b64encode(raw).decode(), "to": [{"address": "new@example.net"}],
        "cc": [], "subject": "new", "sendAt": "2098-01-01T00:00:00Z", "deliveryAttempts": 2,
        "headers": {"X-More": "1"},
    }  # fmt: skip
    answer = on_road.submit(USER, **body)
    assert answer["sendAt"] == "2099-01-01T00:00:00.000Z"
    entry = on_road.server.ok("GET", f"/v1/outbox/{answer['queueId']}")
    assert (entry["attempts"], entry["subject"]) == (4, "new")
    assert entry["envelope"] == {"from": "own@example.com", "to": ["new@example.net"]}
    assert on_road.server.ok("DELETE", f"/v1/outbox/{answer['queueId']}")["deleted"] is True
    preview = base64.b64decode(on_road.submit(USER, dryRun=True, **body)["preview"])
    head, _, rest = preview.partition(b"\r\n\r\n")
    assert rest == b"body \xe4 octets\r\n.\r\n"
    assert b"X-EE-" not in head and b"Cc:" not in head
    assert b"X-Odd:   spaced\r\n folded\r\n" in head + b"\r\n"
    assert b"X-More: 1" in head and b"Date: " in head and b"MIME-Version: 1.0" in head


def test_an_upload_cannot_refer_to_what_a_send_only_account_has_not(
    on_road: Road, sink: Sink
) -> None:
    on_road.account("sender", sink)
    body = {"path": "Drafts", "text": "x", "reference": {"message": pack_message(1, 1)}}
    status, answer = on_road.server.call("POST", "/v1/account/sender/message", body)
    assert (status, answer["code"]) == (400, "ReferenceNotSupported")
    del body["reference"]
    assert on_road.server.call("POST", "/v1/account/sender/message", body)[0] == 503
