"""Delivery status notifications: the machine part as recipients. RFC 3464, RFC 6533.

Lenient where real servers are loose: actions of other words or none, codes only in the
diagnostic, addresses in angles or with names, all fields in one group.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from postroad.domain.bounce import Action, ReportedRecipient, Response
from postroad.protocol.report.addressing import bare_mailbox, reported_address
from postroad.protocol.report.classified import read_classification
from postroad.protocol.report.fields import Group, Groups, read_groups, typed
from postroad.protocol.report.status import find_reply_code, find_status, is_vague, status_field

MAX_RESPONSE = 4000  # characters of a response that are kept

_TOLD = frozenset(
    {
        "original-envelope-id", "reporting-mta", "arrival-date", "original-recipient",
        "final-recipient", "action", "status", "remote-mta", "diagnostic-code",
        "last-attempt-date", "will-retry-until", "x-repeated",
    }
)  # fmt: skip
_MAX_OTHERS, _MAX_OTHER = 50, 1000  # further fields, and characters of each
_ACTIONS = {
    "failed": Action.FAILED,
    "failure": Action.FAILED,
    "fail": Action.FAILED,
    "expired": Action.FAILED,
    "error": Action.FAILED,
    "undeliverable": Action.FAILED,
    "delayed": Action.DELAYED,
    "deferred": Action.DELAYED,
    "transient": Action.DELAYED,
    "temporary": Action.DELAYED,
    "pending": Action.DELAYED,
    "bounced": Action.FAILED,
    "rejected": Action.FAILED,
    "permanent": Action.FAILED,
    "undelivered": Action.FAILED,
    "delivered": Action.DELIVERED,
    "relayed": Action.RELAYED,
    "expanded": Action.EXPANDED,
}
_WORD = re.compile(r"[a-z]+")
_GAVE_UP = re.compile(r"expired|giving up|gave up|too long|no longer|will not (?:be )?retr", re.I)
_SQUEEZE = re.compile(r"\s+")
_COMMENT = re.compile(r"\(([^()]{0,300})\)\s*$")


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A delivery status, read."""

    recipients: tuple[ReportedRecipient, ...]
    dropped: int
    reporting_mta: str | None
    queue_id: str | None
    envelope_id: str | None
    arrival_date: str | None
    message_id: str | None  # as some servers add it, raw
    others: tuple[tuple[str, str, str], ...]  # name, type and value of further fields


def parse_delivery_status(text: str) -> DeliveryStatus:
    """Read the text of a machine part; without recipient groups ``recipients`` is empty."""
    groups = read_groups(text)
    told: dict[tuple[str, Action], ReportedRecipient] = {}  # some servers write a group twice
    for group in groups.recipients:
        if (found := _recipient(group)) is not None:
            told.setdefault((found.recipient.lower() or str(len(told)), found.action), found)
    return DeliveryStatus(
        recipients=tuple(told.values()),
        dropped=groups.dropped,
        reporting_mta=host(_field(groups, "reporting-mta")),
        queue_id=_first(groups, ("x-postfix-queue-id", "x-queue-id")),
        envelope_id=_field(groups, "original-envelope-id") or None,
        arrival_date=_field(groups, "arrival-date") or None,
        message_id=_first(groups, ("x-original-message-id", "original-message-id", "x-message-id")),
        others=_others(groups),
    )


def make_response(text: str, *, source: str = "") -> Response | None:
    """A response from what a server said; ``None`` when it said nothing."""
    clean = squeeze(text)
    return Response(clean, source, find_reply_code(clean)) if clean else None


def squeeze(text: str) -> str:
    """On one line, bounded."""
    return _SQUEEZE.sub(" ", text[: 2 * MAX_RESPONSE]).strip()[:MAX_RESPONSE]


def host(value: str) -> str | None:
    """The name in an MTA field, its type taken off, lower case. RFC 3464 §2.2.2."""
    name = typed(value)[1].strip()
    name = name.partition(" ")[0].strip("<>").rstrip(".")
    return name.lower() or None


def _recipient(group: Group) -> ReportedRecipient | None:
    kind, value = typed(group.get("final-recipient", ""))
    final = reported_address(value, is_utf8=kind == "utf-8")
    kind, value = typed(group.get("original-recipient", ""))
    original = reported_address(value, is_utf8=kind == "utf-8")
    if not final and not original:
        actual = typed(group.get("x-actual-recipient", ""))[1]
        final = reported_address(actual) or bare_mailbox(
            typed(group.get("final-recipient", "") or group.get("original-recipient", ""))[1]
        )
    source, said = typed(group.get("diagnostic-code", ""))
    said = squeeze(said)
    status_value = group.get("status", "")
    stated = status_field(status_value)
    told = find_status(said)
    status = stated or told
    if stated and told and is_vague(stated) and told[0] == stated[0]:
        status = told  # the field repeats the class only, the server beyond it said which
    if not said and (comment := _COMMENT.search(status_value)):
        said = comment[1]  # Status: 5.1.1 (bad destination mailbox address)
    action = _action(group, status, said)
    if action is None:
        return None
    return ReportedRecipient(
        recipient=final or original,
        action=action,
        original_recipient=original or None,
        status=status,
        response=make_response(said, source=source),
        remote_mta=host(group.get("remote-mta", "")),
        last_attempt=group.get("last-attempt-date") or None,
        will_retry_until=group.get("will-retry-until") or None,
        verdict=read_classification(group, source, said),
    )


def _action(group: Group, status: str | None, said: str) -> Action | None:
    """The action, inferred when it is not told; ``None`` for a group that says nothing at all."""
    word = _WORD.search(group.get("action", "").lower())
    if word is not None and word[0] in _ACTIONS:
        action = _ACTIONS[word[0]]
        # A success that carries an error code is some gateway's slip of the pen.
        if not action.is_bounce and status and status[0] == "5":
            return Action.FAILED
        return action
    if status is None:
        code = find_reply_code(said)
        if code is None:
            named = group.get("final-recipient") or group.get("original-recipient")
            return Action.FAILED if named else None
        return Action.FAILED if code >= 500 or _GAVE_UP.search(said) else Action.DELAYED
    if status[0] == "2":
        return Action.DELIVERED
    if status[0] == "5" or _GAVE_UP.search(said) or "will-retry-until" not in group:
        return Action.FAILED
    return Action.DELAYED


def _field(groups: Groups, name: str) -> str:
    """A field about the message, wherever the server put it."""
    if value := groups.message.get(name):
        return value
    return next((group[name] for group in groups.recipients[:20] if group.get(name)), "")


def _others(groups: Groups) -> tuple[tuple[str, str, str], ...]:
    fields = chain(groups.message.items(), *(group.items() for group in groups.recipients[:1]))
    further = ((name, *typed(value)) for name, value in fields if name not in _TOLD)
    kept = [(name, kind, value[:_MAX_OTHER]) for name, kind, value in further if value]
    return tuple(kept[:_MAX_OTHERS])


def _first(groups: Groups, names: Sequence[str]) -> str | None:
    return next((value for name in names if (value := _field(groups, name))), None)
