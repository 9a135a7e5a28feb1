"""Feedback reports: somebody called a mail of ours abuse.

The standard form is a ``message/feedback-report`` part (RFC 5965, RFC 6591 for authentication
failures). Hotmail's junk mail reporting sends the bare message with a field of its own; others
write a sentence and attach the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from postroad.domain.bounce import Feedback
from postroad.protocol.mime.headers import Headers
from postroad.protocol.report.addressing import addresses_in, reported_address
from postroad.protocol.report.dsn import host
from postroad.protocol.report.fields import read_fields
from postroad.protocol.report.mail import Mail
from postroad.protocol.report.returned import RETURNED_TYPES

# What the fields of RFC 5965 §3 become; the rest is kept under its own name.
_KNOWN = frozenset(
    {
        "feedback-type", "source", "abuse-type", "user-agent", "version", "original-envelope-id",
        "original-mail-from", "original-rcpt-to", "arrival-date", "received-date",
        "reporting-mta", "source-ip", "subscription-link", "incidents",
    }
)  # fmt: skip
_HOTMAIL = re.compile(r"^(?:staff@(?:hotmail|outlook|live|msn)\.|no-?reply@.*junkmail)", re.I)
_DESK = re.compile(
    r"^(?:feedbackloop|fbl|fbl-no-?reply|complaints?|abuse|abuse-?report|arf|scomp"
    r"|staff|feedback|abusedesk)@",
    re.I,
)
_SUBJECT = re.compile(
    r"\b(?:abuse|feedback|spam|complaint)\b.{0,30}\b(?:report|complaint|message"
    r"|notification)|complaint about|email feedback report|is reporting you",
    re.I,
)
_BODY = re.compile(
    r"(?:email|message) (?:abuse|feedback|spam) report"
    r"|this is an? (?:email )?abuse report|abuse report for an email"
    r"|feedback report for"
    r"|reported (?:this|the following|your) (?:message|email|mail) as (?:spam|junk|abuse)",
    re.I,
)


def read_complaint(mail: Mail) -> tuple[Feedback, str] | None:
    """The complaint in a mail and the sign it was known by; ``None`` for other mail."""
    part = mail.part("message/feedback-report", "text/feedback-report")
    if part is not None:
        fields = read_fields(part.text(mail.octets))
        return _feedback(fields, mail.returned_headers), "message/feedback-report"
    returned = next((p for p in mail.parts if p.content_type in RETURNED_TYPES), None)
    headers = mail.returned_headers
    if "x-hmxmroriginalrecipient" in headers or (
        returned is not None and _HOTMAIL.match(mail.signs.sender)
    ):
        return _hotmail(headers), "junk mail report of Hotmail"
    if mail.signs.is_reply_subject and not _DESK.match(mail.signs.sender):
        return None
    inline = _inline_fields(mail)
    if inline is not None:
        return _feedback(inline, headers), "feedback fields in the text"
    is_desk = bool(_DESK.match(mail.signs.sender))
    is_said = bool(_SUBJECT.search(mail.signs.subject)) or bool(_BODY.search(mail.words[:3000]))
    if (returned is not None or headers.fields) and is_desk and is_said:
        recipients = _recipients([], headers)
        return Feedback("abuse", recipients), "an abuse desk's report with the message"
    return None


def is_complaint_desk(sender: str) -> bool:
    """Whether mail from this address is to be looked at for complaints."""
    return bool(_DESK.match(sender) or _HOTMAIL.match(sender))


def is_complaint_subject(subject: str) -> bool:
    return bool(_SUBJECT.search(subject))


def _inline_fields(mail: Mail) -> Mapping[str, Sequence[str]] | None:
    """The fields of a report whose MIME structure was lost."""
    if mail.signs.weight < 0 or "feedback-type" not in mail.full_text[:20_000].lower():
        return None
    found = re.search(r"^Feedback-Type[ \t]*:[ \t]*[\w-]+", mail.full_text, re.I | re.M)
    if found is None or not re.search(r"^User-Agent[ \t]*:", mail.full_text, re.I | re.M):
        return None
    before = mail.full_text.rfind("\n\n", 0, found.start())
    end = mail.full_text.find("\n\n", found.start())
    return read_fields(mail.full_text[before + 2 if before >= 0 else 0 : end if end >= 0 else None])


def _feedback(fields: Mapping[str, Sequence[str]], returned: Headers) -> Feedback:
    def first(*names: str) -> str | None:
        return next((v for name in names for v in fields.get(name, ()) if v), None)

    others = [
        (name, value)
        for name, values in fields.items()
        if name not in _KNOWN
        for value in values[:20]
    ]
    kind = (first("feedback-type") or "abuse").strip().lower()
    incidents = first("incidents") or ""
    sender = first("original-mail-from")
    return Feedback(
        feedback_type=kind,
        recipients=_recipients(
            [
                *fields.get("original-rcpt-to", ()),
                *fields.get("removal-recipient", ()),
            ],
            returned,
        ),
        source=first("source"),
        abuse_type=first("abuse-type"),
        user_agent=first("user-agent"),
        version=first("version"),
        envelope_id=first("original-envelope-id"),
        mail_from=(reported_address(sender) or None) if sender else None,
        arrival_date=first("arrival-date", "received-date"),
        reporting_mta=host(first("reporting-mta") or ""),
        source_ip=_ip(first("source-ip")),
        subscription_link=first("subscription-link"),
        incidents=int(incidents) if incidents.isdecimal() and len(incidents) < 10 else None,
        others=tuple(others[:100]),
    )


def _hotmail(returned: Headers) -> Feedback:
    """Contract B-198: such reports name neither their source nor their type."""
    told = [returned.raw("X-HmXmrOriginalRecipient") or ""]
    return Feedback(
        feedback_type="abuse",
        recipients=_recipients(told, returned),
        source="Hotmail",
        abuse_type="complaint",
        source_ip=_ip(returned.raw("X-Sender-IP") or returned.raw("X-SID-Sender-IP")),
    )


def _recipients(told: Sequence[str], returned: Headers) -> tuple[str, ...]:
    found = [clean for value in told if (clean := reported_address(value))]
    if not found:
        found = [
            a
            for name in ("X-Apparently-To", "Delivered-To")
            for v in returned.raw_all(name)
            for a in addresses_in(v)[:1]
        ]
    if not found:
        found = [
            address.address for address in returned.addresses("To")[:50] if "@" in address.address
        ]
    return tuple(dict.fromkeys(found))


def _ip(value: str | None) -> str | None:
    clean = (value or "").strip().strip("[]").partition(" ")[0]
    return clean or None
