#!/usr/bin/env python3
"""How fast is the first look at a large mailbox, and a reconnect to it when nothing has changed?

``python benchmarks/mailbox_sync.py [messages] [--threading] [--postgres]`` prints one JSON line. A
Dovecot of its own (see tests/support/dovecot.py) serves a Maildir that it has never opened; sync
and store run in this process as they do in the server, SQLite with its fsync on. Resident memory
is this process's peak.
The commands of a reconnect, from the greeting until all was looked at, are counted on the wire of
an account of its own.

With ``--threading`` the messages are threads of 1 to 30 with Message-IDs of 40 to 80 characters,
answers name their chain in In-Reply-To and References, and of every third thread a half is not
there. The headers of all are then read in the background, at its bounded pace, while new mail is
delivered over LMTP; ``new_mail`` is the time from there until it was announced in the store.

What is kept of a message is told twice. ``index_bytes_per_message`` are the packed octets of its
mailbox's index. ``disk_bytes_per_message`` is by how much the database has grown, with indexes and
the free room in pages: the SQLite file after a checkpoint and without VACUUM, or with
``--postgres`` pg_total_relation_size of the tables that know of mailboxes and messages.
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
from collections.abc import Callable
from pathlib import Path
from random import Random

import apsw
import asyncpg
import uvloop

import rig

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from postroad.domain.errors import PostroadError
from postroad.domain.lease import Lease
from postroad.store import Tx
from postroad.store.open import DATABASE_NAME
from support import postgres
from support.dovecot import Dovecot
from support.followed import Followed, following, message
from support.tapped import Tapped, clear_imap

RECONNECTS = 20
COMPLETED = re.compile(rb"(?:^|\n)A[0-9]+ (?:OK|NO)")
SETTLE_S = 6.0  # a Maildir that was written to just now is read anew by each session of Dovecot
USER = "bench"
NEW = 40  # messages that are delivered while old ones are read, and again afterwards
NEW_EVERY_S = 0.3
ACCOUNT = "5f0c6d1e-8a3b-4f5e-9d27-1c2b3a4d5e6f"  # ids of accounts are as long as their owners like
TABLES = "'mailbox_cursor', 'message_chunk', 'thread_chunk'"


def single(number: int) -> str:
    return f"Message-ID: <{number}@example.test>\r\n"


class Threads:
    """Headers of messages that answer each other."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._chain: list[str] = []
        self._left = 0
        self._number = 0
        self._has_holes = False

    def __call__(self, number: int) -> str:
        """The fields of the next message."""
        while True:
            if not self._left:
                self._number += 1
                self._left = self._rng.randint(1, 30)
                self._chain = []
                self._has_holes = self._number % 3 == 0 and self._left > 1
            self._left -= 1
            fields = self._next()
            if not self._has_holes or self._rng.random() < 0.5:
                return fields

    def _next(self) -> str:
        length = self._rng.randint(40, 80) - len("<@mail.example.test>")
        local = "".join(self._rng.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=length))
        known = self._chain[-20:]
        self._chain.append(f"<{local}@mail.example.test>")
        fields = f"Message-ID: {self._chain[-1]}\r\n"
        if known:
            folded = "\r\n ".join(known)
            fields += f"In-Reply-To: {known[-1]}\r\nReferences: {folded}\r\n"
        return fields


