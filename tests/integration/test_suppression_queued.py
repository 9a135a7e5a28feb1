"""Mail that waits in the queue while its recipients are suppressed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from postroad import store as stores
from postroad.domain.envelope import Envelope
from postroad.domain.errors import Unavailable
from postroad.domain.submission import SubmissionState
from postroad.domain.suppression import RESERVED_LIST, Skipped
from postroad.engine.accounts.credentials import StoredCredentials
from postroad.engine.accounts.directory import Directory
from postroad.engine.delivery.pool import RelayPool
from postroad.engine.delivery.relay import Relay
from postroad.engine.delivery.sandbox_relay import SandboxRelay
from postroad.engine.delivery.settle import withdraw
from postroad.engine.delivery.worker import DeliveryWorker
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
from postroad.store import Store
from postroad.store.events import EventPosition
from support.road import Road, road
from support.scripted_relay import ScriptedRelay
from support.sink import Sink
from support.store import (
    MINUTE,
    START,
    Clock,
    account,
    claim,
    enqueue,
    get,
    put_account,
    submission,
)

GONE, HERE = "gone@example.net", "here@example.net"
SKIPPED = Skipped("Gone@example.net", "block", "news")
TOLD = {"recipient": GONE, "reason": "block", "listId": RESERVED_LIST}
WORDS = f"recipient suppressed: {GONE} is on suppression list {RESERVED_LIST} (block)"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return str(request.getfixturevalue("postgres_dsn")) if request.param == "postgres" else None


@pytest.fixture
async def store(database: str | None, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await stores.open(database or str(tmp_path / "data"), clock=Clock())
    await put_account(opened, account())
    envelope = Envelope("me@example.com", ("Gone@example.net", HERE))
    await enqueue(opened, submission("q1", envelope=envelope, tags=("spring",)))
    yield opened
    await opened.close()


async def events(store: Store) -> list[tuple[str, dict[str, Any]]]:
    log = await store.read(lambda tx: tx.events.read_after(EventPosition(), 100))
    return [(event.name, json.loads(event.data)) for _, event in log]


async def test_the_others_are_left_and_who_was_taken_out_is_told(store: Store) -> None:
    (sub,) = await claim(store)

    left, told = await store.write(lambda tx: withdraw(tx, sub, [SKIPPED]))

    assert left == replace(sub, envelope=Envelope("me@example.com", (HERE,)))
    assert await get(store, "q1") == left
    ((name, data),) = await events(store)
    assert (name, told) == ("messageDeliveryError", ("messageDeliveryError",))
    assert data == {
        "queueId": "q1",
        "envelope": {"from": "me@example.com", "to": ["Gone@example.net"]},
        "messageId": "<q1@example.com>",
        "error": "recipient suppressed: Gone@example.net is on suppression list news (block)",
        "errorCode": "EENVELOPE",
        "networkRouting": None,
        "job": {"id": "q1", "attemptsMade": 0, "attempts": 10, "nextAttempt": False},
        "tags": ["spring"],
        "skipped": [{"recipient": "Gone@example.net", "reason": "block", "listId": "news"}],
    }


async def test_without_anybody_left_the_message_fails(store: Store) -> None:
    (sub,) = await claim(store)

    left, told = await store.write(
        lambda tx: withdraw(tx, sub, [SKIPPED, Skipped(HERE, "abuse", "news")])
    )

    assert left is None
    assert told == ("messageDeliveryError", "messageFailed")
    failed = await get(store, "q1")
    assert failed.state is SubmissionState.FAILED
    assert failed.last_code == "EENVELOPE"
    assert failed.envelope == sub.envelope  # shown with whom it was for
    (_, error), (_, failure) = await events(store)
    assert error["envelope"]["to"] == ["Gone@example.net", HERE]
    assert failure["error"] == (
        "Error: recipient suppressed: Gone@example.net and 1 more are on suppression list news"
        " (block)"
    )
    assert failure["tags"] == ["spring"]


async def test_a_lost_claim_changes_and_tells_nothing(store: Store) -> None:
    (sub,) = await claim(store)
    stale = replace(sub, claim_token=sub.claim_token - 1)

    for skipped in ([SKIPPED], [SKIPPED, Skipped(HERE, "abuse", "news")]):
        wanted = skipped
        assert await store.write(lambda tx: withdraw(tx, stale, wanted)) == (None, ())  # noqa: B023 - awaited at once
    assert await get(store, "q1") == sub
    assert await events(store) == []


class Blind:
    """Lists that cannot be read."""

    async def screen(self, account: str, recipients: Sequence[str]) -> Sequence[Skipped]:
        raise Unavailable("the lists cannot be read")


async def test_a_message_whose_recipients_cannot_be_looked_up_is_tried_again_soon(
    store: Store,
) -> None:
    await store.write(lambda tx: tx.submissions.cancel("q1"))
    await enqueue(store, submission("q2", created_at=START - MINUTE))
    settings, directory = Settings(store), Directory(store)
    relay = Relay(
        store,
        directory,
        StoredCredentials(),
        settings,
        Trust(settings, min_version="TLSv1.2"),
        RelayPool(max_connections=1),
        SandboxRelay(store),
    )
    worker = DeliveryWorker(store, relay, node_id="n1", directory=directory, screen=Blind())
    deferred = asyncio.Event()

    def hear(payload: str) -> None:
        if not payload.startswith(str(START)):
            deferred.set()

    with store.wake.listen("queue", hear):
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            await deferred.wait()
            worker.stop()

    waiting = await get(store, "q2")
    assert waiting.state is SubmissionState.QUEUED
    assert waiting.claimed_by is None
    assert START < waiting.next_attempt_at <= START + 5_000
    assert waiting.last_error == "the lists cannot be read"
    assert [name for name, _ in await events(store)] == ["messageDeliveryError"]


@pytest.fixture
def on_road(database: str | None, tmp_path: Path) -> Iterator[Road]:
    with road(tmp_path, database=database) as running:
        yield running


def suppress(on_road: Road, *recipients: str) -> None:
    for recipient in recipients:
        body = {"account": "mine", "recipient": recipient}
        on_road.server.ok("POST", f"/v1/blocklist/{RESERVED_LIST}", body)


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def to(*addresses: str) -> list[dict[str, str]]:
    return [{"address": address} for address in addresses]


@pytest.mark.integration
def test_scheduled_mail_goes_without_those_who_were_suppressed_meanwhile(on_road: Road) -> None:
    with Sink() as sink:
        on_road.account("mine", sink)
        at = in_seconds(2.5)
        some = on_road.submit("mine", to=to(GONE, HERE), sendAt=at)["queueId"]
        none = on_road.submit("mine", to=to(GONE), sendAt=at)["queueId"]
        suppress(on_road, GONE)

        sent = on_road.receiver.wait_for("messageSent", queueId=some)
        on_road.receiver.wait_for("messageFailed", queueId=none, error=f"Error: {WORDS}")

        assert sent.data["envelope"]["to"] == [HERE]
        assert sink.recipients == [[HERE]]
        for queue_id in (some, none):
            error = on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id, error=WORDS)
            assert error.data["envelope"]["to"] == [GONE]
            assert error.data["skipped"] == [TOLD]
            assert error.data["job"]["nextAttempt"] is False
        (entry,) = on_road.server.ok("GET", "/v1/outbox")["messages"]
        assert (entry["queueId"], entry["progress"]["error"]["message"]) == (none, WORDS)
        shown = on_road.server.printed("trace", some)
        assert f"\nto             {HERE}\n" in shown
        assert re.search(rf"messageDeliveryError  {GONE}  {re.escape(WORDS)}\n", shown)
        metrics = str(on_road.server.call("GET", "/metrics")[1])
        assert 'postroad_recipients_suppressed_total{outcome="withdrawn"} 2.0' in metrics


@pytest.mark.integration
def test_mail_that_is_tried_again_is_not_when_its_recipient_was_suppressed(on_road: Road) -> None:
    with ScriptedRelay({".": [b"451 4.3.0 later\r\n", b"250 2.0.0 now\r\n"]}) as relay:
        on_road.account("mine", relay)
        queue_id = on_road.submit("mine", to=to(GONE))["queueId"]
        on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id, smtpResponseCode=451)
        # From another process, which the server has to hear of.
        on_road.server.cli("suppress", "add", GONE, "--account", "mine")

        on_road.receiver.wait_for("messageFailed", queueId=queue_id, error=f"Error: {WORDS}")

        assert len(relay.messages) == 1
