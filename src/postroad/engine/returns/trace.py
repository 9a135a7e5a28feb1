"""What became of one submission, from acceptance to what came back of it, as far as it is kept.

Put together from the queue, the registry of what was sent, the event log and what came back;
each is kept for a time of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from postroad.domain.event import EventName, RecordedEvent
from postroad.domain.sent import Returned, ReturnedKind
from postroad.domain.submission import Submission
from postroad.store import Store, Tx

# Kept with what came back, for longer, and for mail that lies with another account as well.
_RETURNED = frozenset({EventName.MESSAGE_BOUNCE.value, EventName.MESSAGE_COMPLAINT.value})


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a submission."""

    at: int  # epoch ms
    what: str  # name of the event
    who: str  # the recipients or the sender that it is about; empty when it is about all
    said: str  # what a server said, or what it was taken for


@dataclass(frozen=True, slots=True)
class Trace:
    """One submission."""

    queue_id: str
    account: str
    message_id: str  # as submitted, with <>
    remote_message_id: str | None  # that the relay gave instead, if it said so
    recipients: tuple[str, ...]  # of the envelope; later the first ones that were taken
    further: int  # recipients beyond these
    tags: tuple[str, ...]  # the caller's own
    submitted_at: int  # epoch ms
    accepted_at: int | None  # epoch ms, of the relay's 250
    state: str | None  # None once the queue has forgotten it
    steps: tuple[Step, ...]  # in their order


async def trace(store: Store, name: str) -> list[Trace]:
    """What is known of a queue id, or of a Message-ID that a relay took; the newest first.

    Looks through the registry and the log: meant for people, not for every request.
    """

    async def unit(tx: Tx) -> list[Trace]:
        if "@" not in name:
            queue_ids = [name]
        else:
            queue_ids = [one.queue_id for one in await tx.sent.by_message_ids([name])]
        found = [await _trace(tx, queue_id) for queue_id in queue_ids]
        return [one for one in found if one is not None]

    return await store.read(unit)


async def _trace(tx: Tx, queue_id: str) -> Trace | None:
    sub, sent = await tx.submissions.find(queue_id), await tx.sent.find(queue_id)
    known = sub or sent
    if known is None:
        return None
    submitted_at = known.created_at if isinstance(known, Submission) else known.submitted_at
    events = await tx.events.of(queue_id, account=known.account)
    returned = await tx.returned.of_submission(queue_id)
    steps = [_came_back(one) for one in returned]
    steps += [_told(one) for one in events if one.name not in _RETURNED]
    return Trace(
        queue_id=queue_id,
        account=known.account,
        message_id=known.message_id,
        remote_message_id=known.remote_message_id,
        recipients=known.envelope.rcpt_to if isinstance(known, Submission) else known.recipients,
        further=0 if isinstance(known, Submission) else known.further,
        tags=known.tags,
        submitted_at=submitted_at,
        accepted_at=None if sent is None else sent.accepted_at,
        state=None if sub is None else sub.state.value,
        steps=tuple(sorted(steps, key=lambda step: step.at)),
    )


def _told(event: RecordedEvent) -> Step:
    data = json.loads(event.data)
    report = _members(data, "deliveryReport")
    sender = _members(data, "from").get("address")
    about = _members(report, "finalRecipient").get("value") or data.get("recipient") or sender
    said = data.get("response") or data.get("error") or report.get("action")
    match event.name:
        case EventName.MESSAGE_DELIVERY_ERROR:
            # It may be about some alone, who were refused or taken out; the others go on.
            about = _several(_members(data, "envelope").get("to"))
        case EventName.RECIPIENT_SUPPRESSED:
            said = data.get("reason")
    if data.get("isAutoReply"):
        said = "automatic answer"
    return Step(event.recorded_at, event.name, str(about or ""), _line(said))


def _several(addresses: object) -> str:
    if not isinstance(addresses, list) or not addresses:
        return ""
    more = len(addresses) - 1
    return f"{addresses[0]} and {more} more" if more else str(addresses[0])


def _came_back(one: Returned) -> Step:
    words = (one.type, one.reason, one.response or one.status)
    said = " ".join(word for word in words if word)
    is_bounce = one.kind is ReturnedKind.BOUNCE
    name = EventName.MESSAGE_BOUNCE if is_bounce else EventName.MESSAGE_COMPLAINT
    return Step(one.recorded_at, name.value, one.recipient, said)


def _members(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def _line(said: object) -> str:
    return said if isinstance(said, str) else ""
