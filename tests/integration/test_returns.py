"""What came back, matched and recorded on a real store of either engine."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from postroad import store as stores
from postroad.domain.backoff import Backoff
from postroad.domain.envelope import DsnRequest, DsnReturn, Envelope
from postroad.domain.errors import LeaseLost
from postroad.domain.event import EventName
from postroad.domain.lease import Lease
from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.mailbox_state import Indexer, MailboxState
from postroad.domain.message_index import Entry, marks
from postroad.domain.reply import (
    Accepted,
    Deferred,
    Failure,
    FailureKind,
    Outcome,
    RefusedRecipient,
    SmtpReply,
)
from postroad.domain.sent import SentMessage
from postroad.engine.delivery.settle import AttemptReport, settle
from postroad.engine.mail.details import summary_of
from postroad.engine.returns.clue import Clue, Outside, clue_of, wants_source
from postroad.engine.returns.match import WINDOW_MS
from postroad.engine.returns.record import Returns, Told
from postroad.engine.sync.arrival import Arrival, portions
from postroad.engine.sync.ingest import Ingest
from postroad.protocol.report import read_report
from postroad.protocol.report.fields import MAX_RECIPIENTS
from postroad.store import Store, Tx
from postroad.store.events import EventPosition
from support.reading import MESSAGE, row_of
from support.store import START, Clock, account, claim, enqueue, put_account, submission

pytestmark = pytest.mark.integration

ID = "<q1@example.com>"
_ANSWERS = {
    "failed": ("5.1.1", "550 5.1.1 <{}>: User unknown"),
    "delayed": ("4.4.1", "connect to mx.far.example: Connection timed out"),
    "delivered": ("2.0.0", "250 2.0.0 Ok: queued"),
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[Store]:
    database: str | Path = tmp_path
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_dsn")
    opened = await stores.open(database, clock=clock)
    await put_account(opened, account(created_at=0))
    yield opened
    await opened.close()


def bounce(
    *recipients: str,
    message_id: str | None = ID,
    action: str = "failed",
    envelope_id: str | None = None,
    head: Sequence[str] = (),
    own_id: str = "<dsn@mx.example>",
) -> bytes:
    """A report as Postfix writes it."""
    status, said = _ANSWERS[action]
    groups = [
        f"Final-Recipient: rfc822; {who}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {said.format(who)}\r\n"
        for who in recipients
    ]
    original = "" if message_id is None else f"Message-ID: {message_id}\r\n"
    envelope = "" if envelope_id is None else f"Original-Envelope-Id: {envelope_id}\r\n"
    return "\r\n".join(
        (
            "From: MAILER-DAEMON@mx.example (Mail Delivery System)",
            "Subject: Undelivered Mail Returned to Sender",
            "Auto-Submitted: auto-replied",
            f"Message-ID: {own_id}",
            *head,
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
            "",
            "--b",
            "Content-Type: text/plain",
            "",
            "Sorry.",
            "--b",
            "Content-Type: message/delivery-status",
            "",
            f"Reporting-MTA: dns; mx.example\r\n{envelope}",
            "\r\n".join(groups),
            "--b",
            "Content-Type: text/rfc822-headers",
            "",
            f"{original}Subject: Hi",
            "--b--",
            "",
        )
    ).encode()


def hidden_complaint(message_id: str) -> bytes:
    """A feedback report from which every address was taken out."""
    folder = Path(__file__).parents[1] / "data" / "report"
    lines = (folder / "arf.eml").read_bytes().splitlines(keepends=True)
    hidden = (b"original-rcpt-to:", b"to:", b"delivered-to:", b"x-apparently-to:", b"removal-")
    octets = b"".join(line for line in lines if not line.lower().startswith(hidden))
    original = read_report(octets).original.message_id
    assert original is not None
    return octets.replace(original.encode(), message_id.encode())


def mail(*fields: str, own_id: str = "<in@far.example>") -> bytes:
    head = ("From: Human <you@example.net>", f"Message-ID: {own_id}", *fields)
    return "\r\n".join((*head, "", "Yes!", "")).encode()


def clue(
    octets: bytes, use: SpecialUse | None = SpecialUse.INBOX, *, arrived: int = START
) -> Clue | None:
    row = row_of(octets, arrived=arrived)
    outside = Outside.of(row, use)
    report = read_report(octets) if wants_source(outside, row) else None
    summary = summary_of(row, message=MESSAGE, path="INBOX", special_use=use)
    return clue_of(outside, row, summary, report)


async def tell(
    store: Store, octets: bytes, use: SpecialUse | None = SpecialUse.INBOX, **more: Any
) -> Told:
    """What is told of a mail that arrives now."""
    found = clue(octets, use, arrived=more.pop("arrived", START))
    data: dict[str, object] = {"id": more.pop("message", "AAAA"), "isAutoReply": True}

    async def unit(tx: Tx) -> Told:
        returns = await Returns.begin(tx, more.get("account", "a"), [(data, found)])
        return await returns.tell(data, found, is_first=more.get("is_first", True))

    return await store.write(unit)


async def sent(store: Store, queue_id: str = "q1", **changes: Any) -> SentMessage:
    made = SentMessage(
        queue_id, "a", f"<{queue_id}@example.com>", ("you@example.net",), START, START
    )
    made = replace(made, **changes)
    await store.write(lambda tx: tx.sent.record(made))
    return made


def matched(told: Told) -> tuple[object, object]:
    """Of the only event: queue id and what led to it."""
    (event,) = told.events
    submission = event.data.get("submission")
    assert isinstance(submission, dict)
    assert event.queue_id == submission["queueId"]
    return submission["queueId"], submission["matchedBy"]


async def test_a_bounce_is_led_to_the_message_by_its_id(store: Store) -> None:
    await sent(store)
    await sent(store, "q2")

    told = await tell(store, bounce("you@example.net"))

    assert matched(told) == ("q1", "messageId")
    assert told.data["isBounce"] is True
    assert told.data["relatedMessageId"] == ID
    assert "isAutoReply" not in told.data


async def test_the_id_that_the_relay_gave_counts_as_well(store: Store) -> None:
    await sent(store, remote_message_id="<remote@relay>")

    told = await tell(store, bounce("x@y", message_id="<remote@relay>"))

    assert matched(told) == ("q1", "messageId")
    assert told.events[0].data["messageId"] == "<remote@relay>"
    found = await store.read(lambda tx: tx.returned.bounces_of("a", [ID, "<remote@relay>"]))
    assert sorted(found) == ["q1@example.com", "remote@relay"]


async def test_references_and_in_reply_to_lead_to_the_message(store: Store) -> None:
    await sent(store)

    for n, field_name in enumerate(("References", "In-Reply-To")):
        octets = bounce(
            "x@y", message_id=None, head=[f"{field_name}: {ID}"], own_id=f"<dsn{n}@mx.example>"
        )
        assert matched(await tell(store, octets)) == ("q1", "messageId")


async def test_the_envelope_id_leads_to_a_message_whose_id_was_changed(store: Store) -> None:
    await sent(store, envelope_id="E1")

    told = await tell(store, bounce("x@y", message_id="<changed@relay>", envelope_id="E1"))

    assert matched(told) == ("q1", "envelopeId")


async def test_the_recipient_is_the_last_resort_and_only_for_some_days(
    store: Store, clock: Clock
) -> None:
    await sent(store)

    told = await tell(store, bounce("YOU@example.net", message_id=None))
    assert matched(told) == ("q1", "recipient")
    assert told.events[0].data["messageId"] is None

    clock.advance(WINDOW_MS + 1)
    octets = bounce("you@example.net", message_id=None, own_id="<later@mx.example>")
    assert "submission" not in (await tell(store, octets)).events[0].data


async def test_of_messages_with_one_id_the_report_is_about_the_one_to_its_recipient(
    store: Store,
) -> None:
    await store.write(lambda tx: tx.settings.set({"suppressionRules": "hardBounces"}))
    for n in (1, 2, 3):
        who = f"to{n}@example.net"
        await sent(store, f"q{n}", message_id=ID, recipients=(who,), accepted_at=START + n)

    told = await tell(store, bounce("TO1@example.net"))
    bounced, suppressed = told.events
    assert bounced.queue_id == "q1"
    assert suppressed.data["recipient"] == "to1@example.net"

    told = await tell(store, bounce("elsewhere@third.example", own_id="<forwarded@mx.example>"))
    assert [event.name for event in told.events] == [EventName.MESSAGE_BOUNCE]


async def test_of_messages_with_one_id_an_answer_is_led_to_the_one_to_its_writer(
    store: Store,
) -> None:
    await sent(store, "q1", message_id=ID, recipients=("You@example.net",))
    await sent(store, "q2", message_id=ID, recipients=("x@example.net",), accepted_at=START + 1)

    assert matched(await tell(store, mail(f"In-Reply-To: {ID}"))) == ("q1", "messageId")


async def test_a_complaint_that_hides_its_recipient_is_not_led_to_one_of_several(
    store: Store,
) -> None:
    await sent(store, "q1", message_id=ID)
    await sent(store, "q2", message_id=ID, recipients=("other@example.net",))

    told = await tell(store, hidden_complaint(ID))

    assert told.data["isComplaint"] is True
    assert not told.events


MANY = tuple(f"r{n}@example.net" for n in range(300))


async def test_a_bounce_of_one_of_many_suppresses_that_one(store: Store) -> None:
    await store.write(lambda tx: tx.settings.set({"suppressionRules": "hardBounces"}))
    await sent(store, recipients=(*MANY, "Late@bücher.example"))

    told = await tell(store, bounce("R250@Example.net", "late@xn--bcher-kva.example", "other@x"))

    listed = [
        event.data["recipient"]
        for event in told.events
        if event.name is EventName.RECIPIENT_SUPPRESSED
    ]
    assert listed == ["r250@example.net", "Late@bücher.example"]


async def test_a_complaint_of_one_of_many_suppresses_that_one(store: Store) -> None:
    await store.write(lambda tx: tx.settings.set({"suppressionRules": "complaints"}))
    octets = (Path(__file__).parents[1] / "data" / "report" / "arf.eml").read_bytes()
    report = read_report(octets)
    assert report.feedback is not None
    (who,) = report.feedback.recipients
    await sent(store, message_id=report.original.message_id, recipients=(*MANY, who.upper()))

    _, suppressed = (await tell(store, octets)).events

    assert suppressed.data["recipient"] == who.upper()


async def test_of_messages_to_many_with_one_id_the_one_to_the_recipient_is_found(
    store: Store,
) -> None:
    for n in range(3):
        whole = tuple(f"r{who}.{n}@example.net" for who in range(150))
        await sent(store, f"q{n}", message_id=ID, recipients=whole, accepted_at=START + n)

    assert matched(await tell(store, bounce("R140.1@example.net"))) == ("q1", "messageId")


async def test_a_bounce_without_any_id_finds_a_message_by_its_last_recipient(
    store: Store,
) -> None:
    await sent(store, recipients=MANY)

    assert matched(await tell(store, bounce(MANY[-1], message_id=None))) == ("q1", "recipient")


async def test_what_comes_back_names_the_tags_of_what_was_sent(store: Store) -> None:
    await store.write(lambda tx: tx.settings.set({"suppressionRules": "complaints"}))
    await sent(store, tags=("späte, rote", "b"))
    fields = (f"In-Reply-To: {ID}", "Auto-Submitted: auto-replied")

    came = [
        (await tell(store, bounce("you@example.net"))).events[0].data,
        (await tell(store, bounce("you@example.net", action="delayed"))).data,
        (await tell(store, mail(f"In-Reply-To: {ID}"))).events[0].data,
        (await tell(store, mail(*fields))).data,
        (await tell(store, hidden_complaint(ID))).events[0].data,
    ]

    for data in came:
        assert data["submission"]["tags"] == ["späte, rote", "b"]  # type: ignore[index] # of object


TAG = "01a2075945300000001"


async def test_the_address_that_a_report_came_to_leads_to_the_message(store: Store) -> None:
    await sent(store, TAG, has_own_return_path=True, envelope_id="E1")
    await sent(store, "q2")
    to = f"To: a+{TAG.upper()}@Example.com"

    for unknown in (None, "<changed@relay>"):
        octets = bounce("x@y", message_id=unknown, head=[to], own_id=f"<{unknown}.dsn@mx>")
        assert matched(await tell(store, octets)) == (TAG, "returnPath")

    named = bounce("x@y", message_id="<q2@example.com>", head=[to], own_id="<named@mx>")
    assert matched(await tell(store, named)) == ("q2", "messageId")
    known = bounce("x@y", message_id=None, envelope_id="E1", head=[to], own_id="<envid@mx>")
    assert matched(await tell(store, known)) == (TAG, "envelopeId")


@pytest.mark.parametrize("field", ["Delivered-To", "X-Original-To"])
async def test_the_mailbox_may_tell_the_address_that_a_report_came_to(
    store: Store, field: str
) -> None:
    await sent(store, TAG, has_own_return_path=True)

    octets = bounce("x@y", message_id=None, head=[f"{field}: a+{TAG}@example.com"])

    assert matched(await tell(store, octets)) == (TAG, "returnPath")


async def test_a_tag_that_was_not_sent_leads_nowhere(store: Store) -> None:
    await sent(store, TAG)

    octets = bounce("x@y", message_id=None, head=[f"To: a+{TAG}@example.com"])

    assert "submission" not in (await tell(store, octets)).events[0].data


async def test_a_machine_that_answers_to_the_return_path_is_led_to_its_message(
    store: Store,
) -> None:
    await sent(store, TAG, has_own_return_path=True)
    fields = (f"To: a+{TAG}@example.com", "Subject: Away")

    told = await tell(store, mail(*fields, "Auto-Submitted: auto-replied"))
    by_hand = await tell(store, mail(*fields, own_id="<hand@far.example>"))

    assert told.data["submission"]["queueId"] == TAG  # type: ignore[index] # of object
    assert "submission" not in by_hand.data
    assert not by_hand.events


async def test_a_report_about_another_message_is_not_guessed_by_recipient(store: Store) -> None:
    await sent(store)

    told = await tell(store, bounce("you@example.net", message_id="<other@elsewhere>"))

    assert "submission" not in told.events[0].data
    assert told.events[0].queue_id is None


async def test_a_bounce_faster_than_the_ledger_finds_its_submission(store: Store) -> None:
    await enqueue(store, submission("q1"))
    await claim(store)

    assert matched(await tell(store, bounce("you@example.net"))) == ("q1", "messageId")


async def settled(store: Store, outcome: Outcome) -> list[SentMessage]:
    """What is remembered once an attempt to send to three recipients has ended."""
    envelope = Envelope("me@example.com", ("one@y", "two@y", "three@y"))
    await enqueue(store, submission("q1", envelope=envelope, dsn=DsnRequest(DsnReturn.FULL, "E1")))
    (sub,) = await claim(store)
    report = AttemptReport(sub, outcome, START, START, "mail.prod.outlook.com")

    async def unit(tx: Tx) -> None:
        await settle(
            tx,
            report,
            backoff=Backoff(),
            jitter=0.5,
            needs_finishing=False,
            show_status=False,
            node_id="n1",
        )

    await store.write(unit)
    return await store.read(lambda tx: tx.sent.by_message_ids([ID]))


async def test_what_the_relay_took_is_remembered_with_its_acceptance(store: Store) -> None:
    reply = SmtpReply(250, ("2.0.0 OK <new@x.prod.outlook.com> [Hostname=x]",), enhanced="2.0.0")
    refused = RefusedRecipient("two@y", SmtpReply(550, ("5.1.1 no",), enhanced="5.1.1"))

    (kept,) = await settled(store, Accepted(reply, (refused,)))

    assert kept.recipients == ("one@y", "three@y")
    assert kept.envelope_id == "E1"
    assert kept.remote_message_id == "<new@x.prod.outlook.com>"


async def test_what_the_relay_did_not_take_is_not_remembered(store: Store) -> None:
    assert await settled(store, Deferred(Failure(FailureKind.TIMEOUT, "slow"))) == []


async def test_a_bounce_in_another_accounts_mailbox_names_the_sender(store: Store) -> None:
    await put_account(store, account("bounces", created_at=0))
    await sent(store)

    told = await tell(store, bounce("you@example.net"), account="bounces")

    submission_ = told.events[0].data["submission"]
    assert isinstance(submission_, dict)
    assert (told.events[0].account, submission_["account"]) == ("bounces", "a")
    found = await store.read(lambda tx: tx.returned.bounces_of("a", [ID]))
    assert [one.reporter for one in found["q1@example.com"]] == ["bounces"]


async def test_each_address_is_told_once_and_kept(store: Store) -> None:
    await sent(store, recipients=("one@y", "two@y"))

    told = await tell(store, bounce("one@y", "two@y", "ONE@y"))

    assert [one.data["recipient"] for one in told.events] == ["one@y", "two@y"]
    kept = await store.read(lambda tx: tx.returned.of_submission("q1"))
    assert [(one.recipient, one.type, one.reason) for one in kept] == [
        ("one@y", "hard", "user_unknown"),
        ("two@y", "hard", "user_unknown"),
    ]


async def test_the_same_report_in_another_mailbox_is_not_told_again(store: Store) -> None:
    await sent(store)
    await tell(store, bounce("you@example.net"), SpecialUse.JUNK, message="BBBB")

    moved = await tell(store, bounce("you@example.net"))
    assert moved.data["isBounce"] is True
    assert moved.events == ()

    another = await tell(store, bounce("you@example.net"), arrived=START + 1000)
    assert len(another.events) == 1
    larger = await tell(store, bounce("someone.else@example.net"))
    assert len(larger.events) == 1


async def test_a_bounce_elsewhere_than_in_inbox_or_junk_is_ordinary_mail(store: Store) -> None:
    for use in (None, SpecialUse.ARCHIVE, SpecialUse.SENT, SpecialUse.TRASH):
        told = await tell(store, bounce("you@example.net"), use)
        assert "isBounce" not in told.data
        assert told.events == ()


async def test_delays_and_complaints_count_in_the_inbox_only(store: Store) -> None:
    delay = await tell(store, bounce("x@y", action="delayed"), SpecialUse.JUNK)
    assert (delay.events, "deliveryReport" in delay.data) == ((), False)
    delay = await tell(store, bounce("x@y", action="delayed"))
    assert (delay.events, "isBounce" in delay.data) == ((), False)
    report = delay.data["deliveryReport"]
    assert isinstance(report, dict)
    assert report["action"] == "delayed"

    folder = Path(__file__).parents[1] / "data" / "report"
    arf = (folder / "arf.eml").read_bytes()
    junk = await tell(store, arf, SpecialUse.JUNK)
    assert (junk.events, "isComplaint" in junk.data) == ((), False)
    inbox = await tell(store, arf)
    assert [event.name for event in inbox.events] == ["messageComplaint"]
    assert inbox.data["isComplaint"] is True


async def test_a_complaint_that_hides_its_recipient_is_led_to_the_only_one(store: Store) -> None:
    octets = hidden_complaint(ID)

    assert (await tell(store, octets)).events == ()
    await sent(store)
    told = await tell(store, octets)

    arf = told.events[0].data["arf"]
    assert isinstance(arf, dict)
    assert arf["originalRcptTo"] == ["you@example.net"]
    (row,) = await store.read(lambda tx: tx.returned.of_submission("q1"))
    assert (row.kind, row.recipient) == ("complaint", "you@example.net")


async def test_a_success_is_a_delivery_report_and_names_the_submission(store: Store) -> None:
    await sent(store)

    told = await tell(store, bounce("you@example.net", action="delivered"))

    assert told.events == ()
    assert "isBounce" not in told.data
    found = told.data["submission"]
    assert isinstance(found, dict)
    assert found["queueId"] == "q1"


async def test_a_reply_is_told_for_what_its_references_name_last(store: Store) -> None:
    await sent(store, "q0")
    await sent(store)
    references = "References: <q0@example.com> <q1@example.com> <friend@far.example>"

    told = await tell(store, mail(references))

    assert matched(told) == ("q1", "messageId")
    assert told.events[0].name == "messageReply"
    assert told.events[0].data["relatedMessageId"] == ID


@pytest.mark.parametrize(
    "use", [SpecialUse.SENT, SpecialUse.DRAFTS, SpecialUse.TRASH, SpecialUse.JUNK]
)
async def test_what_lies_in_sent_or_trash_is_no_reply(store: Store, use: SpecialUse) -> None:
    await sent(store)

    assert (await tell(store, mail(f"In-Reply-To: {ID}"), use)).events == ()


async def test_our_own_answer_and_a_moved_mail_are_no_replies(store: Store) -> None:
    await sent(store)
    await sent(store, "q2")

    own = mail(f"In-Reply-To: {ID}", own_id="<q2@example.com>")
    assert (await tell(store, own)).events == ()
    assert (await tell(store, mail(f"In-Reply-To: {ID}"), is_first=False)).events == ()


async def test_an_answer_to_another_account_counts_if_that_has_no_mailbox(store: Store) -> None:
    await put_account(store, account("other", created_at=0))
    await put_account(store, account("sender", created_at=0, imap=None))
    await sent(store, "q2", account="other")
    await sent(store, "q3", account="sender")

    assert (await tell(store, mail("In-Reply-To: <q2@example.com>"))).events == ()
    assert matched(await tell(store, mail("In-Reply-To: <q3@example.com>")))[0] == "q3"


async def test_an_automatic_answer_is_led_to_its_message_and_is_no_reply(store: Store) -> None:
    await sent(store)

    for fields in ((f"In-Reply-To: {ID}",), ()):
        told = await tell(store, mail("Auto-Submitted: auto-replied", *fields))
        assert told.events == ()
        assert told.data["isAutoReply"] is True
        found = told.data["submission"]
        assert isinstance(found, dict)
        assert found["queueId"] == "q1"


async def test_a_bounce_that_is_known_comes_with_the_message(store: Store) -> None:
    await sent(store)
    await tell(store, bounce("you@example.net"))
    data = {"id": "CCCC", "messageId": ID}

    async def unit(tx: Tx) -> Told:
        returns = await Returns.begin(tx, "a", [(data, None)])
        return await returns.tell(data, None)

    told = await store.write(unit)

    assert told.data["bounces"] == [
        {
            "message": "AAAA",
            "recipient": "you@example.net",
            "action": "failed",
            "response": {
                "message": "550 5.1.1 <you@example.net>: User unknown",
                "status": "5.1.1",
            },
            "date": "2023-11-14T22:13:20.000Z",
        }
    ]


async def test_ten_thousand_recipients_are_bounded(store: Store) -> None:
    await sent(store)
    octets = bounce(*(f"u{n}@one.example" for n in range(10_000)))
    started = time.perf_counter()

    told = await tell(store, octets)

    assert len(told.events) == MAX_RECIPIENTS
    assert time.perf_counter() - started < 10
    kept = await store.read(lambda tx: tx.returned.of_submission("q1"))
    assert len(kept) == MAX_RECIPIENTS


async def test_a_huge_original_is_not_repeated_for_each_recipient(store: Store) -> None:
    octets = bounce(*(f"u{n}@one.example" for n in range(1_000)))
    fields = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 900) for n in range(190))
    octets = octets.replace(b"Subject: Hi", fields + b"Subject: Hi")

    told = await tell(store, octets)

    assert len(told.events) == 1_000
    assert sum(len(json.dumps(one.data)) for one in told.events) < 3_000_000
    alone = await tell(
        store, bounce("a@b", own_id="<2@x>").replace(b"Subject: Hi", fields + b"Subject: Hi")
    )
    headers = alone.events[0].data["messageHeaders"]
    assert isinstance(headers, dict)
    assert len(headers) == 192


async def test_a_report_that_names_thousands_of_messages_is_bounded(store: Store) -> None:
    await sent(store)
    many = " ".join(f"<{n}@far.example>" for n in range(5_000))

    found = clue(mail(f"References: {many}"))

    assert found is not None
    assert len(found.named) <= 12


async def test_many_large_reports_are_not_one_transaction() -> None:
    large = bounce(*(f"u{n}@one.example" for n in range(1_000)))
    arrivals = [arrival(large, 1), arrival(bounce("a@b"), 2), arrival(large, 3), arrival(large, 4)]

    groups = [[one.entry.uid for one in group] for group in portions(arrivals)]

    assert groups == [[1, 2], [3], [4]]
    assert portions([]) == []


@dataclass
class Followed:
    """One mailbox of the account ``a``, followed."""

    store: Store
    ingest: Ingest
    events: list[str] = field(default_factory=list)

    @classmethod
    async def begin(cls, store: Store, node: str = "n1") -> Followed:
        async def unit(tx: Tx) -> Lease:
            await tx.nodes.beat(node, 20_000)
            lease = await tx.leases.acquire("account:a", node)
            assert lease is not None
            return lease

        return cls(store, Ingest(store, await store.write(unit), "a"))

    async def names(self) -> list[str]:
        rows = await self.store.read(lambda tx: tx.events.read_after(EventPosition(), 10_000))
        return [one.name for _, one in rows if one.name.startswith("message")]


def arrival(octets: bytes, uid: int = 1) -> Arrival:
    data = {"id": f"A{uid}", "uid": uid, "messageId": "<dsn@mx.example>"}
    return Arrival(Entry(uid, marks(())), data, clue=clue(octets))


async def test_a_bounce_is_told_once_whoever_follows_and_wherever_it_stops(
    store: Store, clock: Clock
) -> None:
    await sent(store)
    inbox = Mailbox("INBOX", "/", SpecialUse.INBOX)
    first = await Followed.begin(store)
    cursor = await first.ingest.begin(
        inbox, MailboxState(1, 1, 0, None), uidnext=1, indexer=Indexer.FULL
    )
    clock.advance(60_000)  # the first node has died meanwhile
    second = await Followed.begin(store, "n2")

    with pytest.raises(LeaseLost):
        await first.ingest.announce(cursor, [arrival(bounce("you@example.net"))], upto=2)
    assert await first.names() == []
    assert await store.read(lambda tx: tx.returned.of_submission("q1")) == []

    await second.ingest.announce(cursor, [arrival(bounce("you@example.net"))], upto=2)
    with pytest.raises(LeaseLost):
        await second.ingest.announce(cursor, [arrival(bounce("you@example.net"))], upto=2)

    assert await second.names() == ["messageNew", "messageBounce"]
    rows = await store.read(lambda tx: tx.events.read_after(EventPosition(), 100))
    new, told = (json.loads(one.data) for _, one in rows[-2:])
    assert new["isBounce"] is True
    assert told["submission"]["queueId"] == "q1"
    assert len(await store.read(lambda tx: tx.returned.of_submission("q1"))) == 1
