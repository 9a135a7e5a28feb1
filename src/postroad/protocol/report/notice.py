"""Bounces and complaints that providers mail as JSON: Amazon SES notifications, by way of SNS.

Amazon Simple Email Service Developer Guide, "Amazon SNS notification contents for Amazon SES".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from postroad.domain.bounce import Action, Feedback, OriginalMessage, ReportedRecipient
from postroad.protocol.report.dsn import make_response
from postroad.protocol.report.returned import message_id_of
from postroad.protocol.report.status import find_status, status_field

MAX_JSON = 200_000  # characters
_MARK = re.compile(
    r'"(?:notificationType|eventType)"\s*:\s*"(Bounce|Complaint)"'
    r'|\\"(?:notificationType|eventType)\\"'
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notification tells; either recipients or a complaint."""

    recipients: tuple[ReportedRecipient, ...]
    feedback: Feedback | None
    original: OriginalMessage
    reporting_mta: str | None


def read_notice(text: str) -> Notice | None:
    """The notification in a mail's text; ``None`` for other text and for success."""
    if len(text) > MAX_JSON or _MARK.search(text) is None:
        return None
    start = text.find("{")
    if text[:start].strip():
        return None  # somebody writes about one
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
        if isinstance(found, dict) and isinstance(found.get("Message"), str):
            found = json.loads(found["Message"])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    kind = found.get("notificationType") or found.get("eventType")
    mail = _object(found, "mail")
    common = _object(mail, "commonHeaders")
    message_id = message_id_of(_text(common, "messageId") or _text(mail, "messageId"))
    original = OriginalMessage(message_id, _headers(mail))
    if kind == "Bounce":
        bounce = _object(found, "bounce")
        is_transient = _text(bounce, "bounceType") == "Transient"
        entries = bounce.get("bouncedRecipients")
        recipients = tuple(
            _recipient(entry, is_transient=is_transient)
            for entry in (entries if isinstance(entries, list) else [])[:1000]
            if isinstance(entry, dict) and entry.get("emailAddress")
        )
        mta = _text(bounce, "reportingMTA").partition(";")[2].strip().lower()
        return Notice(recipients, None, original, mta or None) if recipients else None
    if kind == "Complaint":
        complaint = _object(found, "complaint")
        entries = complaint.get("complainedRecipients")
        feedback = Feedback(
            feedback_type=_text(complaint, "complaintFeedbackType").lower() or "abuse",
            recipients=tuple(
                _text(entry, "emailAddress")
                for entry in (entries if isinstance(entries, list) else [])[:1000]
                if isinstance(entry, dict)
            ),
            user_agent=_text(complaint, "userAgent") or None,
            arrival_date=_text(complaint, "arrivalDate") or None,
            mail_from=_text(mail, "source") or None,
            source_ip=_text(mail, "sourceIp") or None,
        )
        return Notice((), feedback, original, None)
    return None


def _recipient(entry: Mapping[str, object], *, is_transient: bool) -> ReportedRecipient:
    said = _text(entry, "diagnosticCode")
    said = said.partition(";")[2].strip() if said.lower().startswith("smtp;") else said
    is_delayed = _text(entry, "action").lower() == "delayed"
    return ReportedRecipient(
        recipient=_text(entry, "emailAddress"),
        action=Action.DELAYED if is_delayed else Action.FAILED,
        status=status_field(_text(entry, "status")) or find_status(said),
        response=make_response(said or ("transient failure" if is_transient else "")),
    )


def _headers(mail: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    entries = mail.get("headers")
    return tuple(
        (_text(entry, "name").lower(), _text(entry, "value"))
        for entry in (entries if isinstance(entries, list) else [])[:200]
        if isinstance(entry, dict)
    )


def _object(source: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = source.get(key)
    return found if isinstance(found, dict) else {}


def _text(source: Mapping[str, object], key: str) -> str:
    found = source.get(key)
    return found if isinstance(found, str) else ""
