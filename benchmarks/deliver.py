"""How fast is the whole road: accept, relay, settle, signed webhook, exactly once?"""

from __future__ import annotations

import asyncio
import time

import rig

COUNT = 3_000
LIMIT_S = 300


async def measure() -> dict[str, float]:
    """Rate and CPU per message, and how many were lost or came twice."""
    async with rig.server() as running, rig.smtp_sink() as relay, rig.webhook_sink() as hooks:
        await rig.add_account(
            running,
            "bench",
            relay.port,
            webhooksEnabled=True,
            webhooks=f"http://127.0.0.1:{hooks.port}/",
            webhookEvents=["*"],
        )
        for count in (100, COUNT):  # the first only warms up
            relay.expect(count)
            hooks.expect(count)
            begun, cpu = time.monotonic(), running.cpu_s()
            await rig.submit_many(running, "bench", count, concurrency=16)
            async with asyncio.timeout(LIMIT_S):
                await relay.enough.wait()
                await hooks.enough.wait()
        return {
            "delivered_per_s": COUNT / (relay.arrived[-1] - begun),
            "told_per_s": COUNT / (hooks.arrived[-1] - begun),
            "cpu_us": (running.cpu_s() - cpu) / COUNT * 1e6,
            "lost": COUNT - len({*relay.ids}),
            "duplicated": len(relay.ids) - len({*relay.ids}),
        }
