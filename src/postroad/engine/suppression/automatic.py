"""What bounces and complaints put onto the reserved list, in the transaction that records them.

Whoever records a report calls :func:`suppress_returned` in the same unit and records the events
that it returns. What comes of it is up to the settings, which by default do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from postroad.domain.bounce import Feedback, ReportedRecipient
from postroad.domain.event import Event, EventName
from postroad.domain.setting import SuppressionValues
from postroad.domain.suppression import (
    Evidence,
    ReturnedMail,
    Suppressed,
    SuppressionRules,
    address_key,
    addressed,
    by_key,
    is_cause,
    suppression_of,
)
from postroad.engine.webhooks.payload import iso_time
from postroad.store import Tx

Fate = ReportedRecipient | Feedback


async def suppress_returned(
    tx: Tx,
    account: str,
    fates: Sequence[Fate],
    *,
    wrote_to: Sequence[str],
    mail: ReturnedMail,
) -> list[Event]:
    """Put those onto the reserved list whom one report calls for; return the events to record.

    ``account`` is the one whose mail came back, ``fates`` what the report tells of it,
    ``wrote_to`` the envelope recipients of that mail: nobody else is ever suppressed, however a
    report names him. ``mail`` is the mail that the report came in; without its ``queue_id``
    nothing happens. Pass ``None`` also for a submission that was only guessed, by the recipient
    and the time: a stranger can guess as well. The settings are those of the transaction, read
    only when the report could matter.
    """
    widest = SuppressionRules.HARD_BOUNCES_AND_COMPLAINTS
    causes = [fate for fate in fates if is_cause(fate, widest)]
    if mail.queue_id is None or not causes or not wrote_to:
        return []
    settings = SuppressionValues.of(await tx.settings.get_all())
    if settings.rules is SuppressionRules.OFF:
        return []
    found: dict[str, Suppressed] = {}
    known = by_key(wrote_to)
    for fate in causes:
        for recipient in _recipients(fate, known):
            entry = suppression_of(
                account,
                recipient,
                fate,
                mail,
                rules=settings.rules,
                scope=settings.scope,
                now=tx.now,
            )
            if entry is not None:
                found.setdefault(entry.address, entry)
    return [_told(entry) for entry in found.values() if await _add(tx, entry)]


def _recipients(fate: Fate, wrote_to: Mapping[str, str]) -> Iterator[str]:
    """Whom of ``wrote_to`` this is about."""
    match fate:
        case ReportedRecipient(recipient=recipient, original_recipient=original):
            who = addressed((original or "", recipient), wrote_to)
            if who is not None:
                yield who
        case Feedback(recipients=recipients):
            # Many feedback loops take the address out.
            keys = dict.fromkeys(map(address_key, recipients))
            known = [wrote_to[key] for key in keys if key in wrote_to]
            yield from known or (wrote_to.values() if len(wrote_to) == 1 else ())


async def _add(tx: Tx, entry: Suppressed) -> bool:
    known = await tx.suppressions.find(entry.list_id, entry.recipient)
    if any(item.scope in ("", entry.scope) for item in known):
        return False
    return await tx.suppressions.add(entry)


def _told(entry: Suppressed) -> Event:
    evidence = entry.evidence or Evidence("", "", 0, "")
    response = {
        "message": evidence.text or None,
        "status": evidence.status,
        "category": evidence.category,
    }
    data: dict[str, object] = {
        "recipient": entry.recipient,
        "listId": entry.list_id,
        "scope": "account" if entry.scope else "global",
        "source": entry.source,
        "reason": entry.reason,
        "type": evidence.type,
        "response": _present(response) or None,
        "mta": evidence.mta,
        "messageId": entry.message_id,
        "queueId": evidence.queue_id,
        "message": evidence.message,
        "reporter": evidence.reporter if evidence.reporter != entry.account else None,
        "date": iso_time(evidence.reported_at),
    }
    return Event(
        EventName.RECIPIENT_SUPPRESSED,
        entry.account,
        _present(data),
        queue_id=evidence.queue_id,
    )


def _present(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
