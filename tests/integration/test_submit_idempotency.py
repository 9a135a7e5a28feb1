"""One message for one Idempotency-Key, whoever asks and however often. Contract §6.4."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.road import Road, new_server, road
from support.server import Server
from support.sink import Sink

pytestmark = pytest.mark.integration

LATER = "2099-01-01T00:00:00.000Z"
BODY = {"to": {"address": "b@example.net"}, "text": "once"}


def ask(
    server: Server, key: str, body: dict[str, Any] | None = None, account: str = "a"
) -> tuple[int, Any]:
    return server.call(
        "POST",
        f"/v1/account/{account}/submit",
        BODY if body is None else body,
        headers={"idempotency-key": key},
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def on_road(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_cluster: Any,
) -> Iterator[Road]:
    database = postgres_cluster.create_database() if request.param == "postgres" else None
    with Sink() as sink, road(tmp_path_factory.mktemp("keys"), database=database) as running:
        running.account("a", sink)
        running.account("other", sink)
        yield running
    if database is not None:
        postgres_cluster.drop_database(database)


def test_a_repeat_gets_the_first_answer_and_queues_nothing(on_road: Road) -> None:
    status, first = ask(on_road.server, "order-1")
    assert status == 200
    assert first["idempotency"] == {"key": "order-1", "status": "MISS"}
    for key in ("order-1", '"order-1"', " order-1 "):
        status, again = ask(on_road.server, key)
        assert (status, again["idempotency"]) == (200, {"key": "order-1", "status": "HIT"})
        assert {k: again[k] for k in ("queueId", "messageId", "sendAt", "response")} == {
            k: first[k] for k in ("queueId", "messageId", "sendAt", "response")
        }
    on_road.receiver.wait_for("messageSent", queueId=first["queueId"])
    on_road.wait_empty()
    assert len(on_road.receiver.of("messageSent", messageId=first["messageId"])) == 1
    # The key belongs to its account.
    status, elsewhere = ask(on_road.server, "order-1", account="other")
    assert elsewhere["idempotency"]["status"] == "MISS"
    assert elsewhere["queueId"] != first["queueId"]


def test_a_repeat_with_another_body_says_so_or_is_refused_where_that_is_set(on_road: Road) -> None:
    _, first = ask(on_road.server, "differs")
    status, again = ask(on_road.server, "differs", BODY | {"text": "other"})
    assert status == 200 and again["queueId"] == first["queueId"]
    assert again["idempotency"] == {"key": "differs", "status": "HIT", "bodyDiffers": True}
    on_road.server.ok("POST", "/v1/settings", {"idempotencyStrict": True})
    try:
        status, refused = ask(on_road.server, "differs", BODY | {"text": "other"})
        assert (status, refused["code"]) == (422, "IdempotencyMismatch")
        status, same = ask(on_road.server, "differs")
        assert (status, same["idempotency"]["status"]) == (200, "HIT")
    finally:
        on_road.server.ok("POST", "/v1/settings", {"idempotencyStrict": False})


@pytest.mark.parametrize(
    "broken",
    [{"text": 5}, {"subject": "a\r\nb: c"}, {"attachments": [{"reference": "AAAAAQAAAAEy"}]}],
)
def test_a_failed_first_leaves_the_key_free(on_road: Road, broken: dict[str, Any]) -> None:
    key = f"free-{next(iter(broken))}"
    status, refused = ask(on_road.server, key, BODY | broken)
    assert status in (400, 404), refused
    status, answer = ask(on_road.server, key)
    assert (status, answer["idempotency"]["status"]) == (200, "MISS")


def test_a_dry_run_takes_no_key(on_road: Road) -> None:
    status, dry = ask(on_road.server, "dry", BODY | {"dryRun": True})
    assert status == 200 and "idempotency" not in dry
    assert ask(on_road.server, "dry")[1]["idempotency"]["status"] == "MISS"


def at_once(calls: Sequence[Callable[[], tuple[int, Any]]]) -> list[tuple[int, Any]]:
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def assert_one(answers: list[tuple[int, Any]]) -> None:
    assert {status for status, _ in answers} == {200}, answers
    assert len({body["queueId"] for _, body in answers}) == 1, answers
    states = sorted(body["idempotency"]["status"] for _, body in answers)
    assert states == ["HIT"] * (len(answers) - 1) + ["MISS"]


def test_repeats_at_the_same_moment_share_one_message(on_road: Road) -> None:
    for n in range(10):
        answers = at_once([partial(ask, on_road.server, f"same-{n}")] * 8)
        assert_one(answers)
    # All of those waiting for one that fails get its error.
    answers = at_once([lambda: ask(on_road.server, "bad", {"to": {"address": "x"}})] * 6)
    assert {status for status, _ in answers} == {400}
    assert ask(on_road.server, "bad")[1]["idempotency"]["status"] == "MISS"


def test_the_guard_survives_a_restart_and_a_kill(tmp_path: Path) -> None:
    with Sink() as sink, road(tmp_path) as on_road:
        on_road.account("a", sink)
        _, first = ask(on_road.server, "kept", BODY | {"sendAt": LATER})
        on_road.server.stop()
        on_road.server.start()
        _, again = ask(on_road.server, "kept", BODY | {"sendAt": LATER})
        assert (again["queueId"], again["sendAt"]) == (first["queueId"], LATER)
        assert again["idempotency"] == {"key": "kept", "status": "HIT"}
        on_road.server.kill()
        on_road.server.start()
        _, again = ask(on_road.server, "kept")
        assert again["idempotency"] == {"key": "kept", "status": "HIT", "bodyDiffers": True}
        assert on_road.server.ok("GET", "/v1/outbox")["total"] == 1


def test_two_processes_take_one_message_for_one_key(tmp_path: Path, postgres_dsn: str) -> None:
    with (
        Sink() as sink,
        road(tmp_path / "one", database=postgres_dsn) as on_road,
        new_server(tmp_path / "two", database=postgres_dsn) as second,
    ):
        on_road.account("a", sink)
        queued = []
        for n in range(15):
            calls = [partial(ask, server, f"both-{n}") for server in (on_road.server, second)]
            answers = at_once(calls * 2)
            assert_one(answers)
            queued.append(answers[0][1])
        for answer in queued:
            on_road.receiver.wait_for("messageSent", queueId=answer["queueId"])
        on_road.wait_empty()
        assert [sink.counts[answer["messageId"]] for answer in queued] == [1] * len(queued)
