"""The whole round: a mail bounces, its recipient is suppressed, the next mail goes without him."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from postroad.domain.suppression import RESERVED_LIST
from support.road import Road, road

pytestmark = pytest.mark.integration

TO = "bounce@example.net"


def submit(on_road: Road, *recipients: str) -> dict[str, object]:
    to = [{"address": address} for address in recipients or (TO,)]
    return on_road.submit("toy", to=to)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_hard_bounce_suppresses_its_recipient(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres_dsn") if engine == "postgres" else None
    with road(tmp_path, database=database) as on_road:
        server = on_road.server
        toy = {"account": "toy", "name": "Toy", "email": "toy@sandbox.example", "type": "sandbox"}
        server.ok("POST", "/v1/account", toy)
        server.ok("POST", "/v1/settings", {"webhookEvents": ["*", "recipientSuppressed"]})

        first = submit(on_road)
        on_road.receiver.wait_for("messageBounce", recipient=TO)
        assert server.ok("GET", "/v1/blocklists")["total"] == 0  # by default nobody is

        server.ok("POST", "/v1/settings", {"suppressionRules": "hardBouncesAndComplaints"})
        assert "skipped" not in submit(on_road)
        told = on_road.receiver.wait_for("recipientSuppressed", recipient=TO)

        assert told.payload["account"] == "toy"
        assert told.data["queueId"] != first["queueId"]
        assert (told.data["source"], told.data["reason"]) == ("bounce", "user_unknown")
        bounce = on_road.receiver.wait_for("messageBounce", bounceMessage=told.data["message"])
        assert bounce.data["messageId"] == told.data["messageId"]
        (entry,) = server.ok("GET", f"/v1/blocklist/{RESERVED_LIST}")["addresses"]
        assert (entry["recipient"], entry["source"]) == (TO, "bounce")
        assert entry["messageId"] == told.data["messageId"]
        shown = subprocess.run(
            [sys.executable, "-m", "postroad", "suppress", "show", TO],
            env=server._environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
        assert str(told.data["message"]) in shown
        assert server.ok("GET", f"/v1/account/toy/message/{told.data['message']}")["subject"]

        assert submit(on_road)["response"] == "Skipped"
        both = submit(on_road, TO, "ok@example.net")
        assert both["skipped"] == [
            {"recipient": TO, "reason": "user_unknown", "listId": RESERVED_LIST}
        ]
