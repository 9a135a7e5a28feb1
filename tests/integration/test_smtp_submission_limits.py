"""How far the submission server goes, and what it keeps when a client goes away."""

from __future__ import annotations

import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.road import Road, query
from support.scripted_relay import ScriptedRelay
from support.sink import Sink
from support.submission import Line, is_open, plain, queue_id, submission

pytestmark = pytest.mark.integration

HELD = b"Subject: x\r\nX-EE-Send-At: 2099-01-01T00:00:00Z\r\n\r\n"
LARGE = (b"0123456789abcdef" * 4 + b"\r\n") * 20_000  # 1.3 MB


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Road, int, ScriptedRelay]]:
    env = {
        "POSTROAD_MAX_SMTP_MESSAGE_SIZE": "2M",
        "POSTROAD_SMTP_MAX_RECIPIENTS": "5",
        "POSTROAD_SMTP_IDLE_TIMEOUT": "1s",
        "POSTROAD_SMTP_MESSAGE_TIMEOUT": "2s",
        "POSTROAD_SMTP_SESSION_TIMEOUT": "4s",
        "POSTROAD_SMTP_MAX_SESSIONS": "6",
        "POSTROAD_SMTP_MAX_SESSIONS_PER_ADDRESS": "4",
        "POSTROAD_SMTP_MAX_SESSIONS_PER_ACCOUNT": "2",
    }
    folder = tmp_path_factory.mktemp("limits")
    with ScriptedRelay() as relay, submission(folder, env=env) as (on_road, port):
        on_road.account("example", relay)
        yield on_road, port, relay


def test_large_messages_reach_the_relay_octet_by_octet(
    smtp: tuple[Road, int, ScriptedRelay],
) -> None:
    on_road, port, _ = smtp
    with Sink() as relay, Line(port) as line:
        on_road.account("large", relay)
        answer = line.log_in(plain("large", "saladus")).mail(
            b"Bcc: h@x.test\r\nSubject: x\r\nDate: d\r\nX-EE-Account: o\r\nFrom: a@x.test\r\n"
            b"Message-ID: <l@x.test>\r\nMIME-Version: 1.0\r\n\r\n" + LARGE + b"\xff\r\n.\r\n"
        )
        on_road.receiver.wait_for("messageSent", queueId=queue_id(answer))
    assert relay.mails == [
        b"Subject: x\r\nDate: d\r\nFrom: a@x.test\r\n"
        b"Message-ID: <l@x.test>\r\nMIME-Version: 1.0\r\n\r\n" + LARGE + b"\xff\r\n"
    ]


@pytest.mark.postgres
def test_large_messages_go_through_postgres(tmp_path: Path, postgres_dsn: str) -> None:
    head = b"From: a@x.test\r\nDate: d\r\nMessage-ID: <l@x.test>\r\nMIME-Version: 1.0\r\n\r\n"
    with Sink() as relay, submission(tmp_path, database=postgres_dsn) as (on_road, port):
        on_road.account("example", relay)
        with Line(port) as line:
            answer = line.log_in().mail(head + LARGE + b".\r\n")
        on_road.receiver.wait_for("messageSent", queueId=queue_id(answer))
    assert relay.mails == [head + LARGE]


def test_a_stop_waits_for_messages_and_for_nobody_else(tmp_path: Path) -> None:
    with ScriptedRelay() as relay, submission(tmp_path) as (on_road, port):
        on_road.account("example", relay)
        with Line(port) as idle, Line(port) as busy:
            idle.log_in()
            busy.log_in().say(b"MAIL FROM:<a@x.test>\r\n")
            busy.say(b"RCPT TO:<b@x.test>\r\n")
            busy.say(b"DATA\r\n")
            process = on_road.server.process
            assert process is not None
            process.send_signal(signal.SIGTERM)
            assert idle.hear().startswith("421 4.3.2 ")
            assert busy.say(HELD + b"x\r\n.\r\n").startswith("250 ")
            assert busy.hear().startswith("421 4.3.2 ")
            assert process.wait(10) == 0


def test_a_message_beyond_the_limit_is_refused(smtp: tuple[Road, int, ScriptedRelay]) -> None:
    with Line(smtp[1]) as line:
        line.log_in()
        assert line.say(b"MAIL FROM:<a@x.test> SIZE=2097153\r\n").startswith("552 5.3.4 ")
        assert line.mail(HELD + LARGE * 2 + b".\r\n").startswith("552 5.3.4 ")
        assert line.mail(HELD + b"small\r\n.\r\n").startswith("250 ")


