"""CPU time of reading one mail for what it reports, by kind of mail, and how it grows with size.

``python benchmarks/bounce.py [FOLDER]`` prints JSON in CPU microseconds a mail. Without a folder
of ``*.eml`` files the mails of ``tests/data/report`` are read; of the runs the smallest is the
least disturbed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import postroad
import rig
from postroad.protocol.report import read_report

_RUNS = 5
_OWN = Path(__file__).parents[1] / "tests" / "data" / "report"
_MEGABYTE = 1024 * 1024
_REPORT = (
    b"From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
    b"Final-Recipient: rfc822; gone@one.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"From: a@b.example\r\nMessage-ID: <x@b.example>\r\n\r\n"
)


def _cpu_us(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_RUNS):
        start = time.process_time_ns()
        work()
        best = min(best, (time.process_time_ns() - start) / 1000)
    return round(best, 1)


def _large(megabytes: int) -> bytes:
    line = b"A" * 76 + b"\r\n"
    return _REPORT + line * (megabytes * _MEGABYTE // len(line)) + b"--b--\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=_OWN)
    given = parser.parse_args()
    by_kind: dict[str, list[float]] = defaultdict(list)
    for path in sorted(given.folder.glob("*.eml")):
        octets = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        taken = _cpu_us(partial(read_report, octets))
        by_kind[read_report(octets).kind.value].append(taken)
    everything = [taken for of_kind in by_kind.values() for taken in of_kind]
    print(
        json.dumps(
            {
                "question": "bounce",
                "version": postroad.__version__,
                "machine": rig.machine(),
                "mails": len(everything),
                "mean_cpu_us": round(sum(everything) / max(1, len(everything)), 1),
                "largest_cpu_us": max(everything, default=0),
                **{
                    f"{kind}_mean_cpu_us": round(sum(taken) / len(taken), 1)
                    for kind, taken in sorted(by_kind.items())
                },
                **{
                    f"report_{size}_mib_cpu_us": _cpu_us(partial(read_report, _large(size)))
                    for size in (1, 5, 25)
                },
            }
        )
    )


if __name__ == "__main__":
    main()
