"""Metrics count what they are told, and can be scraped."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from postroad.observe import metrics


def _value(sample_name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(metrics.expose().decode()):
        for sample in family.samples:
            if sample.name == sample_name and sample.labels == labels:
                return float(sample.value)
    return 0.0


def test_an_attempt_counts_by_outcome_and_adds_its_time() -> None:
    before = _value("postroad_relay_attempts_total", outcome="deferred")
    seconds = _value("postroad_relay_attempt_seconds_sum")

    metrics.relay_attempted("deferred", 1.5)
    metrics.relay_attempted("deferred", 0.5)

    assert _value("postroad_relay_attempts_total", outcome="deferred") == before + 2
    assert _value("postroad_relay_attempt_seconds_sum") == seconds + 2.0


def test_each_thing_done_is_seen_in_its_own_counter() -> None:
    counters = {
        "postroad_submissions_accepted_total": {"source": "api"},
        "postroad_events_recorded_total": {"event": "messageSent"},
        "postroad_webhook_deliveries_total": {"outcome": "delivered"},
        "postroad_http_requests_total": {"operation": "getAccount", "status": "200"},
        "postroad_store_commit_units_sum": {},
    }
    before = {name: _value(name, **labels) for name, labels in counters.items()}

    metrics.submission_accepted("api")
    metrics.event_recorded("messageSent")
    metrics.webhook_delivered("delivered", 0.1)
    metrics.request_answered("getAccount", 200, 0.001)
    metrics.store_committed(1, 0.002)

    after = {name: _value(name, **labels) for name, labels in counters.items()}
    assert after == {name: value + 1 for name, value in before.items()}


def test_a_state_that_is_no_longer_named_falls_to_zero() -> None:
    metrics.set_queue({"queued": 3, "failed": 1})
    metrics.set_queue({"queued": 2})

    assert _value("postroad_queue_messages", state="queued") == 2
    assert _value("postroad_queue_messages", state="failed") == 0


def test_every_metric_of_ours_is_declared_with_a_sentence() -> None:
    exposed = {
        line.split()[2] for line in metrics.expose().decode().splitlines() if line[:6] == "# HELP"
    }
    ours = {name for name in exposed if name.startswith("postroad_")}

    assert {declared.name for declared in metrics.DECLARED} == ours
    assert all(declared.meaning.endswith(".") for declared in metrics.DECLARED)


def test_the_process_itself_is_watched() -> None:
    assert _value("process_resident_memory_bytes") > 0
