"""A disk with no room left: nothing acknowledged is lost, nothing else is acknowledged."""

from __future__ import annotations

import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.postgres import Cluster
from support.road import Road, road
from support.scripted_relay import ScriptedRelay

pytestmark = pytest.mark.integration

LATER = "2099-01-01T00:00:00.000Z"


def limit_files(on_road: Road, size: int | None) -> None:
    """Let no file of the server grow beyond ``size``, as on a disk that is full."""
    assert on_road.server.process is not None
    most = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(
        on_road.server.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)
    )


def test_a_full_disk_refuses_and_loses_nothing_and_heals(tmp_path: Path) -> None:
    with ScriptedRelay(delay_s=0.3) as relay, road(tmp_path) as on_road:
        server = on_road.server
        account = on_road.account("a", relay)
        wal = server.data / "postroad.db-wal"
        taken: list[str] = []
        for _ in range(12):  # some of them are under way when the disk is full
            taken.append(on_road.submit(account)["queueId"])
        due = datetime.now(UTC) + timedelta(seconds=2)  # others become due meanwhile
        on_road.account("b", relay)
        soon = [on_road.submit("b", sendAt=due.isoformat())["queueId"] for _ in range(3)]
        limit_files(on_road, max(wal.stat().st_size, (tmp_path / "log").stat().st_size) + 40_000)
        refused = 0
        for n in range(60):
            body = {"to": {"address": "b@example.net"}, "text": "x" * 2000, "sendAt": LATER}
            status, answer = server.call("POST", f"/v1/account/{account}/submit", body)
            if status == 200:
                taken.append(answer["queueId"])
            else:
                assert (status, answer["statusCode"]) == (503, 503), answer
                assert "queueId" not in answer
                refused += 1
            if n == 30:
                large = body | {"text": "y" * 400_000}
                status, answer = server.call("POST", f"/v1/account/{account}/submit", large)
                assert status == 503, answer
        assert refused > 20
        smtp = {"host": "127.0.0.1", "port": relay.port}
        body = {"account": "c", "name": "c" * 5000, "smtp": smtp}
        assert server.call("POST", "/v1/account", body)[0] in (400, 503)
        assert server.call("GET", "/health")[0] == 500
        time.sleep(max(0.0, due.timestamp() - time.time()))
        # It waits for room, and does not spin or fill the rest of the disk with complaints.
        before, cpu = len(server.log), cpu_s(on_road)
        time.sleep(2)
        assert cpu_s(on_road) - cpu < 1.0
        assert len(server.log) - before < 20_000

        server.wait_until(
            lambda: "last uses of tokens were not written" in server.log, 15, "every service met it"
        )

        limit_files(on_road, None)
        server.wait_until(lambda: server.call("GET", "/health")[0] == 200, 10, "healthy again")
        last = on_road.submit(account)["queueId"]
        for queue_id in (*taken[:12], *soon, last):
            on_road.receiver.wait_for("messageSent", queueId=queue_id)
        shown = server.ok("GET", "/v1/outbox?pageSize=1000")["messages"]
        assert {entry["queueId"] for entry in shown} == set(taken[12:])
        assert len(relay.messages) == 16  # a 250 that could not be written was not sent again

        server.kill()
        server.start()
        shown = server.ok("GET", "/v1/outbox?pageSize=1000")["messages"]
        assert {entry["queueId"] for entry in shown} == set(taken[12:])


def cpu_s(on_road: Road) -> float:
    assert on_road.server.process is not None
    fields = Path(f"/proc/{on_road.server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_database_that_goes_away_is_waited_for(
    tmp_path: Path, postgres_cluster: Cluster, postgres_dsn: str
) -> None:
    with ScriptedRelay() as relay, road(tmp_path, database=postgres_dsn) as on_road:
        server = on_road.server
        account = on_road.account("a", relay)
        soon = datetime.now(UTC) + timedelta(seconds=1)
        queued = [on_road.submit(account, sendAt=soon.isoformat())["queueId"]]
        postgres_cluster.crash()
        try:
            body = {"to": {"address": "b@example.net"}, "text": "x"}
            began = time.monotonic()
            while time.monotonic() < began + 12:  # beyond the pause of every service
                status, answer = server.call("POST", f"/v1/account/{account}/submit", body)
                assert status == 503, answer
            assert server.call("GET", "/health")[0] == 500
        finally:
            postgres_cluster.start()
        server.wait_until(lambda: server.call("GET", "/health")[0] == 200, 15, "healthy again")
        queued.append(on_road.submit(account)["queueId"])
        for queue_id in queued:
            on_road.receiver.wait_for("messageSent", queueId=queue_id)
        assert len(relay.messages) == len(queued)
        assert server.stop() == 0
