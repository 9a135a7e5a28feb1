"""How what came back is told: members of the events' ``data``. Contract: events §2.1, §2.2. Pure.

``bounce``, ``originalRecipient``, ``remoteMta``, ``reportingMta`` and ``submission`` are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from postroad.domain.bounce import (
    Feedback,
    OriginalMessage,
    Report,
    ReportedRecipient,
    Response,
    Verdict,
)
from postroad.domain.sent import Match, Returned
from postroad.engine.webhooks.payload import iso_time
from postroad.protocol.mime.addresses import addresses
from postroad.protocol.mime.dates import parse_date
from postroad.protocol.mime.words import decode_words

_MAX_ADDRESSES = 50  # of one header field
_MAX_COMPLAINED = 1_000  # recipients of one complaint
_MAX_HEADER_CHARS = 256 * 1024  # of the original, in all events of one report together
_MIN_HEADER_CHARS = 1024  # in one event


def bounce_data(
    report: Report,
    item: ReportedRecipient,
    recipient: str,
    bounce_message: object,
    *,
    events: int = 1,
) -> dict[str, object]:
    """The ``data`` of messageBounce. ``bounce_message`` is the id of the mail that told it.

    The header of the original stands in each of the report's ``events``; where they are many,
    only its first fields do.
    """
    headers = _cut(report.original, max(_MIN_HEADER_CHARS, _MAX_HEADER_CHARS // events))
    mta = item.remote_mta or report.reporting_mta
    data = {
        "bounceMessage": bounce_message,
        "recipient": recipient,
        "originalRecipient": item.original_recipient,
        "action": item.action.value,
        "response": response_data(item.response, item.status, item.verdict) or None,
        "bounce": verdict_data(item.verdict),
        "mta": mta,
        "remoteMta": item.remote_mta,
        "reportingMta": report.reporting_mta,
        "queueId": report.queue_id,
    }
    return told(data) | {
        "messageId": report.original.message_id,
        "messageHeaders": _grouped(headers) or None,
    }


def verdict_data(verdict: Verdict) -> dict[str, object]:
    return told(
        {
            "type": verdict.type.value,
            "reason": verdict.reason.value,
            "evidence": verdict.evidence or None,
        }
    )


def response_data(
    response: Response | None, status: str | None, verdict: Verdict
) -> dict[str, object]:
    """What the refusing side said, and the contract's words for it; empty when it said nothing."""
    action = verdict.recommended_action
    return told(
        {
            "source": response.source or None if response else None,
            "message": response.text if response else None,
            "status": status,
            "category": verdict.category.value if verdict.category else None,
            "recommendedAction": action.value if action else None,
            "retryAfter": verdict.retry_after_s,
            "blocklist": {"name": verdict.blocklist} if verdict.blocklist else None,
        }
    )


def delivery_report(report: Report) -> dict[str, object] | None:
    """``deliveryReport`` of messageNew: the fields of a DSN in camel case, first recipient."""
    if not report.recipients:
        return None
    item = report.recipients[0]
    response = item.response
    fields = told(
        {
            "reportingMta": _labelled("dns", report.reporting_mta),
            "originalEnvelopeId": report.envelope_id,
            "arrivalDate": _iso(report.arrival_date),
            "originalRecipient": _address(item.original_recipient),
            "finalRecipient": _address(item.recipient),
            "action": item.action.value,
            "status": item.status,
            "remoteMta": _labelled("dns", item.remote_mta),
            "diagnosticCode": _labelled(response.source or "smtp", response.text)
            if response
            else None,
            "lastAttemptDate": _iso(item.last_attempt),
            "willRetryUntil": _iso(item.will_retry_until),
        }
    )
    for name, kind, value in report.others:
        fields.setdefault(_camel(name), {"label": kind, "value": value} if kind else value)
    return fields


def complaint_data(report: Report, feedback: Feedback, message: object) -> dict[str, object]:
    """The ``data`` of messageComplaint. ``message`` is the id of the mail that told it."""
    arf: dict[str, object | None] = {
        "source": feedback.source,
        "feedbackType": feedback.feedback_type,
        "abuseType": feedback.abuse_type,
        "userAgent": feedback.user_agent,
        "version": feedback.version,
        "originalEnvelopeId": feedback.envelope_id,
        "originalMailFrom": feedback.mail_from,
        "originalRcptTo": list(feedback.recipients[:_MAX_COMPLAINED]),
        "arrivalDate": _iso(feedback.arrival_date),
        "reportingMta": feedback.reporting_mta,
        "sourceIp": feedback.source_ip,
        "subscriptionLink": feedback.subscription_link,
        "incidents": feedback.incidents,
    }
    for name, values in _grouped(feedback.others).items():
        arf.setdefault(_camel(name), values)
    data = {"complaintMessage": message, "arf": told(arf)}
    if headers := _complaint_headers(report.original):
        data["headers"] = headers
    return data


def reply_data(data: Mapping[str, object], match: Match) -> dict[str, object]:
    """The ``data`` of messageReply, from that of the messageNew before it."""
    kept = ("id", "uid", "path", "messageId", "threadId", "inReplyTo", "subject", "from", "date")
    return {name: data[name] for name in kept if name in data} | {
        "relatedMessageId": match.sent.message_id
    }


def submission_data(match: Match, account: str) -> dict[str, object]:
    """``submission``: what was sent. Its account is named where it is another than ``account``."""
    sent = match.sent
    return told(
        {
            "queueId": sent.queue_id,
            "account": None if sent.account == account else sent.account,
            "messageId": sent.message_id,
            "tags": list(sent.tags) or None,
            "submittedAt": iso_time(sent.submitted_at),
            "matchedBy": match.by.value,
        }
    )


def bounce_entry(one: Returned) -> dict[str, object]:
    """One of ``bounces``, as messageNew and the messages of the API show them. Contract B-062."""
    response = told({"message": one.response, "status": one.status})
    return told(
        {
            "message": one.report,
            "recipient": one.recipient,
            "action": one.action,
            "response": response or None,
            "date": iso_time(one.recorded_at),
        }
    )


def told(values: Mapping[str, object | None]) -> dict[str, object]:
    """Without what is not there."""
    return {name: value for name, value in values.items() if value is not None}


def _grouped(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _cut(original: OriginalMessage, max_chars: int) -> list[tuple[str, str]]:
    """The first fields that fit."""
    kept = []
    for name, value in original.headers:
        max_chars -= len(name) + len(value)
        if max_chars < 0:
            break
        kept.append((name, value))
    return kept


def _labelled(label: str, value: str | None) -> dict[str, str] | None:
    return {"label": label, "value": value} if value else None


def _address(address: str | None) -> dict[str, str] | None:
    if not address:
        return None
    return _labelled("rfc822" if address.isascii() else "utf-8", address)


def _iso(written: str | None) -> str | None:
    at = parse_date(written) if written else None
    return None if at is None else iso_time(at)


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(word.capitalize() for word in others)


def _complaint_headers(original: OriginalMessage) -> dict[str, object]:
    raw = {name: values[0] for name, values in _grouped(original.headers).items()}
    lists = {
        name: [one.address for one in addresses(raw[name])[:_MAX_ADDRESSES]]
        for name in ("from", "to", "cc", "bcc")
        if name in raw
    }
    return told(
        {
            "messageId": original.message_id,
            "from": next(iter(lists.pop("from", ())), None),
            **{name: found or None for name, found in lists.items()},
            "subject": decode_words(raw["subject"]) if "subject" in raw else None,
            "date": _iso(raw.get("date")),
        }
    )
