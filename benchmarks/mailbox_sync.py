#!/usr/bin/env python3
"""How fast is the first look at a large mailbox, and a reconnect to it when nothing has changed?

``python benchmarks/mailbox_sync.py [messages]`` prints one JSON line. A Dovecot of its own (see
tests/support/dovecot.py) serves a Maildir that it has never opened; sync and store run in this
process as they do in the server, SQLite with its fsync on. Resident memory is this process's peak.
The commands of a reconnect, from the greeting until all was looked at, are counted on the wire of
an account of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

import rig

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from postroad.domain.errors import PostroadError
from postroad.domain.lease import Lease
from postroad.store import Tx
from support.dovecot import Dovecot
from support.followed import Followed, following
from support.tapped import Tapped, clear_imap

RECONNECTS = 20
COMPLETED = re.compile(rb"(?:^|\n)A[0-9]+ (?:OK|NO)")
SETTLE_S = 6.0  # a Maildir that was written to just now is read anew by each session of Dovecot
USER = "bench"


def fill(folder: Path, count: int) -> None:
    """Write a Maildir of small messages as LMTP would have left it."""
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    began = int(time.time()) - count - 10
    for number in range(count):
        text = (
            f"From: Ann <ann@example.test>\r\nTo: bob@example.test\r\nSubject: Mail {number}\r\n"
            f"Message-ID: <{number}@example.test>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\n"
        ).encode() + b"A line of text that says little.\r\n" * 20
        path = folder / "cur" / f"{began + number}.M{number}P1.bench,S={len(text)}:2,S"
        path.write_bytes(text)
        os.utime(path, (began + number, began + number))


async def session_s(followed: Followed, account: str) -> float:
    """Open a session as the runner does; seconds from the dial until all was looked at."""
    connector = followed.connector
    stored = await followed.store.read(lambda tx: tx.accounts.get(account))

    async def take(tx: Tx) -> Lease | None:
        return await tx.leases.take(f"account:{account}", "node")

    lease = await followed.store.write(take)
    assert lease is not None
    began = time.perf_counter()
    session = await connector.open(stored, lease)
    took = 0.0

    async def synced() -> None:
        nonlocal took
        took = time.perf_counter() - began
        await session.close()

    with contextlib.suppress(PostroadError):  # that is how a session ends
        await session.run(synced)
    await session.close()
    if not took:
        raise RuntimeError("the session ended too early")
    return took


class Counted:
    """The way to a Dovecot with somebody who counts the commands that are completed."""

    host = "127.0.0.1"

    def __init__(self, dovecot: Dovecot) -> None:
        self.password = dovecot.password
        self.heard = bytearray()
        self.tapped = Tapped(dovecot.port, self._hear)

    def _hear(self, octets: bytes) -> bytes:
        octets = clear_imap(octets)
        self.heard += octets
        return octets

    @property
    def port(self) -> int:
        return self.tapped.port


async def commands(followed: Followed, dovecot: Dovecot) -> int:
    """How many commands a reconnect to the unchanged mailbox takes, and LOGOUT."""
    counted = Counted(dovecot)
    with counted.tapped:
        account = await followed.add(counted, USER, account="counted")
        await session_s(followed, account)
        counted.heard.clear()
        await session_s(followed, account)
        return len(COMPLETED.findall(counted.heard))


async def measure(count: int) -> dict[str, object]:
    with Dovecot() as dovecot, tempfile.TemporaryDirectory() as folder:
        maildir = dovecot.maildir(USER)
        await asyncio.to_thread(fill, maildir, count)
        dovecot.give(maildir.parent)
        before = rss_mib()
        async with following(Path(folder), is_idle=True) as followed:
            account = await followed.add(dovecot, USER)
            cpu = time.process_time()
            first_s = await session_s(followed, account)
            cpu = time.process_time() - cpu
            peak = rss_mib()
            await asyncio.sleep(SETTLE_S)
            # Dovecot goes on replaying the log of the first look until somebody selects the
            # mailbox for writing; that is its own cost, 50 ms for each command.
            with dovecot.client(USER) as imap:
                imap.select("INBOX")
            again = [await session_s(followed, account) for _ in range(RECONNECTS)]
            size = await followed.index_bytes(account)
            taken = await commands(followed, dovecot)
        return {
            "messages": count,
            "first_s": round(first_s, 2),
            "messages_per_s": round(count / first_s),
            "cpu_us_per_message": round(cpu / count * 1e6, 1),
            "peak_mib": round(peak, 1),
            "peak_before_mib": round(before, 1),
            "reconnect_ms": round(statistics.median(again) * 1000, 1),
            "reconnect_max_ms": round(max(again) * 1000, 1),
            "reconnect_commands": taken,
            "index_bytes_per_message": round(size / count, 1),
            "machine": rig.machine(),
        }


def rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", nargs="?", type=int, default=100_000)
    uvloop.install()
    print(json.dumps(asyncio.run(measure(parser.parse_args().messages))))
