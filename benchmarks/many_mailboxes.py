#!/usr/bin/env python3
"""How long does an account with very many mailboxes keep all others waiting when it starts?

``python benchmarks/many_mailboxes.py [mailboxes]`` prints one JSON line. A server of its own, in a
process of its own, has so many empty mailboxes and answers at once; sync and store run in this
process as they do in the server, SQLite with its fsync on. All mailboxes are known already, as
after a restart. Beside the session a task wakes every few milliseconds: how late it comes is how
long everything else had to wait.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

import rig

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from postroad.domain.errors import PostroadError
from postroad.domain.lease import Lease
from postroad.domain.mailbox_state import MailboxCursor
from postroad.store import Tx
from support.followed import Followed, following

TICK_S = 0.002
STARTS = 5
CAPABILITY = "IMAP4rev1 IDLE NAMESPACE LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE"


def names(count: int) -> list[str]:
    """Mailboxes in a tree of projects, as lists show them."""
    return ["INBOX", *[f"Projects/{n // 100:03}/Customer number {n}" for n in range(count - 1)]]


class Answers:
    """The server's words."""

    def __init__(self, count: int) -> None:
        some = names(count)
        self.listing = b"".join(f'* LIST () "/" "{one}"\r\n'.encode() for one in some)
        counts = "(MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 HIGHESTMODSEQ 1)"
        self.counts = b"".join(
            f'* LIST () "/" "{one}"\r\n* STATUS "{one}" {counts}\r\n'.encode() for one in some
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"* OK [CAPABILITY {CAPABILITY}] hello\r\n".encode())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                line = await reader.readuntil(b"\r\n")
                tag, _, command = line.strip().partition(b" ")
                word = command.partition(b" ")[0].upper()
                if word == b"IDLE":
                    writer.write(b"+ idling\r\n")
                    await reader.readuntil(b"\r\n")
                elif word == b"LIST":
                    writer.write(self.counts if b"STATUS" in command else self.listing)
                elif word == b"CAPABILITY":
                    writer.write(f"* CAPABILITY {CAPABILITY}\r\n".encode())
                elif word == b"NAMESPACE":
                    writer.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
                elif word in (b"SELECT", b"EXAMINE"):
                    writer.write(
                        b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n"
                        b"* OK [HIGHESTMODSEQ 1]\r\n"
                    )
                elif word == b"AUTHENTICATE" and command.count(b" ") < 2:
                    writer.write(b"+ \r\n")
                    await reader.readuntil(b"\r\n")
                writer.write(tag + b" OK done\r\n")
                await writer.drain()
        writer.close()


class Place:
    """Where the server is."""

    host = "127.0.0.1"
    password = "password"

    def __init__(self, port: int) -> None:
        self.port = port


def serve(count: int, told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.start_server(Answers(count).serve, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextlib.contextmanager
def server(count: int) -> Iterator[Place]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(count, there))
    process.start()
    try:
        yield Place(here.recv())
    finally:
        process.kill()
        process.join()


async def know(followed: Followed, account: str, count: int) -> None:
    """What a former life of the program has learned of the mailboxes."""
    paths = names(count)

    async def put(tx: Tx, some: list[str]) -> None:
        for path in some:
            number = await tx.mailboxes.number(account, path, "7")
            await tx.messages.put_cursor(
                account,
                MailboxCursor(path, number, 7, highestmodseq=1, checked_at=tx.now, delimiter="/"),
            )

    for first in range(0, count, 1000):
        some = paths[first : first + 1000]
        await followed.store.write(lambda tx, some=some: put(tx, some))  # type: ignore[misc]  # mypy cannot infer a lambda with a default


async def start(followed: Followed, account: str) -> dict[str, float]:
    """Open a session; milliseconds until all was looked at, and of the longest waits."""
    stored = await followed.store.read(lambda tx: tx.accounts.get(account))

    async def take(tx: Tx) -> Lease | None:
        return await tx.leases.take(f"account:{account}", "node")

    lease = await followed.store.write(take)
    assert lease is not None
    late: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_S)
            late.append(time.perf_counter() - before - TICK_S)

    ticking = asyncio.create_task(tick())
    began = time.perf_counter()
    session = await followed.connector.open(stored, lease)
    took = 0.0

    async def synced() -> None:
        nonlocal took
        took = time.perf_counter() - began
        await session.close()

    with contextlib.suppress(PostroadError):  # that is how a session ends
        await session.run(synced)
    await session.close()
    ticking.cancel()
    if not took:
        raise RuntimeError("the session ended too early")
    return {"start": took * 1e3, "longest_wait": max(late, default=0.0) * 1e3}


async def measure(count: int) -> dict[str, object]:
    with server(count) as place, tempfile.TemporaryDirectory() as folder:
        async with following(Path(folder), is_idle=True) as followed:
            account = await followed.add(place, "many")
            await know(followed, account, count)
            await start(followed, account)  # that one writes the listing
            gc.collect()  # as the program does when it has started
            gc.freeze()
            gc.set_threshold(10_000, 10, 10)
            starts = [await start(followed, account) for _ in range(STARTS)]
    return {
        "mailboxes": count,
        **{f"{name}_ms": round(sorted(one[name] for one in starts)[STARTS // 2], 1)
           for name in starts[0]},
        "worst_wait_ms": round(max(one["longest_wait"] for one in starts), 1),
        "machine": rig.machine(),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mailboxes", nargs="?", type=int, default=50_000)
    uvloop.install()
    print(json.dumps(asyncio.run(measure(parser.parse_args().mailboxes))))
