"""What is kept of a message for as long as something may come back: its recipients, its tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad.domain.suppression import RESERVED_LIST
from support.road import road

pytestmark = pytest.mark.integration

BOUNCING = "bounce@example.net"
TAGS = ["spring, sale", "zwölf"]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_bounce_of_one_of_many_is_told_with_the_tags_and_suppresses_him(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres_dsn") if engine == "postgres" else None
    many = [f"r{n}@example.net" for n in range(300)]
    many[249] = BOUNCING
    with road(tmp_path, database=database) as on_road:
        server = on_road.server
        toy = {"account": "toy", "name": "Toy", "email": "toy@sandbox.example", "type": "sandbox"}
        server.ok("POST", "/v1/account", toy)
        server.ok("POST", "/v1/settings", {"suppressionRules": "hardBounces"})

        to = [{"address": address} for address in many]
        queue_id = on_road.submit("toy", to=to, tags=TAGS)["queueId"]

        bounce = on_road.receiver.wait_for("messageBounce", recipient=BOUNCING)
        assert bounce.data["submission"]["queueId"] == queue_id
        assert bounce.data["submission"]["tags"] == TAGS
        assert on_road.receiver.wait_for("messageSent", queueId=queue_id).data["tags"] == TAGS
        (entry,) = server.ok("GET", f"/v1/blocklist/{RESERVED_LIST}")["addresses"]
        assert (entry["recipient"], entry["source"]) == (BOUNCING, "bounce")
        shown = server.printed("trace", queue_id)
        assert "tags           spring, sale, zwölf" in shown
        assert "r4@example.net and 295 more" in shown
        assert f"recipientSuppressed  {BOUNCING}  user_unknown\n" in shown
        again = on_road.submit("toy", to=to[248:251])
        assert [one["recipient"] for one in again["skipped"]] == [BOUNCING]


def test_a_trace_names_whom_the_relay_refused(tmp_path: Path) -> None:
    with road(tmp_path) as on_road:
        server = on_road.server
        toy = {"account": "toy", "name": "Toy", "email": "toy@sandbox.example", "type": "sandbox"}
        server.ok("POST", "/v1/account", toy)
        to = [{"address": f"{who}@example.net"} for who in ("here", "reject", "there")]

        queue_id = on_road.submit("toy", to=to)["queueId"]

        on_road.receiver.wait_for("messageDeliveryError", queueId=queue_id)
        errors = [
            line for line in server.printed("trace", queue_id).splitlines() if "Error" in line
        ]
        (error,) = [line.split(maxsplit=3)[2:] for line in errors]
        assert error[0] == "messageDeliveryError"
        assert error[1].startswith("reject@example.net  recipient refused: 550 5.1.1 ")


def test_tags_are_shown_while_a_message_waits_and_told_when_it_fails(tmp_path: Path) -> None:
    with road(tmp_path) as on_road:
        server = on_road.server
        toy = {"account": "toy", "name": "Toy", "email": "toy@sandbox.example", "type": "sandbox"}
        server.ok("POST", "/v1/account", toy)

        waiting = on_road.submit("toy", sendAt="2099-01-01T00:00:00Z", tags=TAGS)["queueId"]
        plain = on_road.submit("toy", sendAt="2099-01-01T00:00:00Z")["queueId"]
        refused = on_road.submit("toy", to={"address": "reject@example.net"}, tags=TAGS)["queueId"]

        assert server.ok("GET", f"/v1/outbox/{waiting}")["tags"] == TAGS
        assert "tags" not in server.ok("GET", f"/v1/outbox/{plain}")
        for event in ("messageDeliveryError", "messageFailed"):
            assert on_road.receiver.wait_for(event, queueId=refused).data["tags"] == TAGS
        listed = server.ok("GET", "/v1/outbox")["messages"]
        assert {one["queueId"]: one.get("tags") for one in listed} == {
            waiting: TAGS,
            plain: None,
            refused: TAGS,
        }
