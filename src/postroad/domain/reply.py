"""What came of one attempt to hand a message to a relay."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """One whole SMTP reply. RFC 5321 §4.2; enhanced status RFC 3463."""

    code: int
    lines: tuple[str, ...]  # text behind the code, one entry a line, enhanced status included
    enhanced: str | None = None  # "5.1.1"

    @property
    def text(self) -> str:
        """The reply as one line, ``250 2.0.0 OK``; further lines are joined by a space."""
        return f"{self.code} {' '.join(self.lines)}".rstrip()


class FailureKind(StrEnum):
    """Why there was no reply to go by. The values are the contract's error codes."""

    AUTH = "EAUTH"
    NO_AUTH = "ENOAUTH"
    OAUTH2 = "EOAUTH2"
    TLS = "ETLS"
    ENVELOPE = "EENVELOPE"
    MESSAGE = "EMESSAGE"
    PROTOCOL = "EPROTOCOL"
    TIMEOUT = "ETIMEDOUT"
    CONNECTION = "ECONNECTION"
    DNS = "EDNS"
    SOCKET = "ESOCKET"
    STREAM = "ESTREAM"

    @property
    def is_permanent(self) -> bool:
        """Whether a failure of this kind without a reply code ends the delivery (B-154)."""
        return self in _PERMANENT


_PERMANENT = frozenset(
    {
        FailureKind.AUTH,
        FailureKind.NO_AUTH,
        FailureKind.OAUTH2,
        FailureKind.TLS,
        FailureKind.ENVELOPE,
        FailureKind.MESSAGE,
        FailureKind.PROTOCOL,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that went wrong: at which command, of which kind, with which reply if any."""

    kind: FailureKind
    message: str  # for people, on one line
    command: str | None = None  # "CONN", "EHLO", "STARTTLS", "AUTH", "MAIL FROM", "RCPT TO", "DATA"
    reply: SmtpReply | None = None


@dataclass(frozen=True, slots=True)
class RefusedRecipient:
    """A recipient that the relay refused while it took the message for others."""

    address: str
    reply: SmtpReply


@dataclass(frozen=True, slots=True)
class Accepted:
    """The relay took the message. ``refused`` lists recipients that it did not take."""

    reply: SmtpReply
    refused: tuple[RefusedRecipient, ...] = ()


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now; another attempt may help."""

    why: Failure


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never; another attempt would get the same answer."""

    why: Failure


Outcome = Accepted | Deferred | Rejected


def judge(failure: Failure) -> Deferred | Rejected:
    """Tell whether a failure is for good.

    A reply decides when there is one: 500 and above are permanent, 503 is not (it says that
    we were out of step, which a new session mends). Without a reply the kind decides.
    Contract B-154, B-155.
    """
    if failure.reply is not None:
        is_permanent = failure.reply.code >= 500 and failure.reply.code != 503
    else:
        is_permanent = failure.kind.is_permanent
    return Rejected(failure) if is_permanent else Deferred(failure)