def test_recipients_are_counted(smtp: tuple[Road, int, ScriptedRelay]) -> None:
    with Line(smtp[1]) as line:
        line.log_in().say(b"MAIL FROM:<a@x.test>\r\n")
        for n in range(5):
            assert line.say(b"RCPT TO:<b%d@x.test>\r\n" % n) == "250 Accepted"
        assert line.say(b"RCPT TO:<b@x.test>\r\n").startswith("452 4.5.3 ")


def test_who_is_silent_has_to_go(smtp: tuple[Road, int, ScriptedRelay]) -> None:
    began_at = time.monotonic()
    with Line(smtp[1]) as line:
        line.hear()
        assert line.hear().startswith("421 4.4.2 ")
        assert line.is_closed()
    assert 0.8 < time.monotonic() - began_at < 4


def test_who_drips_has_to_go(smtp: tuple[Road, int, ScriptedRelay]) -> None:
    with Line(smtp[1]) as line:
        line.log_in()
        line.say(b"MAIL FROM:<a@x.test>\r\n")
        line.say(b"RCPT TO:<b@x.test>\r\n")
        line.say(b"DATA\r\n")
        assert drip(line, b"x", 0.2) < 5.5  # two seconds of them for the last words


def test_a_session_does_not_last_for_ever(smtp: tuple[Road, int, ScriptedRelay]) -> None:
    with Line(smtp[1]) as line:
        line.log_in()
        assert drip(line, b"NOOP\r\n", 0.2) < 7.5


def drip(line: Line, octets: bytes, pause_s: float) -> float:
    """Send again and again until the server hangs up; how long that took."""
    began_at, over = time.monotonic(), threading.Event()

    def send() -> None:
        while not over.wait(pause_s):
            try:
                line.send(octets)
            except OSError:
                return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert line.is_closed(10)
    finally:
        over.set()
        sender.join()
    return time.monotonic() - began_at


def test_sessions_are_counted_by_account_by_address_and_overall(
    smtp: tuple[Road, int, ScriptedRelay],
) -> None:
    port = smtp[1]
    smtp[0].server.wait_until(lambda: is_idle(smtp[0]), 10, "earlier sessions are gone")
    with Line(port) as one, Line(port) as two, Line(port) as three:
        one.log_in()
        two.log_in()
        three.hear()
        three.say(b"EHLO c\r\n")
        said = three.say(plain("example", "saladus"))
        assert said == "454 4.7.0 Too many sessions of this account"
        with Line(port) as four, Line(port) as five:
            assert four.hear().startswith("220 ")
            assert five.hear().startswith("421 4.7.0 ")
            assert five.is_closed()
        with Line(port, host="127.0.0.1") as again:
            assert again.hear().startswith(("220 ", "421 "))


def is_idle(on_road: Road) -> bool:
    return "postroad_smtp_sessions_open 0.0" in on_road.server.call("GET", "/metrics")[1]


