"""Kill the server while bounces arrive: each is told once, right behind its mail, and kept once."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.store import Tx
from postroad.store.events import EventPosition
from support import dovecot as dovecots
from support.dovecot import Dovecot
from support.server import Server

pytestmark = pytest.mark.crash

ARRIVING = 80
KILLS = 5
USER = "bounced"


def report(number: int) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example (Mail Delivery System)\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\n"
        f"Message-ID: <dsn{number}@mx.example>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; a{number}@one.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"Final-Recipient: rfc822; b{number}@one.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{number}@x>\r\n--b--\r\n"
    ).encode()


@pytest.mark.timeout(180)
def test_every_bounce_is_told_once_whenever_the_server_dies(tmp_path: Path) -> None:
    if dovecots.find_program() is None:
        pytest.skip(dovecots.MISSING)
    server = Server(tmp_path)
    with Dovecot() as dovecot:
        try:
            run(server, dovecot, random.Random(5))
        finally:
            server.kill()
    told, kept = asyncio.run(read(server.data))
    wanted = [f"{who}{number}@one.example" for number in range(ARRIVING) for who in "ab"]

    assert told == dict.fromkeys(wanted, 1)
    assert kept == ARRIVING


def run(server: Server, dovecot: Dovecot, rng: random.Random) -> None:
    server.start()
    server.ok(
        "POST",
        "/v1/account",
        {"account": "a", "name": "A", "email": "a@example.test",
         "imap": dovecot.imap(USER)},
    )  # fmt: skip
    server.wait_connected("a")

    def deliver() -> None:
        for number in range(ARRIVING):
            dovecot.deliver(USER, report(number), sender="")
            time.sleep(rng.uniform(0, 0.1))

    arriving = threading.Thread(target=deliver, daemon=True)
    arriving.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 0.7))
        server.kill()
        server.start()
    arriving.join(60)

    def counted() -> bool:
        counters = server.ok("GET", "/v1/account/a")["counters"]["events"]
        return int(counters.get("messageBounce", 0)) >= 2 * ARRIVING

    server.wait_until(counted, 60, "all bounces are told")
    # What should not come any more would come of another look at every mailbox.
    server.kill()
    server.start()
    server.wait_connected("a")
    server.stop()


async def read(data: Path) -> tuple[dict[str, int], int]:
    """How often each recipient was told, and of how many messages bounces are kept.

    Fails when a bounce does not stand behind its own mail.
    """
    store = await stores.open(data)
    try:
        rows = await store.read(lambda tx: tx.events.read_after(EventPosition(), 1_000_000))

        async def bounces(tx: Tx) -> int:
            ids = [f"<{number}@x>" for number in range(ARRIVING)]
            found = await tx.returned.bounces_of("a", ids)
            assert all(len(of_one) == 2 for of_one in found.values())
            return len(found)

        kept = await store.read(bounces)
    finally:
        await store.close()
    told: Counter[str] = Counter()
    latest = None
    for _, event in rows:
        data_ = json.loads(event.data)
        if event.name == "messageNew":
            latest = data_["id"]
        elif event.name == "messageBounce":
            assert data_["bounceMessage"] == latest
            told[data_["recipient"]] += 1
    return dict(told), kept
