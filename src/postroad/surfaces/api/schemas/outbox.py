"""The queue as JSON. Contract B-161..B-164."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType, field

from postroad.domain.submission import Submission, SubmissionState
from postroad.domain.url import mask_url
from postroad.engine.delivery.outbox import OutboxEntry
from postroad.surfaces.api.schemas.formats import iso
from postroad.surfaces.api.schemas.members import Answer


class EnvelopeAnswer(Answer):
    from_: str = field(name="from")
    to: list[str]


class ErrorAnswer(Answer):
    message: str
    code: str | UnsetType = UNSET
    statusCode: int | UnsetType = UNSET


class Progress(Answer):
    status: Literal["queued", "processing", "smtp-starting", "smtp-completed", "submitted", "error"]
    error: ErrorAnswer | UnsetType = UNSET


class OutboxEntryAnswer(Answer):
    queueId: str
    account: str
    source: Literal["smtp", "api", "test", "ui"]
    messageId: str
    envelope: EnvelopeAnswer
    subject: str | None
    created: str
    scheduled: str
    nextAttempt: str | bool  # false when there will be none
    attemptsMade: int
    attempts: int
    progress: Progress
    proxy: str | UnsetType | None = UNSET
    localAddress: str | UnsetType | None = UNSET
    idempotencyKey: str | UnsetType | None = UNSET
    tags: list[str] | UnsetType = UNSET

    @classmethod
    def of(cls, entry: OutboxEntry) -> OutboxEntryAnswer:
        sub = entry.submission
        return cls(
            queueId=sub.queue_id,
            account=sub.account,
            source=sub.source.value,
            messageId=sub.message_id,
            envelope=EnvelopeAnswer(from_=sub.envelope.mail_from, to=list(sub.envelope.rcpt_to)),
            subject=sub.subject,
            created=iso(sub.created_at),
            scheduled=iso(sub.scheduled_at),
            nextAttempt=False if entry.next_attempt_at is None else iso(entry.next_attempt_at),
            attemptsMade=sub.attempts,
            attempts=sub.max_attempts,
            progress=_progress(sub, is_active=entry.is_active),
            proxy=UNSET if sub.proxy is None else mask_url(sub.proxy.reveal()),
            localAddress=sub.local_address or UNSET,
            idempotencyKey=sub.idempotency_key or UNSET,
            tags=list(sub.tags) or UNSET,
        )


class ListOutboxAnswer(Answer):
    total: int
    page: int
    pages: int
    messages: list[OutboxEntryAnswer]


class DeleteOutboxAnswer(Answer):
    deleted: bool


def _progress(sub: Submission, *, is_active: bool) -> Progress:
    if is_active:
        return Progress(status="processing")
    if sub.last_error is None and sub.state is not SubmissionState.FAILED:
        return Progress(status="queued")
    return Progress(
        status="error",
        error=ErrorAnswer(
            message=sub.last_error or "",
            code=sub.last_code or UNSET,
            statusCode=UNSET if sub.last_status is None else sub.last_status,
        ),
    )
