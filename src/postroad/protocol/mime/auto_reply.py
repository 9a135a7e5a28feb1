"""Whether a message was written by a machine in answer to another. Contract B-199; RFC 3834."""

from __future__ import annotations

import re

from postroad.protocol.mime.headers import Headers

_SUBJECT = re.compile(
    r"\s{0,9}(?:auto(?:matic|mated)?[ :\t-]{0,3}(?:reply|response|antwort)\b"
    r"|out[ -]of[ -](?:the[ -])?office\b|oof:|ooo:)",
    re.I,
)
_AUTO = re.compile(r"\s{0,9}auto:", re.I)
_FIELDS = (
    "x-auto-response-suppress",
    "x-autoresponder",
    "x-autorespond",
    "x-autoreply",
)
# What must be fetched to tell, beside subject and In-Reply-To.
AUTO_REPLY_FIELDS = ("Precedence", "Auto-Submitted", *_FIELDS)


def is_auto_reply(subject: str | None, in_reply_to: str | None, headers: Headers | None) -> bool:
    """Whether one of the signs is there; without ``headers`` the subject alone speaks."""
    if subject is not None and _SUBJECT.match(subject):
        return True
    if subject is not None and in_reply_to and _AUTO.match(subject):
        return True
    if headers is None:
        return False
    if any(field.key in _FIELDS for field in headers):
        return True
    precedence = headers.raw("precedence") or ""
    submitted = headers.raw("auto-submitted") or ""
    return "auto_reply" in precedence.lower() or "auto-replied" in submitted.lower()
