"""Mail that was refused after it had been delivered: by a recipient's script, or a full mailbox.

Such refusals come as disposition notifications, as read receipts do (RFC 8098): the mail was
"deleted" by an automatic action. That alone says no more than "not read"; a field or a sentence
has to say that it was refused. RFC 5429 §2.2.
"""

from __future__ import annotations

import re

from postroad.domain.bounce import Action, ReportedRecipient
from postroad.protocol.report.addressing import reported_address
from postroad.protocol.report.dsn import DeliveryStatus, make_response
from postroad.protocol.report.fields import read_fields, typed
from postroad.protocol.report.mail import Mail
from postroad.protocol.report.status import find_status

_DELETED = re.compile(r"automatic-action\s*/[^;]*;\s*deleted", re.I)
_REFUSED = re.compile(
    r"automatically (?:rejected|refused)|(?:rejected|refused) (?:by|your message)"
    r"|message (?:to \S{1,300} )?(?:was|has been) (?:rejected|refused)",
    re.I,
)
_REASON = re.compile(r"(?:rejected|refused)[^:\n]{0,80}:\s+(\S.*)", re.I | re.S)
_MAX_REASON = 1000  # characters


def read_refusal(mail: Mail) -> DeliveryStatus | None:
    """The refusal in a disposition notification; ``None`` for receipts and for other mail."""
    part = mail.part("message/disposition-notification")
    if part is None:
        return None
    fields = read_fields(part.text(mail.octets))

    def first(name: str) -> str:
        return next(iter(fields.get(name, ())), "")

    automatic = " ".join(mail.headers.raw_all("Auto-Submitted")).lower()
    if not _DELETED.search(first("disposition")) or not (
        "rejected" in automatic or _REFUSED.search(mail.words)
    ):
        return None
    recipient = reported_address(typed(first("final-recipient"))[1])
    if not recipient:
        return None
    reason = _REASON.search(mail.words)
    said = (reason[1] if reason else mail.words)[:_MAX_REASON]
    refused = ReportedRecipient(
        recipient=recipient,
        action=Action.FAILED,
        original_recipient=reported_address(typed(first("original-recipient"))[1]) or None,
        status=find_status(said),
        response=make_response(said),
    )
    return DeliveryStatus(
        recipients=(refused,),
        dropped=0,
        reporting_mta=None,
        queue_id=None,
        envelope_id=None,
        arrival_date=None,
        message_id=first("original-message-id") or None,
        others=(),
    )
