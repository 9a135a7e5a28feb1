"""Counting and logging what came back, once it is committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from postroad.domain.event import Event, EventName
from postroad.observe import get_logger, metrics

log = get_logger("postroad.returns")

_KINDS = {
    EventName.MESSAGE_BOUNCE: "bounce",
    EventName.MESSAGE_COMPLAINT: "complaint",
    EventName.MESSAGE_REPLY: "reply",
}


def tally(events: Iterable[Event]) -> None:
    """Take note of the events among ``events`` that tell of mail that came back."""
    for event in events:
        kind = _KINDS.get(event.name)
        if kind is None:
            continue
        matched_by = str(_object(event.data, "submission").get("matchedBy", "nothing"))
        metrics.mail_returned(kind, matched_by)
        if event.name is EventName.MESSAGE_BOUNCE:
            verdict = _object(event.data, "bounce")
            word, reason = str(verdict.get("type")), str(verdict.get("reason"))
            metrics.bounce_recorded(word, reason)
            log.info(
                "bounce recorded",
                account=event.account,
                queue_id=event.queue_id,
                type=word,
                reason=reason,
                status=_object(event.data, "response").get("status"),
                matched_by=matched_by,
            )
        elif event.name is EventName.MESSAGE_COMPLAINT:
            log.info(
                "complaint recorded",
                account=event.account,
                queue_id=event.queue_id,
                feedback=_object(event.data, "arf").get("feedbackType"),
                matched_by=matched_by,
            )


def _object(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}
