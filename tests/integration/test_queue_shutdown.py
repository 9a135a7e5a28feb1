"""Ending: what is under way is finished, what waits is there again, nothing is lost or doubled."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from support.hostile_smtp import Fault
from support.road import Road, road
from support.scripted_relay import ScriptedRelay
from support.sink import Sink

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_message_under_way_is_finished_before_the_end(
    tmp_path: Path, number: signal.Signals
) -> None:
    with ScriptedRelay(delay_s=1.5) as relay, road(tmp_path) as on_road:
        account = on_road.account("a", relay)
        queued = [on_road.submit(account)["queueId"] for _ in range(8)]
        on_road.server.wait_until(lambda: relay.messages, 10, "the relay has a message")
        assert on_road.server._end(number) == 0
        finished = len(relay.messages)
        assert 1 <= finished < 8
        assert "attempt was interrupted" not in on_road.server.log
        on_road.server.start()
        for queue_id in queued:
            on_road.receiver.wait_for("messageSent", queueId=queue_id)
        on_road.wait_empty()
        assert len(relay.messages) == 8
        assert len(on_road.receiver.of("messageSent")) == 8
        assert "attempt was interrupted" not in on_road.server.log


def test_a_relay_that_hangs_does_not_keep_the_server(tmp_path: Path) -> None:
    env = {"POSTROAD_STOP_GRACE": "1s"}
    with ScriptedRelay({".": Fault.HANG}) as relay, road(tmp_path, env=env) as on_road:
        account = on_road.account("a", relay)
        queue_id = on_road.submit(account)["queueId"]
        on_road.server.wait_until(lambda: relay.messages, 10, "the relay has the message")
        began = time.monotonic()
        assert on_road.server.stop() == 0
        assert time.monotonic() - began < 6
        relay.change(end=b"250 2.0.0 at last\r\n")
        on_road.server.start()
        sent = on_road.receiver.wait_for("messageSent", queueId=queue_id)
        assert sent.data["response"] == "250 2.0.0 at last"


def test_what_was_answered_with_200_while_the_server_ended_is_sent(tmp_path: Path) -> None:
    with Sink() as sink, road(tmp_path) as on_road:
        account = on_road.account("a", sink)
        acknowledged: list[str] = []
        odd: list[object] = []

        def client() -> None:
            body = {"to": {"address": "b@example.net"}, "text": "x"}
            while True:
                try:
                    status, answer = on_road.server.call(
                        "POST", f"/v1/account/{account}/submit", body
                    )
                except (OSError, ValueError):
                    return
                if status == 200:
                    acknowledged.append(answer["messageId"])
                elif status != 503:
                    odd.append((status, answer))

        clients = [threading.Thread(target=client) for _ in range(4)]
        for thread in clients:
            thread.start()
        on_road.server.wait_until(lambda: len(acknowledged) > 50, 20, "some are in")
        assert on_road.server.stop() == 0
        for thread in clients:
            thread.join(20)
        assert not odd
        on_road.server.start()
        on_road.wait_empty()
        assert {mid: sink.counts[mid] for mid in acknowledged} == dict.fromkeys(acknowledged, 1)
        told(on_road, len(sink.mails))


def told(on_road: Road, count: int) -> None:
    on_road.server.wait_until(
        lambda: len(on_road.receiver.of("messageSent")) >= count, 20, "every event has come"
    )
