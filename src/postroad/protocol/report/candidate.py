"""Which new mails are worth reading whole, told from what is known of every mail at once.

A mail server shows header fields and the tree of parts cheaply, the octets dearly.
:func:`may_report` is as wide as :func:`~postroad.protocol.report.read_report` needs it: whatever
that takes for a bounce, a delivery report or a complaint passes here, except where nothing but
the text of an ordinary mail would tell. Contract B-188, B-197.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from postroad.protocol.mime.auto_reply import AUTO_REPLY_FIELDS, is_auto_reply
from postroad.protocol.mime.headers import Headers
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.report.autoreply import AUTO_ANSWER_FIELDS, read_auto_reply
from postroad.protocol.report.complaint import is_complaint_desk, is_complaint_subject
from postroad.protocol.report.returned import RETURNED_TYPES
from postroad.protocol.report.signs import Signs

# The header fields that signs are read from, those that :func:`is_automatic` looks at, and those
# that tell to which of our addresses a mail came.
REPORT_FIELDS = tuple(
    dict.fromkeys(
        (
            "From", "To", "Cc", "Subject", "In-Reply-To", "References", "Return-Path",
            "Delivered-To", "X-Original-To",
            "X-Failed-Recipients", "X-MLServer", *AUTO_REPLY_FIELDS, *AUTO_ANSWER_FIELDS,
        )
    )
)  # fmt: skip
_REPORT_TYPES = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "text/delivery-status",
        "message/feedback-report",
        "text/feedback-report",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global-headers",
    }
)
_NOTIFIER = re.compile(r"@(?:[\w-]+\.)*(?:amazonaws|amazonses)\.com$")
# B-188 has these words where a whole message is attached.
_FAILED = re.compile(r"undeliver|fail(?:ed|ure)|returned|error", re.I)


def may_report(signs: Signs, root: BodyPart | None) -> bool:
    """Whether the mail may be a bounce, a delivery report or a complaint.

    ``signs`` are read from at least :data:`REPORT_FIELDS`; ``root`` is the tree of parts if it is
    known.
    """
    if has_report_part(root):
        return True
    if signs.weight >= 2:  # below that the reader believes no text
        return True
    if is_complaint_desk(signs.sender) or is_complaint_subject(signs.subject):
        return True
    if _NOTIFIER.search(signs.sender):
        return True
    has_message = any(part.content_type in RETURNED_TYPES for part in _own_parts(root))
    return has_message and _FAILED.search(signs.subject) is not None


def has_report_part(root: BodyPart | None) -> bool:
    """Whether the mail has a part that only reports have."""
    return any(
        part.content_type in _REPORT_TYPES
        or b"delivery-status" in part.parameters.get("report-type", b"").lower()
        for part in _own_parts(root)
    )


def is_automatic(
    headers: Headers, signs: Signs, *, subject: str | None, in_reply_to: str | None
) -> bool:
    """Whether a machine answered: by the contract's signs (B-199) or by those of the reader.

    ``subject`` and ``in_reply_to`` are what an envelope told, for where ``headers`` lack them.
    """
    return is_auto_reply(subject, in_reply_to, headers) or (
        read_auto_reply(headers, signs) is not None
    )


def _own_parts(root: BodyPart | None) -> Iterator[BodyPart]:
    """The parts of the mail, those of messages inside it left out: they are somebody else's."""
    stack = [] if root is None else [root]
    while stack:
        node = stack.pop()
        yield node
        if node.is_multipart:
            stack.extend(reversed(node.children))
