"""Kill the server while it meets a mailbox and while mail arrives.

Promise 5: a cursor moves only in the transaction that records what it passed. What lies in the
mailbox in the end and what was announced are compared message by message.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.store.events import EventPosition
from support import dovecot as dovecots
from support.dovecot import Dovecot
from support.server import Server

pytestmark = pytest.mark.crash

OLD = 3000  # there before the account is
RECENT = 40  # of them late enough to be announced
ARRIVING = 120
KILLS = 8
USER = "killed"
NOTIFY_FROM = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    if dovecots.find_program() is None:
        pytest.skip(dovecots.MISSING)
    with Dovecot() as running:
        yield running


def message(name: str, date: datetime) -> bytes:
    return (
        f"From: ann@example.test\r\nTo: bob@example.test\r\nSubject: {name}\r\n"
        f"Message-ID: <{name}@example.test>\r\nDate: {format_datetime(date)}\r\n\r\nHello\r\n"
    ).encode()


def fill(dovecot: Dovecot) -> None:
    """Write the mail of years into the Maildir; the last few are recent."""

    def old() -> Iterator[tuple[bytes, datetime]]:
        for number in range(OLD):
            date = datetime(2025 if number >= OLD - RECENT else 2020, 6, 1, tzinfo=UTC)
            yield message(f"old{number}", date), date

    dovecot.fill(USER, old())


@pytest.mark.timeout(240)
def test_every_new_message_is_announced_once_whenever_the_server_dies(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    fill(dovecot)
    server = Server(tmp_path)
    try:
        wanted = run(server, dovecot, random.Random(11))
    finally:
        server.kill()
    announced, indexed = asyncio.run(read(server.data))
    assert announced == dict.fromkeys(wanted, 1)
    assert indexed == OLD + ARRIVING


def run(server: Server, dovecot: Dovecot, rng: random.Random) -> list[str]:
    server.start()
    server.ok(
        "POST",
        "/v1/account",
        {"account": "a", "name": "A", "email": "a@example.test",
         "notifyFrom": NOTIFY_FROM.isoformat(),
         "imap": dovecot.imap(USER)},
    )  # fmt: skip
    names = [f"<new{number}@example.test>" for number in range(ARRIVING)]

    def deliver() -> None:
        for number in range(ARRIVING):
            dovecot.deliver(USER, message(f"new{number}", datetime.now(UTC)))
            time.sleep(rng.uniform(0, 0.1))

    arriving = threading.Thread(target=deliver, daemon=True)
    for kill in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.7))
        if kill == KILLS // 2:
            arriving.start()
        server.kill()
        server.start()
    arriving.join(60)
    server.wait_connected("a")
    recent = [f"<old{number}@example.test>" for number in range(OLD - RECENT, OLD)]
    wanted = recent + names
    server.wait_until(
        lambda: counted(server) >= len(wanted), 60, f"{len(wanted)} messages are announced"
    )
    # What should not come any more would come of another look at every mailbox.
    server.kill()
    server.start()
    server.wait_connected("a")
    server.stop()
    return wanted


def counted(server: Server) -> int:
    counters = server.ok("GET", "/v1/account/a")["counters"]["events"]
    return int(counters.get("messageNew", 0))


async def read(data: Path) -> tuple[dict[str, int], int]:
    """How often each Message-ID was announced, and how many messages are known."""
    store = await stores.open(data)
    try:
        rows = await store.read(lambda tx: tx.events.read_after(EventPosition(), 1_000_000))
        cursor = await store.read(lambda tx: tx.messages.cursor("a", "INBOX"))
        assert cursor is not None
        number = cursor.number
        chunks = await store.read(
            lambda tx: tx.messages.chunks("a", number, from_uid=1, limit=10_000)
        )
    finally:
        await store.close()
    told = Counter(
        str(json.loads(one.data)["messageId"]) for _, one in rows if one.name == "messageNew"
    )
    return dict(told), sum(len(chunk) for _, chunk in chunks)
