"""How fast is a message accepted, on disk, when nothing is sent meanwhile?"""

from __future__ import annotations

import time

import rig

COUNT = 2_000
LATER = "2099-01-01T00:00:00.000Z"  # held, so that delivery does not compete


async def measure() -> dict[str, float]:
    """Rate, latency and CPU per message at 16 and 64 connections."""
    numbers: dict[str, float] = {}
    async with rig.server() as running, rig.smtp_sink() as relay:
        await rig.add_account(running, "bench", relay.port)
        await rig.submit_many(running, "bench", 200, concurrency=16, sendAt=LATER)
        for concurrency in (16, 64):
            begun, cpu = time.monotonic(), running.cpu_s()
            latencies = await rig.submit_many(
                running, "bench", COUNT, concurrency=concurrency, sendAt=LATER
            )
            used = time.monotonic() - begun
            numbers |= {
                f"c{concurrency}_per_s": COUNT / used,
                f"c{concurrency}_p50_ms": rig.percentile(latencies, 0.5) * 1_000,
                f"c{concurrency}_p99_ms": rig.percentile(latencies, 0.99) * 1_000,
                f"c{concurrency}_cpu_us": (running.cpu_s() - cpu) / COUNT * 1e6,
            }
    return numbers
