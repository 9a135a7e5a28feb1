"""Every number that an operator can watch, declared in one place.

Code that does something says so by calling the function named after it; nobody else touches a
metric. Names, labels and meanings are listed in ``docs/reference/metrics.md``, and a test holds
that page and this module together.

Labels take their values from closed sets (states, outcomes, event names, operation ids), never
from requests, so the number of series is bounded. Durations are in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_REGISTRY: Final = CollectorRegistry()

_NETWORK_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600)
_LOCAL_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_COUNT = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

_SUBMISSIONS = Counter(
    "postroad_submissions_accepted",
    "Messages on disk and promised to be relayed.",
    ["source"],
    registry=_REGISTRY,
)
_QUEUE = Gauge(
    "postroad_queue_messages",
    "Submissions in each state, at the time of the scrape.",
    ["state"],
    registry=_REGISTRY,
)
_RELAY_ATTEMPTS = Counter(
    "postroad_relay_attempts",
    "Attempts to hand a message to a relay, by what came of them.",
    ["outcome"],
    registry=_REGISTRY,
)
_RELAY_SECONDS = Histogram(
    "postroad_relay_attempt_seconds",
    "From taking a relay connection to the relay's answer.",
    buckets=_NETWORK_S,
    registry=_REGISTRY,
)
_EVENTS = Counter(
    "postroad_events_recorded",
    "Events written to the event log.",
    ["event"],
    registry=_REGISTRY,
)
_WEBHOOKS = Counter(
    "postroad_webhook_deliveries",
    "Requests to webhook targets, by what came of them.",
    ["outcome"],
    registry=_REGISTRY,
)
_WEBHOOK_SECONDS = Histogram(
    "postroad_webhook_delivery_seconds",
    "From dialing or reusing a connection to the end of the target's answer.",
    buckets=_NETWORK_S,
    registry=_REGISTRY,
)
_ACCOUNTS = Gauge(
    "postroad_accounts",
    "Accounts in each state, at the time of the scrape.",
    ["state"],
    registry=_REGISTRY,
)
_COMMIT_UNITS = Histogram(
    "postroad_store_commit_units",
    "Callers whose writes shared one commit.",
    buckets=_COUNT,
    registry=_REGISTRY,
)
_COMMIT_SECONDS = Histogram(
    "postroad_store_commit_seconds",
    "From the first statement of a commit until it is on disk.",
    buckets=_LOCAL_S,
    registry=_REGISTRY,
)
_REQUESTS = Counter(
    "postroad_http_requests",
    "Requests answered over HTTP.",
    ["operation", "status"],
    registry=_REGISTRY,
)
_REQUEST_SECONDS = Histogram(
    "postroad_http_request_seconds",
    "From the request's headers until its answer is handed to the connection.",
    buckets=_LOCAL_S,
    registry=_REGISTRY,
)

# What the system tells of this process: CPU seconds, memory, open files, start time.
ProcessCollector(registry=_REGISTRY)


def submission_accepted(source: str) -> None:
    """Count one message committed to the store; ``source`` is a ``Source`` value."""
    _bound(_SUBMISSIONS, source).inc()


def relay_attempted(outcome: str, seconds: float) -> None:
    """Count one attempt; ``outcome`` is ``accepted``, ``deferred`` or ``rejected``."""
    _bound(_RELAY_ATTEMPTS, outcome).inc()
    _RELAY_SECONDS.observe(seconds)


def event_recorded(name: str) -> None:
    """Count one event in the log; ``name`` is an ``EventName`` value."""
    _bound(_EVENTS, name).inc()


def webhook_delivered(outcome: str, seconds: float) -> None:
    """Count one request; ``outcome`` is ``delivered``, ``retried`` or ``failed``."""
    _bound(_WEBHOOKS, outcome).inc()
    _WEBHOOK_SECONDS.observe(seconds)


def store_committed(units: int, seconds: float) -> None:
    """Note one commit that ``units`` callers waited for."""
    _COMMIT_UNITS.observe(units)
    _COMMIT_SECONDS.observe(seconds)


def request_answered(operation: str, status: int, seconds: float) -> None:
    """Count one request; ``operation`` is the operation's id, never the path that was asked."""
    _bound(_REQUESTS, operation, str(status)).inc()
    _REQUEST_SECONDS.observe(seconds)


def set_queue(messages: Mapping[str, int]) -> None:
    """Set the number of submissions by state; states that are not named become 0."""
    _set_all(_QUEUE, messages)


def set_accounts(accounts: Mapping[str, int]) -> None:
    """Set the number of accounts by state; states that are not named become 0."""
    _set_all(_ACCOUNTS, accounts)


def expose() -> bytes:
    """Return all metrics in the Prometheus text format, :data:`CONTENT_TYPE`."""
    return generate_latest(_REGISTRY)


def described() -> Iterable[tuple[str, str]]:
    """Yield name and meaning of each of our metrics, as the text format writes the name."""
    for family in _REGISTRY.collect():
        if family.name.startswith("postroad_"):
            suffix = "_total" if family.type == "counter" else ""
            yield family.name + suffix, family.documentation


# Looking a labelled child up in the library costs three times what counting costs.
_CHILDREN: dict[tuple[Counter, tuple[str, ...]], Counter] = {}


def _bound(metric: Counter, *labels: str) -> Counter:
    key = (metric, labels)
    child = _CHILDREN.get(key)
    if child is None:
        child = _CHILDREN[key] = metric.labels(*labels)
    return child


def _set_all(gauge: Gauge, values: Mapping[str, int]) -> None:
    for sample in next(iter(gauge.collect())).samples:
        gauge.labels(**sample.labels).set(values.get(next(iter(sample.labels.values())), 0))
    for label, value in values.items():
        gauge.labels(label).set(value)
