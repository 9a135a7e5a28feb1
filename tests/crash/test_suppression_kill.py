"""Kill the server while it takes suppressed recipients out: each message tells of it once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.suppression import RESERVED_LIST
from postroad.store.events import EventPosition
from support.server import Server
from support.sink import Sink

pytestmark = pytest.mark.crash

MESSAGES = 120  # half of them to the suppressed one alone
KILLS = 5
GONE, HERE = "gone@example.net", "here@example.net"


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.timeout(180)
def test_nobody_suppressed_is_written_to_and_each_message_tells_of_it_once(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres_dsn") if engine == "postgres" else None
    server = Server(tmp_path, database=database)
    with Sink() as sink:
        try:
            some, none = run(server, sink, random.Random(11))
        finally:
            server.kill()
        told = asyncio.run(read(database or str(server.data)))

        assert {tuple(one) for one in sink.recipients} == {(HERE,)}
        assert len(sink.counts) == len(some)
    both = [("messageDeliveryError", queue_id) for queue_id in (*some, *none)]
    ended = [("messageSent", queue_id) for queue_id in some]
    ended += [("messageFailed", queue_id) for queue_id in none]
    assert told == Counter([*both, *ended])


def run(server: Server, sink: Sink, rng: random.Random) -> tuple[list[str], list[str]]:
    """The queue ids of the messages that go to somebody, and of those that go to nobody."""
    server.start()
    server.ok(
        "POST",
        "/v1/account",
        {"account": "a", "name": "A", "email": "a@example.com",
         "smtp": {"host": sink.host, "port": sink.port}},
    )  # fmt: skip
    first = datetime.now(UTC) + timedelta(seconds=4)
    queued: list[list[str]] = [[], []]
    for number in range(MESSAGES):
        to = [{"address": GONE}] if number % 2 else [{"address": GONE}, {"address": HERE}]
        at = (first + timedelta(seconds=number * 0.04)).isoformat()
        body = {"to": to, "text": "x", "sendAt": at}
        queued[number % 2].append(server.ok("POST", "/v1/account/a/submit", body)["queueId"])
    body = {"account": "a", "recipient": GONE}
    server.ok("POST", f"/v1/blocklist/{RESERVED_LIST}", body)
    time.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds()))
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.7))
        server.kill()
        server.start()

    def only_failed() -> bool:
        messages = server.ok("GET", "/v1/outbox?pageSize=1000")["messages"]
        return all(one["nextAttempt"] is False for one in messages)

    server.wait_until(only_failed, 60, "nothing waits any more")
    server.stop()
    return queued[0], queued[1]


async def read(database: str) -> Counter[tuple[str, str]]:
    """How often each event about each submission was recorded."""
    store = await stores.open(database)
    try:
        rows = await store.read(lambda tx: tx.events.read_after(EventPosition(), 1_000_000))
    finally:
        await store.close()
    told: Counter[tuple[str, str]] = Counter()
    for _, event in rows:
        data = json.loads(event.data)
        if event.name == "messageDeliveryError":
            assert [one["recipient"] for one in data["skipped"]] == [GONE]
        if "queueId" in data:
            told[event.name, data["queueId"]] += 1
    return told
