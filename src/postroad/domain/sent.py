"""What was sent and what came back of it, as it is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from postroad.domain.quick import quick_dataclass
from postroad.domain.suppression import address_key as spelling


@quick_dataclass(frozen=True, slots=True)
class SentMessage:
    """A submission that a relay took. Kept for longer than the submission itself."""

    queue_id: str
    account: str
    message_id: str  # as submitted, with <>
    recipients: tuple[str, ...]  # that the relay took; when read again, the first of them
    submitted_at: int  # epoch ms
    accepted_at: int  # epoch ms, of the relay's 250
    remote_message_id: str | None = None  # that the relay gave instead, if it said so
    envelope_id: str | None = None  # ENVID. RFC 3461 §4.4
    has_own_return_path: bool = False  # the return path names the queue id
    tags: tuple[str, ...] = ()  # the caller's own
    further: int = 0  # how many recipients there are beyond ``recipients``; kept apart from them


class MatchedBy(StrEnum):
    """What led from a report to the message it is about, the surest first."""

    MESSAGE_ID = "messageId"
    ENVELOPE_ID = "envelopeId"
    RETURN_PATH = "returnPath"  # the address that it came to names the submission
    RECIPIENT = "recipient"  # the newest message to that address, within some days


@dataclass(frozen=True, slots=True)
class Match:
    """The message that a report is about."""

    sent: SentMessage
    by: MatchedBy
    is_sure: bool = True  # nothing else that was sent goes by that name


class ReturnedKind(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Returned:
    """What one report tells of one recipient, as it is kept."""

    kind: ReturnedKind
    account: str  # whose mail it was
    reporter: str  # account in whose mailbox the report arrived
    report: str  # message id of the report there, as the API shows it
    message_id: str | None  # of the mail that was sent, with <>; as it was submitted, if known
    recipient: str
    action: str | None  # "failed"; None for a complaint
    type: str | None  # a BounceType, or None
    reason: str | None  # a BounceReason; of a complaint its feedback type
    status: str | None  # enhanced
    response: str | None
    queue_id: str | None  # of the submission, when it was found
    recorded_at: int  # epoch ms
    remote_id: str | None = None  # Message-ID that the report names, where it is another


def id_key(message_id: str) -> int:
    """A Message-ID or ENVID as a number to find it by, signed as a database keeps it.

    Case and brackets do not count: some mail systems change either on the way.
    """
    return _hash(bare_id(message_id))


def bare_id(message_id: str) -> str:
    """What is compared of a Message-ID."""
    return message_id.strip().strip("<>").lower()


def address_key(address: str) -> int:
    """An address as a number to find it by: one for all spellings of it that are compared."""
    return _hash(f"@{spelling(address)}")


def report_key(reporter: str, identity: str, *, arrived_at: int | None, size: int | None) -> int:
    """A report as a number: the same mail in another mailbox of ``reporter`` has the same.

    ``identity`` is its Message-ID, or what else is its own; ``arrived_at`` (epoch ms) and
    ``size`` (octets) stay when a mail is moved, and tell mails with one Message-ID apart.
    """
    return _hash(f"{reporter}\n{identity}\n{arrived_at}\n{size}")


def _hash(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
