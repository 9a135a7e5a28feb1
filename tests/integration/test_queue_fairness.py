"""No account waits for another one's backlog, and no hostile server costs more than its own."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.hostile_smtp import Answer, Fault
from support.road import Road, road
from support.scripted_relay import ScriptedRelay
from support.sink import Sink

pytestmark = pytest.mark.integration

BACKLOG = 2_000
CLIENTS = 8


def submit_many(on_road: Road, account: str, count: int) -> None:
    def client(share: int) -> None:
        for _ in range(share):
            on_road.submit(account)

    clients = [threading.Thread(target=client, args=(count // CLIENTS,)) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_single_message_passes_a_backlog_of_another_account_within_a_turn(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres_dsn") if engine == "postgres" else None
    env = {"POSTROAD_DELIVERY_CONCURRENCY": "2", "POSTROAD_LOG_LEVEL": "warning"}
    with ScriptedRelay(delay_s=0.1) as relay, road(tmp_path, database=database, env=env) as on_road:
        on_road.account("bulk", relay)
        on_road.account("single", relay)
        submit_many(on_road, "bulk", BACKLOG)
        for _ in range(3):
            taken, began = len(relay.messages), time.monotonic()
            queue_id = on_road.submit("single")["queueId"]
            on_road.receiver.wait_for("messageSent", queueId=queue_id)
            waited = time.monotonic() - began
            place = next(n for n, m in enumerate(relay.messages) if n >= taken and b"single@" in m)
            # Two slots: what is under way in both, and then it is the single one's turn.
            assert place - taken <= 4, (place, taken)
            assert waited < 2
        assert on_road.server.ok("GET", "/v1/outbox?pageSize=1")["total"] > BACKLOG / 2


HOSTILE: dict[str, dict[str, Answer]] = {
    "silent": {"CONN": Fault.HANG},
    "mute": {"EHLO": Fault.HANG},
    "stuck": {".": Fault.HANG},
    "endlessline": {"EHLO": Fault.ENDLESS_LINE},
    "endlessreply": {"MAIL": Fault.ENDLESS_REPLY},
    "dies": {"DATA": Fault.RESET},
    "lies": {"RCPT": Fault.WRONG_WAY},
    "stutters": {"MAIL": Fault.TWICE},
    "half": {"RCPT": Fault.HALF_LINE},
    "noise": {"CONN": Fault.GARBAGE},
}


def test_relays_that_hang_lie_and_die_cost_only_their_own_account(tmp_path: Path) -> None:
    with ExitStack() as stack:
        on_road = stack.enter_context(road(tmp_path, env={"POSTROAD_STOP_GRACE": "2s"}))
        sink = stack.enter_context(Sink())
        for name, answers in HOSTILE.items():
            on_road.account(name, stack.enter_context(ScriptedRelay(answers)))
            for _ in range(6):  # more than one account may have under way
                on_road.submit(name)
        on_road.account("honest", sink)
        queued: list[Any] = []
        for _ in range(20):
            queued.append(on_road.submit("honest")["queueId"])
            on_road.receiver.wait_for("messageSent", queueId=queued[-1], timeout_s=3)
        assert on_road.server.call("GET", "/health")[0] == 200
        assert max(sink.counts.values()) == 1 and len(sink.mails) == 20
        # An ending server does not wait for peers that hang.
        began = time.monotonic()
        assert on_road.server.stop() == 0
        assert time.monotonic() - began < 8
