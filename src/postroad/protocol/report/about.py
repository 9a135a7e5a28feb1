"""Whom and what a report is about, where its recipients do not tell: by header fields of the
report, and by what came back of the original.
"""

from __future__ import annotations

import re

from postroad.domain.bounce import OriginalMessage
from postroad.protocol.report.addressing import addresses_in
from postroad.protocol.report.mail import Mail
from postroad.protocol.report.returned import find_inline_id, message_id_of

_FOR = re.compile(r"\bfor <?([^\s<>;]{1,200}@[^\s<>;]{1,255})>?;")


def whole_address(recipient: str, mail: Mail, named: list[str]) -> str:
    """A local part alone completed from the header, or from the addressees of the original."""
    if "@" in recipient or not recipient:
        return recipient or next(iter(named or addressees(mail)), "")
    for candidate in (*named, *addressees(mail)):
        if candidate.partition("@")[0].lower() == recipient.lower():
            return candidate
    return named[0] if len(named) == 1 else recipient


def original_of(mail: Mail, told: str | None) -> OriginalMessage:
    """The original with its Message-ID from wherever the report names it."""
    original = mail.original
    if original.message_id is not None:
        return original
    found = (
        message_id_of(told)
        or find_inline_id(mail.full_text)
        or message_id_of(mail.headers.raw("X-Original-Message-ID"))
        or message_id_of(mail.headers.raw("In-Reply-To"))
        or _last_reference(mail)
    )
    return OriginalMessage(found, original.headers)


def _last_reference(mail: Mail) -> str | None:
    references = (mail.headers.raw("References") or "").split()
    return message_id_of(references[-1]) if references else None


def failed_header(mail: Mail) -> list[str]:
    """The addresses in X-Failed-Recipients."""
    values = mail.headers.get_all("X-Failed-Recipients")
    return list(dict.fromkeys(address for value in values for address in addresses_in(value)))


def addressees(mail: Mail) -> list[str]:
    """Whom the original was for, when that is a single address; several would be a guess."""
    headers = mail.returned_headers
    for name in ("X-Original-To", "Delivered-To", "X-RCPT-TO", "Envelope-To"):
        if found := [a for value in headers.raw_all(name) for a in addresses_in(value)]:
            return list(dict.fromkeys(found))[:1]
    names = [address.address for field in ("To", "Cc") for address in headers.addresses(field)]
    if not names:
        names = [m[1] for value in headers.raw_all("Received") for m in _FOR.finditer(value)]
    unique = list(dict.fromkeys(name for name in names if "@" in name))
    return unique if len(unique) == 1 else []
