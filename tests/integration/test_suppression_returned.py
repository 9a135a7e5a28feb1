"""What real reports put onto the reserved list, in the transaction that tells of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.bounce import Feedback, Report, ReportedRecipient
from postroad.domain.event import RecordedEvent
from postroad.domain.setting import SettingValues
from postroad.domain.suppression import RESERVED_LIST, ReturnedMail, Suppressed
from postroad.engine.suppression.automatic import suppress_returned
from postroad.protocol.report import read_report
from postroad.store import Store, Tx
from postroad.store.events import EventPosition
from support.store import account, put_account

REPORTS = Path(__file__).parents[1] / "data" / "report"
BOTH = SettingValues.of({"suppressionRules": "hardBouncesAndComplaints"})
GLOBAL = SettingValues.of(
    {"suppressionRules": "hardBouncesAndComplaints", "suppressionScope": "global"}
)
ARRIVED = 1_741_683_900_000  # 2025-03-11T09:05:00Z
MAIL = ReturnedMail("AAAAAQAAACc", ARRIVED, "0017b5a0ed91abcdef0", "<order-52@sender.example>")


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
    store: Store, read: Report, settings: SettingValues = BOTH, mail: ReturnedMail = MAIL
) -> list[Suppressed]:
    """Do what whoever records a report does: one call for each recipient, in one unit."""
    fates: list[tuple[str, ReportedRecipient | Feedback]] = [
        (item.recipient, item) for item in read.failures
    ]
    if read.feedback is not None:
        fates += [(recipient, read.feedback) for recipient in read.feedback.recipients]

    async def unit(tx: Tx) -> list[Suppressed]:
        entries = [
            await suppress_returned(tx, "shop", who, fate, mail=mail, settings=settings)
            for who, fate in fates
        ]
        return [entry for entry in entries if entry is not None]

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
             "success-report", "newsletter"]
)  # fmt: skip
async def test_anything_else_is_not_listed(store: Store, name: str) -> None:
    assert await record(store, report(name)) == []
    assert await listed(store) == []
    assert await told(store) == []


async def test_by_default_nothing_is_listed(store: Store) -> None:
    assert await record(store, report("exim-failed"), SettingValues()) == []


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


async def test_unit_that_fails_leaves_neither_entry_nor_event(store: Store) -> None:
    (fate,) = report("exim-failed").failures

    async def unit(tx: Tx) -> None:
        assert await suppress_returned(tx, "shop", fate.recipient, fate, mail=MAIL, settings=BOTH)
        raise LookupError("the rest of the unit fails")

    with pytest.raises(LookupError):
        await store.write(unit)
    assert await listed(store) == []
    assert await told(store) == []
