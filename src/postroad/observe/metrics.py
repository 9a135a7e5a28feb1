"""Every number that an operator can watch, declared in one place.

Code that does something says so by calling the function named after it; nobody else touches a
metric. Names, labels and meanings are listed in ``docs/reference/metrics.md``, and a test holds
that page and this module together.

Labels take their values from closed sets (states, outcomes, event names, operation ids), never
from requests, so the number of series is bounded. Durations are in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_REGISTRY: Final = CollectorRegistry()
# A second series beside each counter that only tells when it began.
disable_created_metrics()  # type: ignore[no-untyped-call] # published without its types

_NETWORK_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600)
_LOCAL_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_COUNT = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric as the reference page shows it."""

    name: str  # as the text format writes it
    labels: tuple[str, ...]
    meaning: str


DECLARED: Final[list[Declared]] = []


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    DECLARED.append(Declared(f"{name}_total", labels, meaning))
    return Counter(name, meaning, labels, registry=_REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    DECLARED.append(Declared(name, labels, meaning))
    return Gauge(name, meaning, labels, registry=_REGISTRY)


def _histogram(name: str, meaning: str, buckets: Sequence[float]) -> Histogram:
    DECLARED.append(Declared(name, (), meaning))
    return Histogram(name, meaning, buckets=buckets, registry=_REGISTRY)


_SUBMISSIONS = _counter(
    "postroad_submissions_accepted", "Messages on disk and promised to be relayed.", "source"
)
_SUPPRESSED = _counter(
    "postroad_recipients_suppressed",
    "Recipients who were on a suppression list, by what came of them.",
    "outcome",
)
_QUEUE = _gauge(
    "postroad_queue_messages", "Submissions in each state, at the time of the scrape.", "state"
)
_RELAY_ATTEMPTS = _counter(
    "postroad_relay_attempts",
    "Attempts to hand a message to a relay, by what came of them.",
    "outcome",
)
_RELAY_SECONDS = _histogram(
    "postroad_relay_attempt_seconds",
    "From taking a relay connection to the relay's answer.",
    _NETWORK_S,
)
_EVENTS = _counter("postroad_events_recorded", "Events written to the event log.", "event")
_RETURNED = _counter(
    "postroad_mail_returned",
    "Bounces, complaints and replies told, by what led to the message that was sent.",
    "kind",
    "matched_by",
)
_BOUNCES = _counter(
    "postroad_bounces", "Recipients that bounced, by what the report says.", "type", "reason"
)
_WEBHOOKS = _counter(
    "postroad_webhook_deliveries", "Requests to webhook targets, by what came of them.", "outcome"
)
_WEBHOOK_SECONDS = _histogram(
    "postroad_webhook_delivery_seconds",
    "From dialing or reusing a connection to the end of the target's answer.",
    _NETWORK_S,
)
_HOUSEKEEPING = _counter(
    "postroad_housekeeping_removed", "Rows and files cleared away after their time.", "chore"
)
_ACCOUNTS = _gauge(
    "postroad_accounts", "Accounts in each state, at the time of the scrape.", "state"
)
_COMMIT_UNITS = _histogram(
    "postroad_store_commit_units", "Callers whose writes shared one commit.", _COUNT
)
_COMMIT_SECONDS = _histogram(
    "postroad_store_commit_seconds",
    "From the first statement of a commit until it is on disk.",
    _LOCAL_S,
)
_REQUESTS = _counter(
    "postroad_http_requests", "Requests answered over HTTP.", "operation", "status"
)
_REQUEST_SECONDS = _histogram(
    "postroad_http_request_seconds",
    "From the request's headers until its answer is handed to the connection.",
    _LOCAL_S,
)

_SMTP_OPEN = _gauge("postroad_smtp_sessions_open", "Clients connected to the SMTP server.")
_SMTP_LISTENING = _gauge(
    "postroad_smtp_listening", "1 while the SMTP server listens; 0 when it is off or cannot."
)
_SMTP_SESSIONS = _counter(
    "postroad_smtp_sessions", "Sessions with the SMTP server, by how they ended.", "end"
)
_SMTP_LOGINS = _counter(
    "postroad_smtp_logins", "Logins at the SMTP server, by what came of them.", "outcome"
)
_SMTP_MESSAGES = _counter(
    "postroad_smtp_messages", "Messages handed to the SMTP server, by what came of them.", "outcome"
)
_SMTP_SECONDS = _histogram(
    "postroad_smtp_message_seconds",
    "From the end of a message over SMTP until it is answered.",
    _LOCAL_S,
)

# What the system tells of this process: CPU seconds, memory, open files, start time.
ProcessCollector(registry=_REGISTRY)


def submission_accepted(source: str) -> None:
    """Count one message committed to the store; ``source`` is a ``Source`` value."""
    _bound(_SUBMISSIONS, source).inc()


def recipients_suppressed(outcome: str, count: int) -> None:
    """Count suppressed recipients; ``outcome``: ``skipped``, ``refused``, ``withdrawn``."""
    _bound(_SUPPRESSED, outcome).inc(count)


def relay_attempted(outcome: str, seconds: float) -> None:
    """Count one attempt; ``outcome`` is ``accepted``, ``deferred`` or ``rejected``."""
    _bound(_RELAY_ATTEMPTS, outcome).inc()
    _RELAY_SECONDS.observe(seconds)


def event_recorded(name: str) -> None:
    """Count one event in the log; ``name`` is an ``EventName`` value."""
    _bound(_EVENTS, name).inc()


def mail_returned(kind: str, matched_by: str) -> None:
    """Count one event; ``kind`` is ``bounce``, ``complaint`` or ``reply``.

    ``matched_by`` is a ``MatchedBy`` value, or ``nothing``.
    """
    _bound(_RETURNED, kind, matched_by).inc()


def bounce_recorded(type_: str, reason: str) -> None:
    """Count one recipient; the arguments are a ``BounceType`` and a ``BounceReason`` value."""
    _bound(_BOUNCES, type_, reason).inc()


def webhook_delivered(outcome: str, seconds: float) -> None:
    """Count one request; ``outcome`` is ``delivered``, ``retried`` or ``failed``."""
    _bound(_WEBHOOKS, outcome).inc()
    _WEBHOOK_SECONDS.observe(seconds)


def housekeeping_removed(chore: str, count: int) -> None:
    """Count what one turn of a chore cleared away."""
    _bound(_HOUSEKEEPING, chore).inc(count)


def store_committed(units: int, seconds: float) -> None:
    """Note one commit that ``units`` callers waited for."""
    _COMMIT_UNITS.observe(units)
    _COMMIT_SECONDS.observe(seconds)


def request_answered(operation: str, status: int, seconds: float) -> None:
    """Count one request; ``operation`` is the operation's id, never the path that was asked."""
    _bound(_REQUESTS, operation, str(status)).inc()
    _REQUEST_SECONDS.observe(seconds)


def smtp_sessions_open(change: int) -> None:
    """Note that ``change`` more clients are connected over SMTP."""
    _SMTP_OPEN.inc(change)


def smtp_listening(*, is_listening: bool) -> None:
    """Note whether the SMTP server can be reached."""
    _SMTP_LISTENING.set(int(is_listening))


def smtp_session_ended(end: str) -> None:
    """Count one session; ``end`` is a word of a closed set."""
    _bound(_SMTP_SESSIONS, end).inc()


def smtp_login(outcome: str) -> None:
    """Count one login; ``outcome`` is ``accepted``, ``refused`` or ``put off``."""
    _bound(_SMTP_LOGINS, outcome).inc()


def smtp_message(outcome: str, seconds: float | None) -> None:
    """Count one message; ``outcome`` is ``accepted``, ``refused`` or ``put off``.

    ``seconds`` is ``None`` where no answer had to be waited for.
    """
    _bound(_SMTP_MESSAGES, outcome).inc()
    if seconds is not None:
        _SMTP_SECONDS.observe(seconds)


def set_queue(messages: Mapping[str, int]) -> None:
    """Set the number of submissions by state; states that are not named become 0."""
    _set_all(_QUEUE, messages)


def set_accounts(accounts: Mapping[str, int]) -> None:
    """Set the number of accounts by state; states that are not named become 0."""
    _set_all(_ACCOUNTS, accounts)


def expose() -> bytes:
    """Return all metrics in the Prometheus text format, :data:`CONTENT_TYPE`."""
    return generate_latest(_REGISTRY)


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
