"""What bounces and complaints put onto the reserved list, in the transaction that records them.

Whoever records a report calls :func:`suppress_returned` in the same unit, once for each
recipient. What comes of it is up to the settings, which by default do nothing.
"""

from __future__ import annotations

from postroad.domain.bounce import Feedback, ReportedRecipient
from postroad.domain.event import Event, EventName
from postroad.domain.setting import SettingValues
from postroad.domain.suppression import Evidence, ReturnedMail, Suppressed, suppression_of
from postroad.engine.webhooks.payload import iso_time
from postroad.store import Tx


async def suppress_returned(
    tx: Tx,
    account: str,
    recipient: str,
    returned: ReportedRecipient | Feedback,
    *,
    mail: ReturnedMail,
    settings: SettingValues,
) -> Suppressed | None:
    """Put ``recipient`` onto the reserved list if this report calls for it, and tell.

    ``recipient`` is the address as ``account`` wrote to it, where that is known, for it is the
    one that will be written to again; else as it was reported. ``returned`` is what the report
    says of it, ``mail`` the mail that the report came in; without ``mail.queue_id`` nothing
    happens, see :func:`~postroad.domain.suppression.suppression_of`. Returns the entry when it
    is new, and then ``recipientSuppressed`` is recorded.
    """
    rules = settings.suppression
    entry = suppression_of(
        account, recipient, returned, mail, rules=rules.rules, scope=rules.scope, now=tx.now
    )
    if entry is None or entry.evidence is None:
        return None
    known = await tx.suppressions.find(entry.list_id, entry.recipient)
    if any(item.scope in ("", entry.scope) for item in known):
        return None
    if not await tx.suppressions.add(entry):
        return None
    await tx.events.record(_told(entry, entry.evidence))
    return entry


def _told(entry: Suppressed, evidence: Evidence) -> Event:
    data: dict[str, object] = {
        "recipient": entry.recipient,
        "listId": entry.list_id,
        "scope": "account" if entry.scope else "global",
        "source": entry.source,
        "reason": entry.reason,
        "type": evidence.type,
        "response": _present(
            {
                "message": evidence.text or None,
                "status": evidence.status,
                "category": evidence.category,
            }
        )
        or None,
        "mta": evidence.mta,
        "messageId": entry.message_id,
        "queueId": evidence.queue_id,
        "message": evidence.message,
        "date": iso_time(evidence.reported_at),
    }
    return Event(
        EventName.RECIPIENT_SUPPRESSED,
        entry.account,
        _present(data),
        queue_id=evidence.queue_id,
    )


def _present(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
