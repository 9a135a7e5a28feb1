"""Numbers for monitoring systems, at ``/metrics``."""

from __future__ import annotations

from postroad.observe import metrics

CONTENT_TYPE = metrics.CONTENT_TYPE


def expose() -> bytes:
    """Everything that was counted, in the Prometheus text format."""
    return metrics.expose()
