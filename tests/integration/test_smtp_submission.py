"""Mail over SMTP as the founding page and the contract have it (§8)."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from support.road import Road
from support.scripted_relay import ScriptedRelay
from support.server import free_port
from support.submission import PASSWORD, Line, is_open, plain, queue_id, submission, switch

pytestmark = pytest.mark.integration

EHLO_ALL = (
    b"250-relay.example\r\n250-PIPELINING\r\n250-SIZE 40000000\r\n250-8BITMIME\r\n"
    b"250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n"
)
QUEUED = re.compile(
    r"250 Message queued for delivery as \S+ \(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\)"
)


@pytest.fixture(scope="module")
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay({"EHLO": EHLO_ALL}) as relay:
        yield relay


@pytest.fixture(scope="module")
def smtp(
    relay: ScriptedRelay, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Road, int]]:
    with submission(tmp_path_factory.mktemp("smtp")) as (on_road, port):
        on_road.account("example", relay)
        on_road.account("other", relay)
        yield on_road, port


def relayed(smtp: tuple[Road, int], relay: ScriptedRelay, answer: str) -> bytes:
    """What the relay was given for the message that was answered so, dots taken out."""
    smtp[0].receiver.wait_for("messageSent", queueId=queue_id(answer))
    return relay.messages[-1].replace(b"\r\n.", b"\r\n")


def test_the_session_of_the_founding_page(smtp: tuple[Road, int], relay: ScriptedRelay) -> None:
    """Commands typed by hand end with LF alone; the message is sent with CRLF."""
    with Line(smtp[1]) as line:
        assert re.fullmatch(r"220 \S+ ESMTP Postroad MSA", line.hear())
        assert line.say(b"EHLO foo\n").endswith("250 AUTH PLAIN LOGIN")
        said = line.say(b"AUTH PLAIN AGV4YW1wbGUAc2FsYWR1cw==\n")
        assert said == "235 Authentication successful"
        assert line.say(b"MAIL FROM:<andris@ethereal.email>\n") == "250 Accepted"
        assert line.say(b"RCPT TO:<andris@example.com>\n") == "250 Accepted"
        assert line.say(b"DATA\n") == "354 End data with <CR><LF>.<CR><LF>"
        line.send(
            b"From: andris@ethereal.email\r\nTo: andris@example.com\r\n"
            b"Subject: hello world!\r\n\r\nHello!\r\n"
        )
        answer = line.say(b".\r\n")
        assert QUEUED.fullmatch(answer)
        assert line.say(b"QUIT\n").startswith("221 ")
        assert line.is_closed()
    mail = message_from_bytes(relayed(smtp, relay, answer))
    assert (mail["subject"], mail.get_payload()) == ("hello world!", "Hello!\r\n")
    assert mail["date"] and mail["message-id"] and mail["mime-version"] == "1.0"
    sent = smtp[0].receiver.wait_for("messageSent", queueId=queue_id(answer))
    assert sent.data["envelope"] == {"from": "andris@ethereal.email", "to": ["andris@example.com"]}


def test_a_time_in_the_header_schedules_the_message(smtp: tuple[Road, int]) -> None:
    with Line(smtp[1]) as line:
        answer = line.log_in().mail(
            b"From: andris@ethereal.email\r\nX-EE-Send-At: 2099-08-18T06:42:25.408Z\r\n"
            b"X-Postroad-Delivery-Attempts: 3\r\n\r\nHello!\r\n.\r\n"
        )
    assert answer.endswith(" (2099-08-18T06:42:25.408Z)")
    entry = smtp[0].server.ok("GET", f"/v1/outbox/{queue_id(answer)}")
    assert entry["source"] == "smtp"
    assert entry["scheduled"] == "2099-08-18T06:42:25.408Z"
    assert entry["attempts"] == 3
    assert smtp[0].server.ok("DELETE", f"/v1/outbox/{queue_id(answer)}") == {"deleted": True}


def test_every_octet_that_is_not_ours_to_change_is_kept(
    smtp: tuple[Road, int], relay: ScriptedRelay
) -> None:
    head = (
        b"DKIM-Signature: v=1; c=simple/simple;\r\n\t d=example.com;  b=abc\r\n\t def\r\n"
        b"Received: from x\r\n by y\r\nReceived: from z\r\n"
        b"Date:  Mon, 16 Aug 2021 12:00:00 +0300\r\nfrom: =?utf-8?q?=C3=84?= <a@example.com>\r\n"
        b"To: b@example.net,\r\n c@example.net\r\nMESSAGE-ID: <kept@example.com>\r\n"
        b"Subject:   two  spaces \r\nMIME-Version: 1.0\r\nX-Empty:\r\n"
    )
    body = b"line \r\n\ttab\r\n\r\n..dots\r\n\xc3\xa4\xff\x00\r\n" + b"x" * 1200 + b"\r\n\r\n"
    stuffed = body.replace(b"\r\n.", b"\r\n..")
    ours = b"X-EE-Account: other\r\nx-ee-account: other\r\nBcc: hidden@x.test,\r\n more@x.test\r\n"
    with Line(smtp[1]) as line:
        answer = line.log_in().mail(head + ours + b"\r\n" + stuffed + b".\r\n")
    assert relayed(smtp, relay, answer) == head + b"\r\n" + body
    sent = smtp[0].receiver.wait_for("messageSent", queueId=queue_id(answer))
    assert (sent.payload["account"], sent.data["messageId"]) == ("example", "<kept@example.com>")


def test_what_every_message_has_to_have_is_added(
    smtp: tuple[Road, int], relay: ScriptedRelay
) -> None:
    with Line(smtp[1]) as line:
        answer = line.log_in().mail(b"Subject: bare\r\n\r\nx\r\n.\r\n")
    mail = message_from_bytes(relayed(smtp, relay, answer))
    assert mail["from"] == "example <example@example.com>"
    assert mail.keys() == ["Subject", "From", "Message-ID", "Date", "MIME-Version"]


def test_wishes_for_reports_are_passed_on_for_each_recipient(
    smtp: tuple[Road, int], relay: ScriptedRelay
) -> None:
    with Line(smtp[1]) as line:
        line.log_in()
        line.say(b"MAIL FROM:<a@example.com> RET=HDRS ENVID=my+2Bid\r\n")
        line.say(b"RCPT TO:<dsn1@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@x.test\r\n")
        line.say(b"RCPT TO:<dsn2@x.test> NOTIFY=NEVER\r\n")
        line.say(b"RCPT TO:<dsn3@x.test>\r\n")
        line.say(b"DATA\r\n")
        relayed(smtp, relay, line.say(b"Subject: x\r\n\r\nx\r\n.\r\n"))
    assert relay.said("MAIL")[-1].endswith(" RET=HDRS ENVID=my+2Bid")
    assert [said for said in relay.said("RCPT") if "dsn" in said] == [
        "RCPT TO:<dsn1@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@x.test",
        "RCPT TO:<dsn2@x.test> NOTIFY=NEVER",
        "RCPT TO:<dsn3@x.test>",
    ]


def test_utf8_addresses_and_chunks(smtp: tuple[Road, int], relay: ScriptedRelay) -> None:
    with Line(smtp[1]) as line:
        line.log_in()
        line.send(
            "MAIL FROM:<jürgen@exämple.com> SMTPUTF8\r\nRCPT TO:<b@example.net>\r\n".encode()
            + b"BDAT 12\r\nSubject: hi\rBDAT 10 LAST\r\n\n\r\nb\xc3\xb6dy\r\n"
        )
        assert [line.hear()[:3] for _ in range(3)] == ["250", "250", "250"]
        answer = line.hear()
    assert relayed(smtp, relay, answer).endswith(b"\r\n\r\nb\xc3\xb6dy\r\n")
    assert relay.said("MAIL")[-1].startswith("MAIL FROM:<jürgen@exämple.com> SIZE=")


def test_a_key_in_the_header_queues_once(smtp: tuple[Road, int]) -> None:
    content = b"X-EE-Idempotency-Key: once\r\nX-EE-Send-At: 2099-01-01T00:00:00Z\r\n\r\nx\r\n.\r\n"
    with Line(smtp[1]) as line:
        first = line.log_in().mail(content)
        assert line.mail(content) == first
    with Line(smtp[1]) as line:
        assert line.log_in().mail(content) == first


def test_a_gateway_is_refused_clearly(smtp: tuple[Road, int]) -> None:
    with Line(smtp[1]) as line:
        said = line.log_in().mail(b"X-EE-Gateway: g\r\n\r\nx\r\n.\r\n")
        assert said == "554 5.6.0 X-EE-Gateway: gateways are not available"
        assert line.say(b"NOOP\r\n").startswith("250 ")


def test_tags_in_the_header_are_told_and_not_relayed(
    smtp: tuple[Road, int], relay: ScriptedRelay
) -> None:
    with Line(smtp[1]) as line:
        said = line.log_in().mail(b"X-EE-Tags: one, =?utf-8?Q?zw=C3=B6lf?=\r\n\r\nx\r\n.\r\n")
        assert b"x-ee" not in relayed(smtp, relay, said).lower()
        (sent,) = smtp[0].receiver.of("messageSent", queueId=queue_id(said))
        assert sent.data["tags"] == ["one", "zwölf"]
        said = line.mail(b"X-EE-Tags: " + b"x" * 65 + b"\r\n\r\nx\r\n.\r\n")
        assert said.startswith("554 5.6.0 X-EE-Tags: must have tags of at most 64 characters")


def test_a_header_that_no_relay_takes_is_refused(smtp: tuple[Road, int]) -> None:
    with Line(smtp[1]) as line:
        said = line.log_in().mail(b"Subject: a\0b\r\n\r\nx\r\n.\r\n")
        assert said.startswith("552 5.6.0 ")


def test_a_library_sends_many_messages_in_one_session(
    smtp: tuple[Road, int], relay: ScriptedRelay
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.net", "Grüße"
    mail.set_content("ü" * 5000)
    mail.add_attachment(b"\0\xff" * 100_000, maintype="application", subtype="octet-stream")
    before = len(relay.messages)
    with smtplib.SMTP("127.0.0.1", smtp[1]) as client:
        client.login("example", PASSWORD)
        for _ in range(5):
            assert client.send_message(mail) == {}
    smtp[0].server.wait_until(lambda: len(relay.messages) == before + 5, 20, "five are relayed")
    assert (
        message_from_bytes(relay.messages[-1])
        .get_payload(1)
        .get_payload(  # type: ignore[union-attr]
            decode=True
        )
        == b"\0\xff" * 100_000
    )


def test_it_is_switched_on_off_and_moved_without_a_restart(tmp_path: Path) -> None:
    with submission(tmp_path, {"smtpServerEnabled": False}) as (on_road, port):
        assert not is_open(port)
        switch(on_road, port)
        with Line(port) as idle, Line(port) as busy:
            assert idle.hear().startswith("220 ")
            body = {"account": "example", "email": "e@sandbox.example", "type": "sandbox"}
            on_road.server.ok("POST", "/v1/account", {"name": "e", **body})
            busy.log_in()
            busy.say(b"MAIL FROM:<a@x.test>\r\n")
            busy.say(b"RCPT TO:<b@x.test>\r\n")
            busy.say(b"DATA\r\n")
            moved = free_port()
            switch(on_road, moved)
            assert idle.hear().startswith("421 4.3.2 ")
            assert not is_open(port)
            assert QUEUED.fullmatch(busy.say(b"x\r\n.\r\n"))  # what is under way is finished
            assert busy.hear().startswith("421 4.3.2 ")
        on_road.server.ok("POST", "/v1/settings", {"smtpServerHost": "127.0.0.2"})
        on_road.server.wait_until(lambda: is_open(moved, "127.0.0.2"), 5, "another address")
        assert not is_open(moved)
        on_road.server.ok("POST", "/v1/settings", {"smtpServerEnabled": False})
        on_road.server.wait_until(lambda: not is_open(moved), 5, "it is off")


def test_a_taken_port_is_told_and_tried_again(tmp_path: Path) -> None:
    taken = free_port()
    with ScriptedRelay() as squatter, submission(tmp_path) as (on_road, port):
        on_road.server.ok("POST", "/v1/settings", {"smtpServerPort": squatter.port})
        on_road.server.wait_until(lambda: "cannot listen" in on_road.server.log, 5, "it is told")
        assert "postroad_smtp_listening 0.0" in on_road.server.call("GET", "/metrics")[1]
        assert not is_open(port)
        switch(on_road, taken)
        assert "postroad_smtp_listening 1.0" in on_road.server.call("GET", "/metrics")[1]


def test_without_login_the_header_names_the_account(tmp_path: Path) -> None:
    with ScriptedRelay() as relay, submission(
        tmp_path, {"smtpServerAuthEnabled": False}
    ) as (on_road, port):  # fmt: skip
        on_road.account("example", relay)
        with Line(port) as line:
            line.hear()
            assert "AUTH" not in line.say(b"EHLO foo\r\n")
            assert line.say(plain("example", PASSWORD)).startswith("502 ")
            assert line.mail(b"Subject: x\r\n\r\nx\r\n.\r\n").startswith("451 ")
            assert line.mail(b"X-EE-Account:\r\n\r\nx\r\n.\r\n").startswith("451 ")
            assert line.mail(b"X-EE-Account: nobody\r\n\r\nx\r\n.\r\n").startswith("451 ")
            answer = line.mail(
                b"x-Postroad-ACCOUNT:  example \r\nX-EE-Account: other\r\n\r\nx\r\n.\r\n"
            )
            on_road.receiver.wait_for("messageSent", queueId=queue_id(answer))
        assert b"account" not in relay.messages[0].lower()
        # The login counts for new sessions at once.
        on_road.server.ok("POST", "/v1/settings", {"smtpServerAuthEnabled": True})
        with Line(port) as line:
            line.log_in()