def fill(folder: Path, count: int, fields: Callable[[int], str]) -> None:
    """Write a Maildir of small messages as LMTP would have left it."""
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    began = int(time.time()) - count - 10
    for number in range(count):
        text = (
            f"From: Ann <ann@example.test>\r\nTo: bob@example.test\r\nSubject: Mail {number}\r\n"
            f"{fields(number)}Date: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\n"
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


class Disk:
    """How many octets a store's tables take on disk."""

    def __init__(self, database: Path | str) -> None:
        self._database = database

    async def bytes(self) -> int:
        if isinstance(self._database, str):
            connection = await asyncpg.connect(self._database)
            try:
                total = await connection.fetchval(
                    "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                    f" WHERE relname IN ({TABLES})"
                )
            finally:
                await connection.close()
            return int(total)
        file = self._database / DATABASE_NAME
        own = apsw.Connection(str(file))
        try:
            own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            own.close()
        return file.stat().st_size


async def new_mail_ms(followed: Followed, dovecot: Dovecot, account: str) -> list[float]:
    """Deliver a message now and then; milliseconds from its delivery until it was announced."""
    took = []

    async def announced() -> int:
        cursor = await followed.store.read(lambda tx: tx.messages.cursor(account, "INBOX"))
        return 0 if cursor is None else cursor.announced

    while not await announced():
        await asyncio.sleep(0.05)
    for number in range(NEW):
        before = await announced()
        await asyncio.to_thread(dovecot.deliver, USER, message(f"new{number}"))
        began = time.perf_counter()
        while await announced() == before:
            await asyncio.sleep(0.001)
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(NEW_EVERY_S)
    return took


async def thread_all(
    followed: Followed, dovecot: Dovecot, account: str
) -> tuple[float, float, list[float], list[float]]:
    """Let the headers of old mail be read.

    Seconds and CPU seconds that it took, and how soon new mail was told meanwhile and afterwards.
    """
    connector = followed.connector
    stored = await followed.store.read(lambda tx: tx.accounts.get(account))

    async def take(tx: Tx) -> Lease | None:
        return await tx.leases.take(f"account:{account}", "node")

    lease = await followed.store.write(take)
    assert lease is not None
    session = await connector.open(stored, lease)
    began, cpu = time.perf_counter(), time.process_time()

    took = busy = 0.0
    told: list[list[float]] = []

    async def watch() -> None:
        nonlocal took, busy
        while await followed.store.read(lambda tx: tx.threads.find_unthreaded(account)):
            await asyncio.sleep(0.05)
        took, busy = time.perf_counter() - began, time.process_time() - cpu

    async def deliver() -> None:
        told.append(await new_mail_ms(followed, dovecot, account))
        await watching
        told.append(await new_mail_ms(followed, dovecot, account))
        await session.close()

    async def synced() -> None:
        """Nothing is waited for: the headers are read behind the first look."""

    watching = asyncio.create_task(watch())
    delivering = asyncio.create_task(deliver())
    with contextlib.suppress(PostroadError):  # that is how a session ends
        await session.run(synced)
    await delivering
    return took, busy, told[0], told[1]


async def measure(
    count: int, *, threading: bool, database: Callable[[Path], Path | str]
) -> dict[str, object]:
    with Dovecot() as dovecot, tempfile.TemporaryDirectory() as folder:
        maildir = dovecot.maildir(USER)
        fields = Threads(count) if threading else single
        await asyncio.to_thread(fill, maildir, count, fields)
        dovecot.give(maildir.parent)
        before = rss_mib()
        place = database(Path(folder))
        result: dict[str, object] = {}
        async with following(place, is_idle=True, threading=threading) as followed:
            account = await followed.add(dovecot, USER, account=ACCOUNT)
            disk = Disk(place)
            was = await disk.bytes()
            cpu = time.process_time()
            first_s = await session_s(followed, account)
            cpu = time.process_time() - cpu
            peak = rss_mib()
            if threading:
                took, busy, during, after = await thread_all(followed, dovecot, account)
                result = {
                    "threads_s": round(took, 1),
                    "threads_per_s": round(count / took),
                    "threads_cpu_us_per_message": round(busy / count * 1e6, 1),
                    "threads_peak_mib": round(rss_mib(), 1),
                    "new_mail_meanwhile_ms": percentiles(during),
                    "new_mail_afterwards_ms": percentiles(after),
                }
            result["disk_bytes_per_message"] = round((await disk.bytes() - was) / count, 1)
            # Dovecot goes on replaying the log of the first look until somebody selects the
            # mailbox for writing; that is its own cost, 50 ms for each command.
            with dovecot.client(USER) as imap:
                imap.select("INBOX")
            await asyncio.sleep(SETTLE_S)
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
            **result,
            "machine": rig.machine(),
        }


def percentiles(values: list[float]) -> dict[str, float]:
    return {"p50": round(statistics.median(values), 1), "max": round(max(values), 1)}


def rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", nargs="?", type=int, default=100_000)
    parser.add_argument("--threading", action="store_true", help="compute threads of all messages")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own")
    options = parser.parse_args()
    uvloop.install()
    with contextlib.ExitStack() as stack:
        database: Callable[[Path], Path | str] = Path
        if options.postgres:
            dsn = stack.enter_context(postgres.cluster()).create_database()
            database = lambda folder: dsn  # noqa: E731 - one of two ways to a place
        result = asyncio.run(
            measure(options.messages, threading=options.threading, database=database)
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
