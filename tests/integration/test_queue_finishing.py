"""After the relay's 250: the copy in Sent and the flag, once each, whatever happens between."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from postroad.domain.message_id import pack_message
from support.dovecot import Dovecot
from support.road import Road, road
from support.scripted_relay import ScriptedRelay
from support.sink import Sink
from support.tapped import Tapped, clear_imap

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def on_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with road(tmp_path_factory.mktemp("finishing")) as running:
        yield running


def imap_of(dovecot: Dovecot, user: str, port: int | None = None) -> dict[str, Any]:
    return {
        "auth": {"user": user, "pass": dovecot.password},
        "host": "localhost",
        "port": dovecot.port if port is None else port,
        "tls": {"ca": dovecot.ca},
    }


def count(dovecot: Dovecot, user: str, mailbox: str, message_id: str) -> int:
    return sum(message_id.encode() in octets for octets, _ in dovecot.messages(user, mailbox))


def deliver(dovecot: Dovecot, user: str, number: int = 1) -> str:
    """Put a message into the inbox; its Message-ID."""
    message_id = f"<in-{number}@example.net>"
    dovecot.deliver(
        user,
        f"From: x@example.net\r\nTo: {user}@example.com\r\nSubject: Ask\r\n"
        f"Message-ID: {message_id}\r\n\r\nask\r\n".encode(),
    )
    return message_id


def flags_of(dovecot: Dovecot, user: str, message_id: str) -> set[str]:
    for octets, flags in dovecot.messages(user):
        if message_id.encode() in octets:
            return set(flags)
    return set()


def test_an_account_that_changes_while_its_message_is_sent_gets_its_copy(
    on_road: Road, dovecot: Dovecot
) -> None:
    with ScriptedRelay(delay_s=1.0) as relay:
        account = on_road.account("changing", relay, imap=imap_of(dovecot, "changing"))
        on_road.server.wait_connected(account)
        answer = on_road.submit(account)
        on_road.server.wait_until(lambda: relay.messages, 10, "the relay has the message")
        on_road.server.ok("PUT", f"/v1/account/{account}", {"name": "Other"})
        on_road.receiver.wait_for("messageSent", queueId=answer["queueId"])
        on_road.wait_empty()
        on_road.server.wait_until(
            lambda: count(dovecot, account, "Sent", answer["messageId"]) == 1, 10, "the copy"
        )


def test_who_wants_a_copy_and_where_is_asked_of_the_message_first(
    on_road: Road, dovecot: Dovecot
) -> None:
    """Contract B-097, B-126 to B-128."""
    dovecot.create("copies", "Elsewhere")
    with Sink() as sink:
        account = on_road.account("copies", sink, imap=imap_of(dovecot, "copies"))
        on_road.server.wait_connected(account)
        bodies: list[dict[str, Any]] = [
            {},
            {"copy": False},
            {"copy": True, "sentMailPath": "Elsewhere", "bcc": {"address": "hidden@example.net"}},
            {"sentMailPath": "No Such Folder"},
        ]
        ids = [on_road.submit(account, to={"address": "b@x.test"}, **b) for b in bodies]
        on_road.server.wait_until(
            lambda: count(dovecot, account, "Sent", ids[0]["messageId"]), 15, "the first copy"
        )
        on_road.server.ok("PUT", f"/v1/account/{account}", {"copy": False})
        ids += [on_road.submit(account, **body) for body in ({}, {"copy": True})]
        for answer in ids:
            on_road.receiver.wait_for("messageSent", queueId=answer["queueId"])
        on_road.server.wait_until(
            lambda: count(dovecot, account, "Sent", ids[5]["messageId"]), 15, "the last copy"
        )
        on_road.server.wait_until(
            lambda: count(dovecot, account, "Elsewhere", ids[2]["messageId"]), 15, "the other one"
        )
        filed = [count(dovecot, account, "Sent", answer["messageId"]) for answer in ids]
        assert filed == [1, 0, 0, 0, 0, 1]
        elsewhere = dovecot.messages(account, "Elsewhere")
        assert len(elsewhere) == 1 and "\\Seen" in elsewhere[0][1]
        assert b"Bcc: hidden@example.net\r\n" in elsewhere[0][0]
        sent = next(n for n, m in enumerate(sink.mails) if ids[2]["messageId"].encode() in m)
        assert b"hidden@" not in sink.mails[sent]
        assert sorted(sink.recipients[sent]) == ["b@x.test", "hidden@example.net"]
        assert not on_road.receiver.of("messageFailed", queueId=ids[3]["queueId"])


def test_many_copies_are_filed_together_and_each_once(on_road: Road, dovecot: Dovecot) -> None:
    account = "burst"
    with Sink() as sink:
        on_road.account(account, sink, imap=imap_of(dovecot, account))
        on_road.server.wait_connected(account)
        sent = [on_road.submit(account, text=f"n{n}")["messageId"] for n in range(60)]
        on_road.wait_empty(60)
    filed = [parse_id(octets) for octets, _ in dovecot.messages(account, "Sent")]
    assert sorted(filed) == sorted(sent)


def parse_id(octets: bytes) -> str:
    return octets.partition(b"\r\nMessage-ID: ")[2].partition(b"\r\n")[0].decode()


def test_a_copy_waits_for_a_mailbox_that_is_away(on_road: Road, dovecot: Dovecot) -> None:
    with ExitStack() as stack:
        sink = stack.enter_context(Sink())
        way = stack.enter_context(Tapped(dovecot.port, clear_imap))
        account = on_road.account("away", sink, imap=imap_of(dovecot, "away", way.port))
        on_road.server.wait_connected(account)
        original = deliver(dovecot, account)
        reference = {"message": pack_message(1, 1)}

        def cut_append(octets: bytes) -> bytes | None:
            return None if b"APPENDUID" in octets else clear_imap(octets)

        way.tap = cut_append
        answer = on_road.submit(account, reference=reference)
        on_road.receiver.wait_for("messageSent", queueId=answer["queueId"])
        on_road.server.wait_until(
            lambda: "finishing is tried again" in on_road.server.log, 10, "a failed try"
        )
        way.tap = clear_imap
        on_road.server.wait_until(
            lambda: count(dovecot, account, "Sent", answer["messageId"]), 20, "the copy"
        )
        on_road.server.wait_until(
            lambda: "\\Answered" in flags_of(dovecot, account, original), 20, "the flag"
        )
        assert count(dovecot, account, "Sent", answer["messageId"]) == 1
        assert len(on_road.receiver.of("messageSent", queueId=answer["queueId"])) == 1
        assert len(sink.mails) == 1


def test_a_kill_while_the_copy_is_filed_doubles_neither_copy_nor_message(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    account = "killed"
    with ExitStack() as stack:
        sink = stack.enter_context(Sink())
        on_road = stack.enter_context(road(tmp_path))
        server = on_road.server

        def kill_after_append(octets: bytes) -> bytes | None:
            if b"APPENDUID" not in octets:
                return clear_imap(octets)
            # Dovecot has it, and we do not hear of it any more.
            assert server.process is not None
            os.killpg(server.process.pid, signal.SIGKILL)
            return None

        way = stack.enter_context(Tapped(dovecot.port, kill_after_append))
        on_road.account(account, sink, imap=imap_of(dovecot, account, way.port))
        server.wait_connected(account)
        original = deliver(dovecot, account)
        answer = on_road.submit(account, reference={"message": pack_message(1, 1)})
        assert answer["reference"]["success"] is True
        assert server.process is not None
        server.process.wait(20)
        assert count(dovecot, account, "Sent", answer["messageId"]) == 1
        way.tap = clear_imap
        server.start()
        server.wait_until(
            lambda: "\\Answered" in flags_of(dovecot, account, original), 30, "the flag"
        )
        on_road.receiver.wait_for("messageSent", queueId=answer["queueId"])
        time.sleep(0.5)
        assert count(dovecot, account, "Sent", answer["messageId"]) == 1
        assert sink.counts[answer["messageId"]] == 1


def test_in_a_rush_mail_goes_first_and_the_copies_follow(on_road: Road, dovecot: Dovecot) -> None:
    account = "rush"
    with Sink() as sink:
        on_road.account(account, sink, imap=imap_of(dovecot, account))
        on_road.server.wait_connected(account)
        at = datetime.now(UTC) + timedelta(seconds=2)
        due = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        sent = [on_road.submit(account, sendAt=due)["messageId"] for _ in range(200)]
        on_road.server.wait_until(lambda: len(sink.mails) == 200, 30, "the relay has all")
        assert len(dovecot.messages(account, "Sent")) < 200
        on_road.wait_empty(60)
    filed = [parse_id(octets) for octets, _ in dovecot.messages(account, "Sent")]
    assert sorted(filed) == sorted(sent)
