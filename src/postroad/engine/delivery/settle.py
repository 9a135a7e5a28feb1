"""The ledger: what came of an attempt, and the events that tell of it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypedDict

from postroad.domain.backoff import Backoff
from postroad.domain.event import Event, EventName
from postroad.domain.reply import (
    Accepted,
    Deferred,
    Failure,
    FailureKind,
    Outcome,
    Rejected,
    SmtpReply,
)
from postroad.domain.return_path import queue_id_in
from postroad.domain.sent import SentMessage
from postroad.domain.submission import Attempt, Submission
from postroad.domain.suppression import Skipped
from postroad.engine.delivery.rewritten import rewritten_message_id
from postroad.engine.suppression.told import refusal_words, skipped_data
from postroad.store import Tx


@dataclass(frozen=True, slots=True)
class Settled:
    """What was written down."""

    moved: bool  # False when the claim was stale and nothing changed
    retry_at: int | None = None  # epoch ms of the next attempt, if there is one
    told: tuple[str, ...] = ()  # names of the events that were recorded


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """One finished attempt at the relay."""

    submission: Submission
    outcome: Outcome
    started_at: int  # epoch ms
    finished_at: int  # epoch ms
    relay_host: str
    routing: dict[str, object] | None = None  # networkRouting, None when the route was the default


async def settle(
    tx: Tx,
    report: AttemptReport,
    *,
    backoff: Backoff,
    jitter: float,
    needs_finishing: bool,
    show_status: bool,
    node_id: str,
    finish_delay_ms: int = 0,
) -> Settled:
    """Write down what came of one attempt, once. A stale claim changes and tells nothing.

    A relay's acceptance is a fact and is recorded whoever holds the claim; deferring and failing
    are intentions and need it. ``jitter`` (0 to 1) shortens the delay; it is drawn outside so that
    a unit that runs twice writes the same. ``show_status`` also writes the account's smtpStatus;
    ``finish_delay_ms`` is how long the copy in Sent may wait.
    """
    sub, outcome = report.submission, report.outcome
    if isinstance(outcome, Accepted):
        remote_id = rewritten_message_id(report.relay_host, outcome.reply)
        moved = await tx.submissions.accept(
            sub,
            outcome.reply.text,
            remote_message_id=remote_id,
            done=not needs_finishing,
            finish_delay_ms=finish_delay_ms,
        )
        events = [_sent(sub, outcome.reply, remote_id, report.routing)]
        events += [_refused(sub, r.address, r.reply, report) for r in outcome.refused]
        if moved:
            await tx.attempts.record(_attempt(report, outcome_word(outcome), node_id))
            await tx.sent.record(_sent_message(sub, outcome, remote_id, tx.now))
            await tx.events.record(*events)
            if show_status:
                status = {"created": tx.now, "status": "ok", "response": outcome.reply.text}
                await tx.accounts.set_smtp_status(sub.account, status)
        return Settled(moved, told=_names(events) if moved else ())

    why = outcome.why
    retry_at = _retry_at(sub, outcome, tx.now, backoff, jitter)
    events = [_delivery_error(sub, why, retry_at, report.routing)]
    if retry_at is not None:
        moved = await tx.submissions.defer(sub, retry_at, **_told(why))
    else:
        moved = await tx.submissions.fail(sub, **_told(why))
        events.append(_failed(sub, why, report.routing))
    if moved:
        await tx.attempts.record(_attempt(report, outcome_word(outcome), node_id))
        await tx.events.record(*events)
        if show_status:
            status = _smtp_status(why, tx.now, report.routing)
            await tx.accounts.set_smtp_status(sub.account, status)
    return Settled(moved, retry_at if moved else None, _names(events) if moved else ())


def outcome_word(outcome: Outcome) -> str:
    """How attempts and metrics call an outcome: accepted, deferred or rejected."""
    match outcome:
        case Accepted():
            return "accepted"
        case Deferred():
            return "deferred"
        case Rejected():
            return "rejected"


def _names(events: Sequence[Event]) -> tuple[str, ...]:
    return tuple(event.name.value for event in events)


async def give_up(tx: Tx, sub: Submission) -> bool:
    """Fail a submission that has no attempt left, without a dial (a crash used up the last one)."""
    why = Failure(
        FailureKind.TIMEOUT,
        sub.last_error or "the last attempt was interrupted and its outcome is not known",
    )
    moved = await tx.submissions.fail(sub, **_told(why))
    if moved:
        await tx.events.record(_failed(sub, why, None))
    return moved


async def withdraw(
    tx: Tx, sub: Submission, skipped: Sequence[Skipped]
) -> tuple[Submission | None, Sequence[str]]:
    """Take recipients out who were suppressed while the message waited, and tell of it.

    Gives what is left to send, and the names of the events that were recorded. When nobody is
    left the message fails without a dial. Nothing is left either, and nothing told, when the
    claim was lost.
    """
    why = Failure(FailureKind.ENVELOPE, f"recipient suppressed: {refusal_words(skipped)}")
    left_out = {item.recipient for item in skipped}
    rcpt_to = tuple(who for who in sub.envelope.rcpt_to if who not in left_out)
    error = _delivery_error(sub, why, None, None)
    envelope = {"from": sub.envelope.mail_from, "to": [item.recipient for item in skipped]}
    data = {**error.data, "envelope": envelope, "skipped": skipped_data(skipped)}
    events = [_event(sub, EventName.MESSAGE_DELIVERY_ERROR, data)]
    if rcpt_to:
        moved = await tx.submissions.narrow(sub, rcpt_to)
    else:
        moved = await tx.submissions.fail(sub, **_told(why))
        events.append(_failed(sub, why, None))
    if not moved:
        return None, ()
    await tx.events.record(*events)
    left = replace(sub, envelope=replace(sub.envelope, rcpt_to=rcpt_to)) if rcpt_to else None
    return left, _names(events)


class _Told(TypedDict):
    """What the row keeps of a failure."""

    error: str
    code: str
    status: int | None


def _told(why: Failure) -> _Told:
    return _Told(
        error=why.message,
        code=why.kind.value,
        status=why.reply.code if why.reply is not None else None,
    )


def _retry_at(
    sub: Submission, outcome: Outcome, now: int, backoff: Backoff, jitter: float
) -> int | None:
    if not isinstance(outcome, Deferred) or sub.attempts >= sub.max_attempts:
        return None
    retry_at = now + int(backoff.nominal_ms(sub.attempts) * (1 - backoff.jitter * jitter))
    if sub.expires_at is not None and retry_at > sub.expires_at:
        return None
    return retry_at


def _envelope(sub: Submission) -> dict[str, object]:
    return {"from": sub.envelope.mail_from, "to": list(sub.envelope.rcpt_to)}


def _event(sub: Submission, name: EventName, data: dict[str, object]) -> Event:
    if sub.tags:
        data["tags"] = list(sub.tags)
    return Event(name, sub.account, data, queue_id=sub.queue_id)


def _sent(
    sub: Submission, reply: SmtpReply, remote_id: str | None, routing: dict[str, object] | None
) -> Event:
    data: dict[str, object] = {"messageId": remote_id or sub.message_id}
    if remote_id is not None:
        data["originalMessageId"] = sub.message_id
    data |= {
        "response": reply.text,
        "queueId": sub.queue_id,
        "envelope": _envelope(sub),
        "networkRouting": routing,
    }
    return _event(sub, EventName.MESSAGE_SENT, data)


def _sent_message(
    sub: Submission, outcome: Accepted, remote_id: str | None, now: int
) -> SentMessage:
    refused = {one.address for one in outcome.refused}
    return SentMessage(
        queue_id=sub.queue_id,
        account=sub.account,
        message_id=sub.message_id,
        recipients=tuple(who for who in sub.envelope.rcpt_to if who not in refused),
        submitted_at=sub.created_at,
        accepted_at=now,
        remote_message_id=remote_id,
        envelope_id=None if sub.dsn is None else sub.dsn.envid,
        has_own_return_path=queue_id_in(sub.envelope.mail_from) == sub.queue_id,
        tags=sub.tags,
    )


def _delivery_error(
    sub: Submission, why: Failure, retry_at: int | None, routing: dict[str, object] | None
) -> Event:
    data: dict[str, object] = {
        "queueId": sub.queue_id,
        "envelope": _envelope(sub),
        "messageId": sub.message_id,
        "error": why.message,
        "errorCode": why.kind.value,
    }
    if why.reply is not None:
        data |= {"smtpResponse": why.reply.text, "smtpResponseCode": why.reply.code}
    if why.command is not None:
        data["smtpCommand"] = why.command
    data |= {
        "networkRouting": routing,
        "job": {
            "id": sub.queue_id,
            "attemptsMade": sub.attempts - 1,
            "attempts": sub.max_attempts,
            "nextAttempt": _iso(retry_at) if retry_at is not None else False,
        },
    }
    return _event(sub, EventName.MESSAGE_DELIVERY_ERROR, data)


def _refused(sub: Submission, address: str, reply: SmtpReply, report: AttemptReport) -> Event:
    """A recipient whom the relay refused while it took the message for the others."""
    why = Failure(FailureKind.ENVELOPE, f"recipient refused: {reply.text}", "RCPT TO", reply)
    event = _delivery_error(sub, why, None, report.routing)
    data = {**event.data, "envelope": {"from": sub.envelope.mail_from, "to": [address]}}
    return _event(sub, EventName.MESSAGE_DELIVERY_ERROR, data)


def _failed(sub: Submission, why: Failure, routing: dict[str, object] | None) -> Event:
    data: dict[str, object] = {
        "messageId": sub.message_id,
        "queueId": sub.queue_id,
        "error": f"Error: {why.message}".splitlines()[0],
        "networkRouting": routing,
    }
    return _event(sub, EventName.MESSAGE_FAILED, data)


def _smtp_status(why: Failure, now: int, routing: dict[str, object] | None) -> dict[str, object]:
    """The account's ``smtpStatus`` after a failed attempt. Contract B-165."""
    status: dict[str, object] = {
        "created": now,
        "status": "error",
        "response": why.reply.text if why.reply else why.message,
        "code": why.kind.value,
        "networkRouting": routing,
        "description": why.message,
    }
    if why.reply is not None:
        status["responseCode"] = why.reply.code
    if why.command is not None:
        status["command"] = why.command
    return status


def _attempt(report: AttemptReport, word: str, node_id: str) -> Attempt:
    sub, outcome = report.submission, report.outcome
    code: str | None = None
    reply: SmtpReply | None
    if isinstance(outcome, Accepted):
        reply, words = outcome.reply, outcome.reply.text
    else:
        code, reply = outcome.why.kind.value, outcome.why.reply
        words = reply.text if reply is not None else outcome.why.message
    return Attempt(
        queue_id=sub.queue_id,
        number=sub.attempts,
        started_at=report.started_at,
        finished_at=report.finished_at,
        outcome=word,
        code=code,
        status=reply.code if reply is not None else None,
        response=words,
        node_id=node_id,
    )


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
