"""Numbers for monitoring systems, at ``/metrics``."""

from __future__ import annotations

from typing import Final, Protocol

from postroad.observe import metrics

CONTENT_TYPE: Final = metrics.CONTENT_TYPE


class Measured(Protocol):
    async def measure(self) -> None:
        """Bring the gauges up to date."""
        ...


async def scrape(engine: Measured) -> bytes:
    """Everything that was counted, and how things stand now, in the Prometheus text format."""
    await engine.measure()
    return metrics.expose()
