"""What does it cost to make a message durable, to claim it, to settle it, to look it up?

On SQLite in a temporary directory, or on the PostgreSQL of ``--database``, whose own CPU is not
counted. ``--work-us`` lets each caller burn that much CPU between its writes, as a server with
requests does: that is when hopping between threads would show. Prints one JSON object.

    python benchmarks/store_commit.py [--callers 64] [--messages 10000] [--rounds 5]
        [--bytes 3000] [--work-us 0] [--database URL]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count

import uvloop

import rig
from postroad import store as store_package
from postroad.domain.envelope import Envelope
from postroad.domain.event import Event, EventName
from postroad.domain.submission import Attempt, Content, Source, Submission, SubmissionState
from postroad.store import Store, Tx

LANES = 10
SENT = {
    "messageId": "<1234567890@example.com>",
    "response": "250 2.0.0 Ok: queued as 4Xq7Zl3Bz2zT",
    "queueId": "18c4a5f0d3e00000",
    "envelope": {"from": "me@example.com", "to": ["you@example.net"]},
}

_NUMBERS = count()


def _submission(content: Content) -> Submission:
    number = next(_NUMBERS)
    lane = f"account{number % LANES}"
    return Submission(
        queue_id=f"{number:016x}",
        account=lane,
        lane=lane,
        source=Source.API,
        envelope=Envelope("me@example.com", ("you@example.net",)),
        message_id=f"<{number}@example.com>",
        subject="An ordinary subject",
        content=content,
        state=SubmissionState.QUEUED,
        created_at=1,
        scheduled_at=1,
        next_attempt_at=1,
        attempts=0,
        max_attempts=10,
    )


async def _many(
    step: Callable[[], Awaitable[object]], times: int, callers: int, work_us: int
) -> dict[str, float]:
    """Run ``step`` so many times from so many callers; the burnt CPU is not counted."""
    left = times
    waits: list[float] = []

    async def call() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            until = time.perf_counter() + work_us / 1e6
            while work_us and time.perf_counter() < until:
                pass
            begun = time.perf_counter()
            await step()
            waits.append(time.perf_counter() - begun)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(call() for _ in range(callers)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "per_s": times / wall,
        "cpu_us": cpu / times * 1e6 - work_us,
        "p50_ms": rig.percentile(waits, 0.5) * 1e3,
        "p99_ms": rig.percentile(waits, 0.99) * 1e3,
    }


async def _round(store: Store, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    octets = os.urandom(options.bytes)
    queued: list[Submission] = []
    claimed: list[Submission] = []

    async def enqueue() -> None:
        staged = await store.stage([octets])
        sub = _submission(staged.content)

        async def unit(tx: Tx) -> None:
            await tx.contents.insert(staged)
            await tx.submissions.insert(sub)

        await store.write(unit)
        queued.append(sub)

    async def look_up() -> None:
        sub = queued[next(_NUMBERS) % len(queued)]
        await store.read(lambda tx: tx.submissions.get(sub.queue_id), quick=True)

    lanes = count()

    async def claim() -> None:
        lane = f"account{next(lanes) % LANES}"
        claimed.extend(
            await store.write(
                lambda tx: tx.submissions.claim(
                    lane, state=SubmissionState.QUEUED, node="bench", limit=10, claim_ms=600_000
                )
            )
        )

    async def settle() -> None:
        sub = claimed.pop()
        attempt = Attempt(sub.queue_id, 1, 1, 2, "accepted", None, 250, "250 2.0.0 Ok", "bench")
        event = Event(EventName.MESSAGE_SENT, sub.account, SENT, sub.queue_id)

        async def unit(tx: Tx) -> None:
            if await tx.submissions.accept(sub, "250 2.0.0 Ok", done=True):
                await tx.attempts.record(attempt)
                await tx.events.record(event)

        await store.write(unit)

    messages, callers, work_us = options.messages, options.callers, options.work_us
    found = {"enqueue": await _many(enqueue, messages, callers, work_us)}
    found["look_up"] = await _many(look_up, messages, callers, work_us)
    found["claim_ten"] = await _many(claim, messages // 10, min(callers, LANES), 0)
    found["settle"] = await _many(settle, len(claimed), callers, work_us)
    return found


async def _run(options: argparse.Namespace, database: str) -> None:
    store = await store_package.open(database, is_exclusive=True)
    try:
        rounds = [await _round(store, options) for _ in range(options.rounds)]
    finally:
        await store.close()
    figures = {
        step: {name: rig.summary([one[step][name] for one in rounds]) for name in rounds[0][step]}
        for step in rounds[0]
    }
    print(json.dumps({**vars(options), "machine": rig.machine(), "results": figures}, indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bytes", type=int, default=3_000)
    parser.add_argument("--work-us", type=int, default=0)
    parser.add_argument("--database")
    options = parser.parse_args()
    # /tmp is memory on many machines, and memory has no fsync to wait for.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        uvloop.run(_run(options, options.database or directory))


if __name__ == "__main__":
    main()
