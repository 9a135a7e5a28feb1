#!/usr/bin/env python3
"""What reading IMAP answers costs: rows by the hundred thousand, and single giants.

``python benchmarks/imap_parse.py [--rows N] [--runs N] [--mib N]`` prints one JSON line. Rows go
through the whole session in reads of 64 KiB, as they come from a socket: rows a second, CPU
microseconds of each, and the longest that other tasks would have waited meanwhile (the connection
lets them have a turn every 128 rows and after each read). Giants are single responses of ``--mib``
MiB, valid and not: how long each takes, and the longest that another task on the same event loop
waits while it is read as the connection reads it, in a thread where that pays. Of the runs the
smallest is the least disturbed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress

import postroad
import rig
from postroad.domain.errors import PostroadError
from postroad.protocol.imap import commands
from postroad.protocol.imap.long import Long
from postroad.protocol.imap.session import ImapSession

_READ_BYTES = 64 * 1024
_EVENTS_AT_A_TIME = 128  # of transport/imap_wire
_FLAGS = rb"* %d FETCH (UID %d FLAGS (\Seen $Forwarded) MODSEQ (%d))"
_FULL = (
    rb"* %d FETCH (UID %d FLAGS (\Seen) MODSEQ (%d) RFC822.SIZE 54321 INTERNALDATE "
    rb'"05-Jan-2026 10:00:00 +0100" ENVELOPE ("Mon, 5 Jan 2026 10:00:00 +0100" '
    rb'"=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=" (("=?utf-8?Q?=C3=84nn?=" NIL "ann" '
    rb'"example.com")) (("Ann" NIL "ann" "example.com")) (("Ann" NIL "ann" "example.com")) '
    rb'(("Bob" NIL "bob" "example.net")(NIL NIL "carl" "example.net")) NIL NIL NIL '
    rb'"<%d@example.com>") BODYSTRUCTURE ((("text" "plain" ("charset" "utf-8") NIL NIL '
    rb'"quoted-printable" 1200 30 NIL NIL NIL NIL)("text" "html" ("charset" "utf-8") NIL NIL '
    rb'"quoted-printable" 4200 90 NIL NIL NIL NIL) "alternative" ("boundary" "b1") NIL NIL NIL)'
    rb'("application" "pdf" ("name" "invoice.pdf") NIL NIL "base64" 48000 NIL ("attachment" '
    rb'("filename" "invoice.pdf")) NIL NIL) "mixed" ("boundary" "b2") NIL NIL NIL))'
)
_PART = b'("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 1200 30 NIL NIL NIL NIL)'


def rows(line: bytes, count: int) -> bytes:
    values = line.count(b"%d")
    return b"".join(line % ((n,) * values) + b"\r\n" for n in range(1, count + 1))


def giants(size: int) -> dict[str, bytes]:
    """Responses of about ``size`` octets each, by what they are."""

    def many(piece: bytes, between: bytes = b"") -> bytes:
        return between.join([piece] * (size // (len(piece) + len(between))))

    numbers = (b"%d" % n for n in range(1_000_000_000, 1_000_000_000 + size // 11 * 2, 2))
    found = list(numbers)
    literal = b"{%d}\r\n%s" % (size, b"x" * size)
    envelope = b'* 1 FETCH (UID 1 ENVELOPE ("d" "s" %s NIL NIL NIL NIL NIL NIL NIL))'
    return {
        "header literal": b"* 1 FETCH (UID 1 BODY[HEADER] %s)" % literal,
        "envelope, a subject": b'* 1 FETCH (UID 1 ENVELOPE ("d" %s %s))'
        % (literal, b" ".join([b"NIL"] * 8)),
        "envelope, addresses": envelope % (b"(" + many(b'("Ann" NIL "ann" "example.com")') + b")"),
        "envelope, escapes": envelope
        % (b"(" + many(b'("\\"Ann\\"" NIL "ann" "example.com")') + b")"),
        "envelope, literals": envelope
        % (b"(" + many(b'({3}\r\nAnn NIL "ann" "example.com")') + b")"),
        "structure, parts": b'* 1 FETCH (UID 1 BODYSTRUCTURE (%s "mixed"))' % many(_PART),
        "structure, parameters": b'* 1 FETCH (BODYSTRUCTURE ("a" "b" (%s)))' % many(b'"a" "b" '),
        "flags": b"* 1 FETCH (UID 1 FLAGS (%s))" % many(b"$Word", b" "),
        "flags, all different": b"* FLAGS (%s)" % b" ".join(found),
        "section names": b"* 1 FETCH (BODY[HEADER.FIELDS (%s)] NIL)" % many(b'"To"', b" "),
        "unknown item": b"* 1 FETCH (X-THING (%s))" % many(b"(a)"),
        "empty lists": b"* 1 FETCH (X-THING (%s))" % many(b"()"),
        "search": b"* SEARCH " + b" ".join(found),
        "search, ranges": b'* ESEARCH (TAG "A1") UID ALL ' + b",".join(found),
        "vanished": b"* VANISHED (EARLIER) " + b",".join(found),
        "copyuid": b"* OK [COPYUID 1 %s %s] x" % ((b",".join(found[: len(found) // 2]),) * 2),
        "capabilities": b"* CAPABILITY " + many(b"X-WORD", b" "),
        "capabilities, all different": b"* CAPABILITY " + b" ".join(found),
        "mailbox name": b'* LIST () "/" "%s"' % many(b"name"),
        "mailbox attributes": b'* LIST (%s) "/" INBOX' % many(b"\\Word", b" "),
        "quota": b'* QUOTA "" (%s)' % many(b"STORAGE 1 2", b" "),
        "namespaces": b"* NAMESPACE (%s) NIL NIL" % many(b'("" "/")'),
        "status": b"* STATUS INBOX (%s)" % many(b"MESSAGES 1", b" "),
        "status text": b"* OK " + many(b"word "),
        "unreadable": b"* 1 FETCH (UID 1 FLAGS (" + many(b"(" * 50 + b")" * 50),
    }


class Ticker:
    """Another task of the same event loop, and how long it had to wait for a turn."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._is_over = False

    async def run(self) -> None:
        while not self._is_over:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest_s = max(self.longest_s, time.perf_counter() - began - 0.001)

    async def end(self) -> None:
        await asyncio.sleep(0.002)  # what it is waiting for now counts
        self._is_over = True


