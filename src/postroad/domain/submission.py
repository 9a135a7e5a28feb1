"""One message accepted for relaying. RFC 6409."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from postroad.domain.envelope import DsnRequest, Envelope
from postroad.domain.quick import quick_dataclass
from postroad.domain.secret import Secret

MAX_TAGS: Final = 10  # of one submission
MAX_TAG_CHARS: Final = 64
# Nor what breaks lines in some programs, nor what no text can hold.
_NOT_IN_TAGS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_tag(text: str) -> bool:
    """Whether a caller may mark a message with this: some characters, none of them a control."""
    return 0 < len(text) <= MAX_TAG_CHARS and _NOT_IN_TAGS.search(text) is None


class SubmissionState(StrEnum):
    """Where a submission stands. Forward only::

    queued -> accepted -> done
    queued -> failed | cancelled
    """

    QUEUED = "queued"  # scheduled, waiting, claimed or between attempts; next_attempt_at tells
    ACCEPTED = "accepted"  # the relay's 250 is on disk; Sent copy or flags may still be open
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Source(StrEnum):
    """Which surface handed the message over."""

    API = "api"
    SMTP = "smtp"
    TEST = "test"
    UI = "ui"


class ReferenceAction(StrEnum):
    """What the new message does with the one it refers to."""

    REPLY = "reply"
    REPLY_ALL = "reply-all"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Flagging:
    """Flags that a message in the mailbox shall get once the relay has accepted ours."""

    message: str  # message id in the account, as the API shows it
    flags: tuple[str, ...]  # ("\\Answered",)


@quick_dataclass(frozen=True, slots=True)
class Content:
    """Where the octets of a message lie, and what of them stays at home.

    The octets are RFC 5322 with CRLF line ends. ``bcc_start`` to ``bcc_end`` is the span of
    the Bcc field: kept for the Sent copy, left out on the way to the relay. Both are 0 when
    there is none.
    """

    content_id: str
    size: int  # octets, Bcc included
    bcc_start: int = 0
    bcc_end: int = 0

    @property
    def relay_size(self) -> int:
        """Octets that go to the relay."""
        return self.size - (self.bcc_end - self.bcc_start)


@quick_dataclass(frozen=True, slots=True)
class Submission:
    """One message on its way. A copy of its row; the row is the truth."""

    queue_id: str  # ours, sorts by time; in the API and in every event about it
    account: str
    lane: str  # who it is fair to: the account (later: the gateway)
    source: Source
    envelope: Envelope
    message_id: str  # with <>, stable over all attempts. RFC 5322 §3.6.4
    subject: str  # for lists
    content: Content
    state: SubmissionState
    created_at: int  # epoch ms
    scheduled_at: int  # epoch ms; when the sender wanted it sent
    next_attempt_at: int  # epoch ms; schedule, retry time or end of the claim
    attempts: int  # relay attempts, counted before the dial
    max_attempts: int
    expires_at: int | None = None  # epoch ms; no attempt begins after it (deliveryHorizon)
    claim_token: int = 0  # grows with every claim; fences defer and fail
    claimed_by: str | None = None  # node id while claimed
    finish_attempts: int = 0  # tries at Sent copy and flags after the relay's 250
    dsn: DsnRequest | None = None
    wants_copy: bool | None = None  # caller's word on the Sent copy; None leaves it to the account
    sent_path: str | None = None  # caller's folder for it
    flagging: Flagging | None = None
    idempotency_key: str | None = None
    proxy: Secret[str] | None = None  # URL; overrides the account's route for this message
    local_address: str | None = None  # source address; likewise
    eight_bit: bool = False  # content has octets above 127. RFC 6152
    smtputf8: bool = False  # addresses or header octets are UTF-8. RFC 6531
    tags: tuple[str, ...] = ()  # the caller's own words, told with every event about it
    last_error: str | None = None  # message of the last failed attempt
    last_code: str | None = None  # its EXXX code
    last_status: int | None = None  # its SMTP reply code
    response: str | None = None  # the relay's reply line once accepted
    remote_message_id: str | None = None  # Message-ID that the relay said it gave, if it did
    finished_at: int | None = None  # epoch ms; when it became done, failed or cancelled


@quick_dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at the relay, as it is remembered."""

    queue_id: str
    number: int  # 1 is the first
    started_at: int  # epoch ms
    finished_at: int  # epoch ms
    outcome: str  # accepted | deferred | rejected | lost
    code: str | None  # FailureKind value
    status: int | None  # SMTP reply code
    response: str | None  # the reply line or the failure's words
    node_id: str | None = None
