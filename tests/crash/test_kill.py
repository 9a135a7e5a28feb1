"""Kill the server at random moments and look at what is promised.

Promise 1: what was answered with 200 is delivered. Promise 2: a message is doubled only if it
was in flight at a kill, and the log says so for each.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from pathlib import Path

import pytest

from support.server import Server
from support.sink import Sink

pytestmark = pytest.mark.crash

# The full measure is 2000 messages and 20 kills; both can be set from outside.
MESSAGES = int(os.environ.get("CRASH_MESSAGES", "400"))
KILLS = int(os.environ.get("CRASH_KILLS", "5"))


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.timeout(240 + KILLS * 10)
def test_nothing_acknowledged_is_lost_and_every_double_is_explained(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres_dsn") if engine == "postgres" else None
    with Sink() as sink:
        server = Server(tmp_path, database=database)
        try:
            run(server, sink, messages=MESSAGES, kills=KILLS, rng=random.Random(7))
        finally:
            server.kill()


def run(server: Server, sink: Sink, *, messages: int, kills: int, rng: random.Random) -> None:
    server.start()
    server.ok(
        "POST",
        "/v1/account",
        {"account": "a", "name": "A", "email": "a@example.com",
         "smtp": {"host": sink.host, "port": sink.port}},
    )  # fmt: skip
    acknowledged: dict[str, str] = {}  # Message-ID -> queue id
    refusals: list[tuple[int, object]] = []
    progress = threading.Event()

    def submit() -> None:
        sent = 0
        while sent < messages:
            message_id = f"<m{sent}@example.com>"
            body = {"to": {"address": "b@example.net"}, "text": "x", "messageId": message_id}
            headers = {"idempotency-key": message_id}
            try:
                status, answer = server.call("POST", "/v1/account/a/submit", body, headers=headers)
            except (OSError, ValueError, http.client.HTTPException):
                time.sleep(0.02)  # it is being killed or started; the same key is used again
                continue
            if status != 200:
                refusals.append((status, answer))
                break
            acknowledged[message_id] = answer["queueId"]
            sent += 1
        progress.set()

    client = threading.Thread(target=submit, daemon=True)
    client.start()
    for _ in range(kills):
        time.sleep(rng.uniform(0.1, 0.6))
        server.kill()
        server.start()
    assert progress.wait(120), "the client could not hand over everything"
    assert not refusals
    server.wait_until(
        lambda: acknowledged.keys() <= sink.counts.keys(), 90, "everything is delivered"
    )
    server.wait_until(
        lambda: server.ok("GET", "/v1/outbox")["total"] == 0, 60, "the queue is empty"
    )
    doubled = {mid for mid, count in sink.counts.items() if count > 1}
    interrupted = interrupted_submissions(server.log)
    unexplained = [mid for mid in doubled if acknowledged[mid] not in interrupted]
    print(
        f"{len(acknowledged)} acknowledged, {len(doubled)} doubled, {len(interrupted)} interrupted"
    )
    assert not unexplained, f"doubled without an interrupted attempt: {unexplained}"
    assert max(sink.counts.values()) <= 1 + kills


def interrupted_submissions(log: str) -> set[str]:
    """Queue ids whose attempt was under way when a former life of the server ended."""
    found = set()
    for line in log.splitlines():
        if line.startswith("{") and "attempt was interrupted" in line:
            found.add(json.loads(line)["queue_id"])
    return found
