#!/usr/bin/env python3
"""What does reading mail over the API cost beyond the IMAP commands that it is made of?

A Dovecot of its own serves mailboxes of two-part messages. The program reads them over HTTP; the
same commands go over a bare socket that looks at nothing but the tag of the answer. Both take
turns, one call at a time, on the same messages. ``added_ms`` is the median of the differences of
such pairs, ``added_min_ms`` the difference of the two fastest; ``cpu_ms`` is what the server
process used for one call.

``list100 new`` reads each page for the first time since the connection was opened, ``list100``
and ``list20`` pages that were read before; the bare socket fetches everything each time. Prints
JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import rig

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.dovecot import Dovecot

LIST = b"UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE"
DETAILS = b"UID FLAGS RFC822.SIZE INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER]"
BODIES = b"UID BODY.PEEK[1] BODY.PEEK[2]"
BEGINNINGS = b"BODY.PEEK[1]<0.65536> BODY.PEEK[2]<0.65536>"
CONNECT_S = 60.0
Turns = list[tuple[bytes, ...]]  # commands, those that are sent together together
KINDS = ("list100 new", "list100", "list20", "message", "message+text", "text")


def fill(folder: Path, count: int, user: str) -> None:
    """Write a Maildir of messages as people and newsletters send them: text and HTML."""
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    began = int(time.time()) - count - 10
    for number in range(count):
        body = f"This is message number {number} of the mailbox. " * 25
        text = (
            f"Return-Path: <sender{number % 50}@example.test>\r\n"
            f"Date: {formatdate(began + number)}\r\n"
            f"From: Sender {number % 50} <sender{number % 50}@example.test>\r\n"
            f"To: {user}@example.test\r\nSubject: Message {number} about topic{number % 100}\r\n"
            f"Message-ID: <m{number}.{os.urandom(6).hex()}@example.test>\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: multipart/alternative; boundary="b{number}"\r\n\r\n'
            f"--b{number}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
            f"--b{number}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{body}</p>\r\n"
            f"--b{number}--\r\n"
        ).encode()
        path = folder / "cur" / f"{began + number}.M{number}P1.bench,S={len(text)}:2,S"
        path.write_bytes(text)
        os.utime(path, (began + number, began + number))


class Bare:
    """An IMAP connection that reads each answer up to its tag and makes nothing of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._tags = (b"b%d" % number for number in itertools.count())

    @classmethod
    async def open(cls, dovecot: Dovecot, user: str) -> Bare:
        reader, writer = await asyncio.open_connection(dovecot.host, dovecot.port)
        await reader.readline()
        bare = cls(reader, writer)
        await bare.run(b"LOGIN %s %s" % (user.encode(), dovecot.password.encode()))
        await bare.run(b"SELECT INBOX")
        return bare

    async def run(self, *commands: bytes) -> None:
        """Send them together and wait for the answer to the last."""
        lines = b""
        for command in commands:
            tag = next(self._tags)
            lines += tag + b" " + command + b"\r\n"
        self._writer.write(lines)
        end, tail = b"\r\n" + tag + b" ", b"\r\n"
        while True:
            data = tail + await self._reader.read(65536)
            at = data.find(end)
            if at >= 0 and data.endswith(b"\r\n"):
                if not data.startswith(b"OK", at + len(end)):
                    raise RuntimeError(f"refused: {data[at:].decode()}")
                return
            if len(data) <= len(tail):
                raise RuntimeError("Dovecot has gone")
            tail = data[-len(end) - 200 :]  # long enough for the whole last line


@dataclass(slots=True)
class Account:
    """One mailbox and both ways into it."""

    name: str
    bare: Bare
    count: int

    def page(self, number: int, size: int) -> tuple[str, Turns]:
        high = self.count - number * size
        low = max(1, high - size + 1)
        path = f"/v1/account/{self.name}/messages?path=INBOX&pageSize={size}&page={number}"
        return path, [(b"NOOP",), (b"FETCH %d:%d (%s)" % (low, high, LIST),)]

    def message(self, entry: dict[str, Any], kind: str) -> tuple[str, Turns]:
        uid, path = entry["uid"], f"/v1/account/{self.name}"
        if kind == "text":
            fetch = b"UID FETCH %d (%s %s)" % (uid, DETAILS, BEGINNINGS)
            return f"{path}/text/{entry['text']['id']}", [(b"NOOP", fetch)]
        turns: Turns = [(b"NOOP", b"UID FETCH %d (%s)" % (uid, DETAILS))]
        if kind == "message":
            return f"{path}/message/{entry['id']}", turns
        turns.append((b"UID FETCH %d (%s)" % (uid, BODIES),))
        return f"{path}/message/{entry['id']}?textType=*", turns


Case = Iterator[tuple[Account, str, Turns]]


