"""How much memory does an idle server with one account take?"""

from __future__ import annotations

import asyncio

import rig

SETTLE_S = 3


async def measure() -> dict[str, float]:
    """Resident MiB of all processes, idle."""
    async with rig.server() as running, rig.smtp_sink() as relay:
        await rig.add_account(running, "bench", relay.port)
        await asyncio.sleep(SETTLE_S)
        return {"resident_mib": running.resident_mib()}
