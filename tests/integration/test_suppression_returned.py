"""What real reports put onto the reserved list, in the transaction that tells of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.bounce import Report
from postroad.domain.event import RecordedEvent
from postroad.domain.suppression import RESERVED_LIST, ReturnedMail, Suppressed
from postroad.engine.suppression.automatic import Fate, suppress_returned
from postroad.protocol.report import read_report
from postroad.store import Store, Tx
from postroad.store.events import EventPosition
from support.store import account, put_account

REPORTS = Path(__file__).parents[1] / "data" / "report"
BOTH = {"suppressionRules": "hardBouncesAndComplaints"}
GLOBAL = {**BOTH, "suppressionScope": "global"}
ARRIVED = 1_741_683_900_000  # 2025-03-11T09:05:00Z
MAIL = ReturnedMail(
    "shop", "AAAAAQAAACc", ARRIVED, "0017b5a0ed91abcdef0", "<order-52@sender.example>"
)


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    is_postgres = request.param == "postgres"
    database = request.getfixturevalue("postgres_dsn") if is_postgres else str(tmp_path)
    opened = await stores.open(database)
    await put_account(opened, account("shop"))
    yield opened
    await opened.close()


def report(name: str) -> Report:
    return read_report((REPORTS / f"{name}.eml").read_bytes())


async def record(
    store: Store,
    read: Report,
    settings: Mapping[str, object] = BOTH,
    mail: ReturnedMail = MAIL,
    wrote_to: Sequence[str] | None = None,
) -> list[Suppressed]:
    """Do what whoever records a report does, in one unit; the entries that are new."""
    fates: list[Fate] = [*read.recipients]
    reported = [item.recipient for item in read.recipients]
    if read.feedback is not None:
        fates.append(read.feedback)
        reported += read.feedback.recipients

    async def unit(tx: Tx) -> list[Suppressed]:
        await tx.settings.delete(GLOBAL)
        await tx.settings.set(settings)
        events = await suppress_returned(
            tx, "shop", fates, wrote_to=reported if wrote_to is None else wrote_to, mail=mail
        )
        await tx.events.record(*events)
        return [
            entry
            for event in events
            for entry in await tx.suppressions.find(RESERVED_LIST, str(event.data["recipient"]))
            if entry.created_at == tx.now
        ]

    return await store.write(unit)


async def listed(store: Store) -> list[Suppressed]:
    page, _ = await store.read(lambda tx: tx.suppressions.entries(RESERVED_LIST, 0, 100))
    return page


async def told(store: Store) -> list[RecordedEvent]:
    log = await store.read(lambda tx: tx.events.read_after(EventPosition(), 100))
    return [event for _, event in log if event.name == "recipientSuppressed"]


async def test_hard_bounce_is_listed_with_what_the_server_said(store: Store) -> None:
    (entry,) = await record(store, report("postfix-two-recipients"))
    assert await listed(store) == [entry]
    assert (entry.recipient, entry.account, entry.scope) == ("gone@one.example", "shop", "shop")
    assert (entry.source, entry.reason) == ("bounce", "user_unknown")
    evidence = entry.evidence
    assert evidence is not None
    assert (evidence.type, evidence.category, evidence.status) == ("hard", "user_unknown", "5.1.1")
    assert "550" in evidence.text
    assert (evidence.message, evidence.reported_at) == (MAIL.message, ARRIVED)
    assert (evidence.queue_id, entry.message_id) == (MAIL.queue_id, MAIL.message_id)


async def test_event_tells_it_all(store: Store) -> None:
    await record(store, report("postfix-two-recipients"))
    (event,) = await told(store)
    data = json.loads(event.data)
    assert event.account == "shop" and event.queue_id == MAIL.queue_id
    assert data.pop("response")["status"] == "5.1.1"
    assert data.pop("mta")
    assert data == {
        "recipient": "gone@one.example",
        "listId": RESERVED_LIST,
        "scope": "account",
        "source": "bounce",
        "reason": "user_unknown",
        "type": "hard",
        "messageId": "<order-52@sender.example>",
        "queueId": MAIL.queue_id,
        "message": MAIL.message,
        "date": "2025-03-11T09:05:00.000Z",
    }


@pytest.mark.parametrize("name", ["arf", "hotmail-junk-report", "abuse-desk"])
async def test_complaint_is_listed(store: Store, name: str) -> None:
    (entry,) = await record(store, report(name), GLOBAL)
    assert (entry.source, entry.reason, entry.scope) == ("complaint", "abuse", "")
    (event,) = await told(store)
    assert json.loads(event.data)["scope"] == "global"


@pytest.mark.parametrize(
    "name", ["imail", "exim-warning", "google-groups", "barracuda", "arf-auth-failure", "vacation",
             "success-report", "qmail-queue-too-long", "newsletter"]
)  # fmt: skip
async def test_anything_else_is_not_listed(store: Store, name: str) -> None:
    assert await record(store, report(name)) == []
    assert await listed(store) == []
    assert await told(store) == []


async def test_by_default_nothing_is_listed(store: Store) -> None:
    assert await record(store, report("exim-failed"), {}) == []


async def test_report_that_anybody_could_have_written_is_not_believed(store: Store) -> None:
    assert await record(store, report("exim-failed"), BOTH, replace(MAIL, queue_id=None)) == []


async def test_second_report_changes_and_tells_nothing(store: Store) -> None:
    first = await record(store, report("exim-failed"))
    assert first
    assert await record(store, report("arf"), BOTH) != []  # somebody else
    assert await record(store, report("exim-failed"), BOTH, replace(MAIL, message="later")) == []
    assert len(await told(store)) == 2
    kept = [entry for entry in await listed(store) if entry.source == "bounce"]
    assert kept == first


async def test_who_is_suppressed_for_all_is_not_listed_for_one(store: Store) -> None:
    assert await record(store, report("exim-failed"), GLOBAL)
    assert await record(store, report("exim-failed"), BOTH) == []
    assert len(await listed(store)) == 1


async def test_entry_by_hand_is_left_as_it_is(store: Store) -> None:
    by_hand = Suppressed(RESERVED_LIST, "GONE@one.example", "shop", "api", "he asked for it", 5)
    await store.write(lambda tx: tx.suppressions.put(by_hand))
    assert await record(store, report("exim-failed"), GLOBAL) == []
    assert await listed(store) == [by_hand]


async def test_report_in_the_mailbox_of_another_account_says_so(store: Store) -> None:
    (entry,) = await record(store, report("exim-failed"), BOTH, replace(MAIL, reporter="inbox"))
    assert entry.evidence is not None and entry.evidence.reporter == "inbox"
    (event,) = await told(store)
    assert event.account == "shop"
    assert json.loads(event.data)["reporter"] == "inbox"


async def test_only_who_was_written_to_is_listed_and_as_he_was_written_to(store: Store) -> None:
    read = report("exim-failed")
    nobody_known = ["a@x.test", "b@x.test"]
    assert await record(store, read, BOTH, MAIL, nobody_known) == []
    (entry,) = await record(store, read, BOTH, MAIL, ["a@x.test", "Gone@ONE.example"])
    assert entry.recipient == "Gone@ONE.example"


async def test_bounce_of_a_forwarded_mail_counts_for_the_one_address(store: Store) -> None:
    (entry,) = await record(store, report("exim-failed"), BOTH, MAIL, ["old@home.example"])
    assert entry.recipient == "old@home.example"


async def test_complaint_without_its_address_counts_for_the_only_one(store: Store) -> None:
    assert await record(store, report("arf"), BOTH, MAIL, ["a@x.test", "b@x.test"]) == []
    (entry,) = await record(store, report("arf"), BOTH, MAIL, ["angry@home.example"])
    assert entry.recipient == "angry@home.example"


async def test_unit_that_fails_leaves_nobody_listed(store: Store) -> None:
    read = report("exim-failed")

    async def unit(tx: Tx) -> None:
        await tx.settings.set(BOTH)
        assert await suppress_returned(
            tx, "shop", read.recipients, wrote_to=["gone@one.example"], mail=MAIL
        )
        raise LookupError("the rest of the unit fails")

    with pytest.raises(LookupError):
        await store.write(unit)
    assert await listed(store) == []


async def test_report_of_thousands_lists_each_once(store: Store) -> None:
    (fate,) = report("exim-failed").recipients
    names = [f"n{number}@x.test" for number in range(1000)]
    fates = [replace(fate, recipient=name) for name in [*names, *names]]
    read = replace(report("exim-failed"), recipients=tuple(fates))
    await record(store, read, BOTH, MAIL, names[:100])
    _, total = await store.read(lambda tx: tx.suppressions.entries(RESERVED_LIST, 0, 1))
    assert total == len(await told(store)) == 100