def cases(accounts: list[Account], shown: dict[str, list[dict[str, Any]]], kind: str) -> Case:
    """What is asked for, call by call; without end but for ``list100 new``."""
    if kind.endswith("new"):
        for number in range(accounts[0].count // 100):
            for account in accounts:
                yield account, *account.page(number, 100)
        return
    for number in itertools.count():
        account = accounts[number % len(accounts)]
        if kind.startswith("list"):
            size = int(kind.removeprefix("list"))
            yield account, *account.page(number % (account.count // size), size)
        else:
            entries = shown[account.name]
            yield account, *account.message(entries[number * 7 % len(entries)], kind)


async def measure(
    running: rig.Server, call: rig.Call, asked: Case, rounds: int
) -> dict[str, float | int]:
    ours: list[float] = []
    bare: list[float] = []
    cpu = running.cpu_s()
    for number, (account, path, turns) in enumerate(itertools.islice(asked, rounds)):

        async def over_http(path: str = path) -> None:
            status, body = await call("GET", path)
            if status != 200:
                raise RuntimeError(f"answered {status}: {body[:300].decode()}")

        async def over_imap(one: Account = account, turns: Turns = turns) -> None:
            for commands in turns:
                await one.bare.run(*commands)

        # Whoever goes second finds the server's caches warm, so they take turns in that as well.
        if number % 2:
            ours.append(await seconds(over_http))
            bare.append(await seconds(over_imap))
        else:
            bare.append(await seconds(over_imap))
            ours.append(await seconds(over_http))
    cpu = running.cpu_s() - cpu
    added = sorted(one - other for one, other in zip(ours, bare, strict=True))
    return {
        "calls": len(ours),
        "added_ms": ms(statistics.median(added)),
        "added_p95_ms": ms(rig.percentile(added, 0.95)),
        "added_min_ms": ms(min(ours) - min(bare)),
        "ours_ms": ms(statistics.median(ours)),
        "bare_ms": ms(statistics.median(bare)),
        "cpu_ms": ms(cpu / len(ours)),
    }


async def seconds(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def ms(value: float) -> float:
    return round(value * 1000, 2)


async def add(call: rig.Call, dovecot: Dovecot, name: str, count: int) -> Account:
    maildir = dovecot.maildir(name)
    await asyncio.to_thread(fill, maildir, count, name)
    dovecot.give(maildir.parent)
    bare = await Bare.open(dovecot, name)
    # Dovecot reads each message once to remember what lists show; that is no part of this.
    await bare.run(b"FETCH 1:* (%s)" % LIST)
    imap = {
        "host": dovecot.host,
        "port": dovecot.port,
        "secure": False,
        "auth": {"user": name, "pass": dovecot.password},
    }
    body = {"account": name, "name": name, "email": f"{name}@example.com", "imap": imap}
    status, answer = await call("POST", "/v1/account", body)
    if status != 200:
        raise RuntimeError(f"answered {status}: {answer[:300].decode()}")
    async with asyncio.timeout(CONNECT_S):
        while True:
            _, answer = await call("GET", f"/v1/account/{name}")
            if json.loads(answer)["state"] == "connected":
                break
            await asyncio.sleep(0.1)
    return Account(name, bare, count)


async def main(kinds: list[str], messages: int, count: int, rounds: int) -> dict[str, object]:
    result: dict[str, object] = {"messages": messages, "accounts": count}
    with Dovecot(has_tls=False) as dovecot:
        async with rig.server() as running, rig.client(running.port, running.token) as call:
            accounts = []
            for number in range(count):
                accounts.append(await add(call, dovecot, f"u{number}", messages))
            await asyncio.sleep(2)  # what connecting has begun shall be over
            for one in accounts:  # both are logged in and have selected the mailbox
                await call("GET", one.page(messages, 1)[0])
            shown: dict[str, list[dict[str, Any]]] = {}
            for kind in kinds:
                if not kind.startswith("list") and not shown:
                    for one in accounts:
                        _, body = await call("GET", one.page(0, 100)[0])
                        shown[one.name] = json.loads(body)["messages"]
                result[kind] = await measure(running, call, cases(accounts, shown, kind), rounds)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", default=",".join(KINDS), help="any of: " + ", ".join(KINDS))
    parser.add_argument("--messages", type=int, default=2000, help="in each mailbox")
    parser.add_argument("--accounts", type=int, default=5, help="mailboxes to read in turn")
    parser.add_argument("--rounds", type=int, default=200, help="calls of each kind, at most")
    given = parser.parse_args()
    kinds = [kind for kind in given.kinds.split(",") if kind]
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    print(
        json.dumps(asyncio.run(main(kinds, given.messages, given.accounts, given.rounds)), indent=1)
    )