async def giant_s(frame: bytes) -> tuple[float, float]:
    """Seconds to read it, and the longest stall meanwhile."""
    session = ImapSession()
    list(session.receive(b"* PREAUTH ready\r\n"))
    for read in pieces(frame):
        assert not list(session.receive(read))
    ticker = Ticker()
    async with asyncio.TaskGroup() as group:
        group.create_task(ticker.run())
        await asyncio.sleep(0.002)
        began = time.perf_counter()
        with suppress(PostroadError):
            for event in session.receive(b"\r\n"):
                if type(event) is Long:
                    await asyncio.to_thread(event.read)
        took = time.perf_counter() - began
        await ticker.end()
    return took, ticker.longest_s


def measure_giant(frame: bytes, runs: int) -> dict[str, float]:
    times = [asyncio.run(giant_s(frame)) for _ in range(runs)]
    return {
        "all": round(min(took for took, _ in times) * 1000, 1),
        "longest_stall": round(min(stall for _, stall in times) * 1000, 1),
    }


def through(octets: bytes) -> tuple[float, float]:
    """Seconds to read it all, and the longest time between two turns of others."""
    session = ImapSession()
    list(session.receive(b"* PREAUTH ready\r\n"))
    session.send(commands.NOOP)
    took = longest = 0.0
    for read in pieces(octets):
        began = time.perf_counter()
        for count, _ in enumerate(session.receive(read), 1):
            if count % _EVENTS_AT_A_TIME == 0:
                now = time.perf_counter()
                took, longest, began = took + now - began, max(longest, now - began), now
        now = time.perf_counter()
        took, longest = took + now - began, max(longest, now - began)
    return took, longest


def pieces(octets: bytes) -> Iterator[bytes]:
    for at in range(0, len(octets), _READ_BYTES):
        yield octets[at : at + _READ_BYTES]


def measure_rows(octets: bytes, count: int, runs: int) -> dict[str, float]:
    times = [through(octets) for _ in range(runs)]
    took = min(took for took, _ in times)
    return {
        "a_second": round(count / took),
        "us_each": round(took / count * 1e6, 2),
        "longest_stall_ms": round(min(longest for _, longest in times) * 1000, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="flag rows; full ones a fifth")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mib", type=float, default=4.0, help="of each giant")
    given = parser.parse_args()
    count, full = given.rows, given.rows // 5
    frames = giants(int(given.mib * 1024 * 1024))
    listing = b"".join(b'* LIST () "/" "Folder %d"\r\n' % n for n in range(count))
    line = {
        "question": "imap_parse",
        "version": postroad.__version__,
        "machine": rig.machine(),
        "flag_rows": measure_rows(rows(_FLAGS, count), count, given.runs),
        "full_rows": measure_rows(rows(_FULL, full), full, given.runs),
        "mailboxes": measure_rows(listing, count, given.runs),
        "giants_mib": given.mib,
        "giants_ms": {name: measure_giant(frame, given.runs) for name, frame in frames.items()},
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
