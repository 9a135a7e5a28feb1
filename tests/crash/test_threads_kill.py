"""Kill the server while it reads the headers of old mail for their threads.

What was read is not read again, but for a batch at each kill; in the end every message is in its
thread, and new mail was told all the while.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from postroad.engine.sync.backfill import BATCH
from support import dovecot as dovecots
from support.dovecot import Dovecot
from support.server import Server
from support.tapped import Tapped, clear_imap

pytestmark = pytest.mark.crash

OLD = 3000  # there before the account is
LENGTH = 30  # of a thread
KILLS = 5
USER = "threads"
ASKED = b"BODY[HEADER.FIELDS (REFERENCES)]"  # comes back with each message that is read


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    if dovecots.find_program() is None:
        pytest.skip(dovecots.MISSING)
    with Dovecot() as running:
        yield running


def message(number: int, date: datetime) -> bytes:
    """A message that answers the one before it in its thread."""
    fields = f"Message-ID: <{number}@example.test>\r\n"
    if number % LENGTH:
        fields += f"In-Reply-To: <{number - 1}@example.test>\r\n"
    return (
        f"From: ann@example.test\r\nTo: bob@example.test\r\nSubject: mail {number}\r\n"
        f"{fields}Date: {format_datetime(date)}\r\n\r\nHello\r\n"
    ).encode()


def fill(dovecot: Dovecot, rng: random.Random) -> None:
    """Write the mail of years into the Maildir, in no order."""
    date = datetime(2020, 6, 1, tzinfo=UTC)
    dovecot.fill(USER, [(message(one, date), date) for one in rng.sample(range(OLD), OLD)])


@pytest.mark.timeout(180)
def test_old_mail_is_read_once_for_its_threads_whenever_the_server_dies(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    rng = random.Random(5)
    fill(dovecot, rng)
    read = 0

    def count(octets: bytes) -> bytes:
        nonlocal read
        octets = clear_imap(octets)
        read += octets.count(ASKED)
        return octets

    with Tapped(dovecot.port, count) as tapped, Server(tmp_path) as server:
        body = {"account": "a", "name": "A", "email": "a@example.test", "threading": True}
        server.ok("POST", "/v1/account", body | {"imap": dovecot.imap(USER, port=tapped.port)})
        for kill in range(KILLS):
            before = read
            server.wait_until(lambda: read > before + BATCH, 20, "some mail is read")  # noqa: B023 - called at once
            time.sleep(rng.uniform(0, 0.3))
            dovecot.deliver(USER, message(OLD + kill * LENGTH, datetime.now(UTC)))
            server.wait_until(
                lambda: counted(server) == kill + 1,  # noqa: B023 - called at once
                10,
                "new mail is told meanwhile",
            )
            assert read < OLD, "the old mail was read before the kill"
            server.kill()
            server.start()
        threads = server.wait_until(lambda: all_threads(server), 60, "all are in their threads")
    assert len(threads) == OLD // LENGTH + KILLS
    for numbers in threads.values():
        assert len({number // LENGTH for number in numbers}) == 1
        assert len(numbers) in (1, LENGTH)
    # A tap may miss a few that are cut between two pieces.
    assert OLD * 0.98 < read <= OLD + KILLS * BATCH


def counted(server: Server) -> int:
    counters = server.ok("GET", "/v1/account/a")["counters"]["events"]
    return int(counters.get("messageNew", 0))


def all_threads(server: Server) -> dict[str, list[int]] | None:
    """Numbers of messages by ``threadId``, once every message has one."""
    threads: dict[str, list[int]] = {}
    for page in range((OLD + KILLS) // 1000 + 1):
        path = f"/v1/account/a/messages?path=INBOX&pageSize=1000&page={page}"
        status, answer = server.call("GET", path)
        if status != 200 or any("threadId" not in one for one in answer["messages"]):
            return None
        for one in answer["messages"]:
            number = int(one["messageId"].strip("<>").partition("@")[0])
            threads.setdefault(one["threadId"], []).append(number)
    return threads
