"""Message ids: made, tidied and checked. RFC 5322 §3.6.4."""

from __future__ import annotations

import re

from postroad.domain.errors import FieldProblem, Invalid
from postroad.protocol.mime.addresses import wire_address
from postroad.protocol.mime.fold import MAX_TOKEN

_ID = re.compile(r"<[!-;=?-~]+>")
_FALLBACK_DOMAIN = "localhost"


def is_message_id(text: str) -> bool:
    """Whether ``text`` is printable ASCII in one pair of brackets and fits on a line."""
    return len(text) <= MAX_TOKEN and _ID.fullmatch(text) is not None


def make_message_id(unique: str, mail_from: str) -> str:
    """``<unique@domain>`` with the sender's domain as A-labels. Contract B-089.

    A sender without a usable domain (the null reverse-path, an address literal) gets
    ``localhost``. ``unique`` must be an atom, such as a UUID.
    """
    try:
        domain = wire_address(f"x@{mail_from.rpartition('@')[2]}").text[2:]
    except Invalid:
        domain = _FALLBACK_DOMAIN
    return f"<{unique}@{_FALLBACK_DOMAIN if domain.startswith('[') else domain}>"


def normalise_message_id(value: str) -> str:
    """A supplied id with exactly one pair of angle brackets. Contract B-089.

    Raises :exc:`Invalid` with the key ``messageId`` when no message id can be made of it.
    """
    tidy = f"<{value.strip().strip('<>').strip()}>"
    if not is_message_id(tidy):
        raise Invalid(
            fields=[
                FieldProblem(
                    "messageId",
                    f"messageId must be printable ASCII without blanks or inner angle brackets, "
                    f"at most {MAX_TOKEN} characters with its brackets",
                )
            ]
        )
    return tidy
