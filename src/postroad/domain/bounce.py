"""What came back: bounces, complaints and auto-replies, as values.

A :class:`Report` says what one incoming mail tells of mail that was sent before. The words for
reasons are a closed list, :class:`BounceReason`; docs/how-to/bounces.md explains each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    """What an incoming mail is. The values are those that the command line prints."""

    BOUNCE = "bounce"  # a delivery failed or is delayed
    DELIVERY = "delivery"  # a report of success only: delivered, relayed, expanded
    COMPLAINT = "complaint"  # a feedback report: somebody called the mail abuse
    AUTO_REPLY = "autoreply"  # vacation notes, receipts, challenges
    ORDINARY = "ordinary"  # anything else


class Action(StrEnum):
    """What became of the mail for one recipient. RFC 3464 §2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"

    @property
    def is_bounce(self) -> bool:
        return self in (Action.FAILED, Action.DELAYED)


class BounceType(StrEnum):
    """Whether the address itself is the trouble."""

    HARD = "hard"  # the address does not work and will not: stop sending to it
    SOFT = "soft"  # a full mailbox, a refusal of this mail or this sender, a server in trouble
    UNDETERMINED = "undetermined"  # the report does not say


class BounceReason(StrEnum):
    """Why a delivery failed. A closed list; docs/how-to/bounces.md has a sentence for each."""

    USER_UNKNOWN = "user_unknown"
    USER_MOVED = "user_moved"
    HOST_UNKNOWN = "host_unknown"
    NO_MAIL_HOST = "no_mail_host"
    SUSPENDED = "suspended"
    MAILBOX_FULL = "mailbox_full"
    FILTERED = "filtered"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    GREYLISTED = "greylisted"
    BLOCKED = "blocked"
    SPAM = "spam"
    VIRUS = "virus"
    CONTENT = "content"
    POLICY = "policy"
    AUTHENTICATION = "authentication"
    REVERSE_DNS = "reverse_dns"
    RELAY_DENIED = "relay_denied"
    SENDER_REJECTED = "sender_rejected"
    SECURITY = "security"
    PROTOCOL = "protocol"
    NETWORK = "network"
    EXPIRED = "expired"
    SYSTEM = "system"
    MAILER = "mailer"
    UNDETERMINED = "undetermined"


class Category(StrEnum):
    """The contract's word for a reason, coarser than ours (B-195)."""

    USER_UNKNOWN = "user_unknown"
    INVALID_ADDRESS = "invalid_address"
    MAILBOX_DISABLED = "mailbox_disabled"
    MAILBOX_FULL = "mailbox_full"
    RATE_LIMITED = "rate_limited"
    GREYLISTING = "greylisting"
    IP_BLACKLISTED = "ip_blacklisted"
    DOMAIN_BLACKLISTED = "domain_blacklisted"
    SPAM_BLOCKED = "spam_blocked"
    VIRUS_DETECTED = "virus_detected"
    POLICY_BLOCKED = "policy_blocked"
    AUTH_FAILURE = "auth_failure"
    RELAY_DENIED = "relay_denied"
    SERVER_ERROR = "server_error"


class RecommendedAction(StrEnum):
    """What the sender had better do, in the contract's words (B-195)."""

    REMOVE = "remove"
    RETRY = "retry"
    RETRY_DIFFERENT_IP = "retry_different_ip"
    REVIEW = "review"
    REMOVE_CONTENT = "remove_content"
    FIX_CONFIGURATION = "fix_configuration"


@dataclass(frozen=True, slots=True)
class Response:
    """What the refusing side said."""

    text: str  # on one line, white space squeezed
    source: str = ""  # type of the diagnostic code, lower case: "smtp"; empty when not told
    code: int | None = None  # SMTP reply code


@dataclass(frozen=True, slots=True)
class Verdict:
    """Our reading of a response, with the words that led to it."""

    type: BounceType
    reason: BounceReason
    category: Category | None = None
    recommended_action: RecommendedAction | None = None
    retry_after_s: int | None = None  # only when the response names a time
    blocklist: str | None = None  # name of the list that the response names
    evidence: str = ""  # the words, or the status code, that decided


UNDETERMINED = Verdict(BounceType.UNDETERMINED, BounceReason.UNDETERMINED)


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient's fate."""

    recipient: str  # as the reporting side knows it; empty when the report does not tell
    action: Action
    original_recipient: str | None = None  # as the sender gave it, when it is told
    status: str | None = None  # enhanced, "5.1.1"; as it was told, never made up
    response: Response | None = None
    remote_mta: str | None = None  # lower case
    last_attempt: str | None = None  # as written
    will_retry_until: str | None = None  # as written
    verdict: Verdict = UNDETERMINED


@dataclass(frozen=True, slots=True)
class OriginalMessage:
    """What came back of the mail that was sent."""

    message_id: str | None = None  # with <>
    headers: tuple[tuple[str, str], ...] = ()  # names in lower case, raw values, unfolded


@dataclass(frozen=True, slots=True)
class Feedback:
    """A feedback report. RFC 5965 §3; dates as written."""

    feedback_type: str  # lower case: "abuse", "fraud", "opt-out", "auth-failure", ...
    recipients: tuple[str, ...] = ()  # original recipients
    source: str | None = None
    abuse_type: str | None = None
    user_agent: str | None = None
    version: str | None = None
    envelope_id: str | None = None
    mail_from: str | None = None
    arrival_date: str | None = None
    reporting_mta: str | None = None
    source_ip: str | None = None
    subscription_link: str | None = None
    incidents: int | None = None
    others: tuple[tuple[str, str], ...] = ()  # further fields, names in lower case


@dataclass(frozen=True, slots=True)
class Report:
    """What one mail tells. Anything not told is ``None`` or empty."""

    kind: ReportKind
    evidence: tuple[str, ...] = ()  # why it is of this kind, for people
    dialect: str | None = None  # whose free text it is written in, when no machine part served
    recipients: tuple[ReportedRecipient, ...] = ()  # in the report's order
    dropped: int = 0  # recipients beyond the limit, not kept
    reporting_mta: str | None = None  # lower case
    queue_id: str | None = None  # of the reporting side, not ours
    envelope_id: str | None = None  # ENVID of the submission. RFC 3461 §4.4
    arrival_date: str | None = None  # as written
    # Further fields of the machine part, of the message and of the first recipient: the name in
    # lower case, the type ("rfc822", mostly empty) and the value.
    others: tuple[tuple[str, str, str], ...] = ()
    original: OriginalMessage = OriginalMessage()
    feedback: Feedback | None = None

    @property
    def failures(self) -> tuple[ReportedRecipient, ...]:
        """The recipients that were not reached, or not yet."""
        return tuple(item for item in self.recipients if item.action.is_bounce)

    @property
    def is_auto_reply(self) -> bool:
        """A bounce is written by a machine too, but is never told as an auto-reply."""
        return self.kind is ReportKind.AUTO_REPLY