@pytest.mark.parametrize("size", [0, 100, 1_000_000])
def test_a_client_that_goes_away_in_data_leaves_nothing(
    smtp: tuple[Road, int, ScriptedRelay], size: int
) -> None:
    on_road, port, _ = smtp
    before = counts(on_road)
    with Line(port) as line:
        line.log_in()
        line.say(b"MAIL FROM:<a@x.test>\r\n")
        line.say(b"RCPT TO:<b@x.test>\r\n")
        line.say(b"DATA\r\n")
        line.send(HELD + (b"x" * 98 + b"\r\n") * (size // 100) + b"\r\n.\r")
    on_road.server.wait_until(lambda: is_idle(on_road), 10, "the session is over")
    assert counts(on_road) == before
    assert not list((on_road.server.data / "spool").iterdir())


def counts(on_road: Road) -> tuple[int, int, int]:
    (submissions,) = query(on_road.server, "SELECT count(*) FROM submission")[0]
    (contents,) = query(on_road.server, "SELECT count(*) FROM content")[0]
    return submissions, contents, len(list(on_road.server.data.glob("content/*/*")))


def test_a_low_disk_puts_mail_off_before_it_is_sent(tmp_path: Path) -> None:
    with submission(tmp_path, env={"POSTROAD_SMTP_MIN_FREE": "1023G"}) as (on_road, port):
        body = {"account": "example", "email": "e@sandbox.example", "type": "sandbox"}
        on_road.server.ok("POST", "/v1/account", {"name": "e", **body})
        with Line(port) as line:
            line.log_in()
            assert line.say(b"MAIL FROM:<a@x.test>\r\n").startswith("452 4.3.1 ")


@pytest.mark.parametrize("large", [False, True])
def test_what_was_answered_survives_a_kill_and_what_was_not_leaves_nothing(
    tmp_path: Path, large: bool
) -> None:
    content = HELD + (LARGE if large else b"x\r\n")
    with ScriptedRelay() as relay, submission(tmp_path) as (on_road, port):
        on_road.account("example", relay)
        server = on_road.server
        with Line(port) as answered, Line(port) as cut:
            cut.log_in()
            cut.say(b"MAIL FROM:<a@x.test>\r\n")
            cut.say(b"RCPT TO:<b@x.test>\r\n")
            cut.say(b"DATA\r\n")
            cut.send(content + b"\r\n.\r")
            kept = queue_id(answered.log_in().mail(content + b".\r\n"))
            server.kill()
        server.start()
        assert server.ok("GET", "/v1/outbox")["total"] == 1
        assert server.ok("GET", f"/v1/outbox/{kept}")["source"] == "smtp"
        assert counts(on_road)[:2] == (1, 1)
        server.wait_until(lambda: is_open(port), 10, "it listens again")


@pytest.mark.crash
@pytest.mark.timeout(120)
def test_every_message_answered_with_250_is_relayed_after_kills_at_random(tmp_path: Path) -> None:
    rng = random.Random(11)
    with ScriptedRelay() as relay, submission(tmp_path) as (on_road, port):
        on_road.account("example", relay)
        acknowledged: list[bytes] = []
        over = threading.Event()

        def send() -> None:
            n = 0
            while not over.is_set():
                try:
                    with Line(port, timeout_s=5) as line:
                        line.log_in()
                        while not over.is_set():
                            n += 1
                            name = b"<%d.%d@x.test>" % (threading.get_ident(), n)
                            said = line.mail(b"Message-ID: " + name + b"\r\n\r\nx\r\n.\r\n")
                            if said.startswith("250 "):
                                acknowledged.append(name)
                except (OSError, AssertionError):
                    over.wait(0.05)

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        for _ in range(3):
            over.wait(rng.uniform(0.5, 1.5))
            on_road.server._end(signal.SIGKILL)
            on_road.server.start()
        over.wait(0.5)
        over.set()
        for sender in senders:
            sender.join()
        on_road.wait_empty(60)
        arrived = b"".join(relay.messages)
        assert len(acknowledged) > 50
        assert [name for name in acknowledged if name not in arrived] == []


def test_a_thousand_idle_clients_do_not_keep_a_new_one_waiting(tmp_path: Path) -> None:
    with submission(tmp_path) as (_, port):
        idle = []
        try:
            for _ in range(1000):
                connection = socket.create_connection(("127.0.0.1", port), timeout=10)
                idle.append(connection)
            for connection in idle:
                assert connection.recv(100).startswith(b"220 ")
            waited_s = []
            for _ in range(5):  # the machine may be busy with other tests for a moment
                began_at = time.monotonic()
                with Line(port) as line:
                    assert line.hear().startswith("220 ")
                waited_s.append(time.monotonic() - began_at)
            assert min(waited_s) < 0.1
        finally:
            for connection in idle:
                connection.close()


def memory_kib(pid: int, what: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(what)).split()[1])


@pytest.mark.timeout(120)
def test_twenty_messages_of_25_mib_at_once_stay_out_of_memory(tmp_path: Path) -> None:
    content = HELD + (b"x" * 76 + b"\r\n") * (25 * 1024 * 1024 // 78 - 20)
    with ScriptedRelay() as relay, submission(tmp_path) as (on_road, port):
        on_road.account("example", relay)
        with Line(port) as line:
            line.log_in().mail(HELD + b"x\r\n.\r\n")
        process = on_road.server.process
        assert process is not None
        before = memory_kib(process.pid, "VmRSS:")
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak begins anew
        answers: list[str] = []

        def send() -> None:
            with Line(port, timeout_s=100) as line:
                answers.append(line.log_in().mail(content + b".\r\n"))

        senders = [threading.Thread(target=send) for _ in range(20)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        grown = memory_kib(process.pid, "VmHWM:") - before
        assert [answer[:4] for answer in answers] == ["250 "] * 20
        assert grown < 100 * 1024, f"{grown} KiB"
