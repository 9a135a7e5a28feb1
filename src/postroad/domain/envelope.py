"""The SMTP envelope. RFC 5321 §2.3.1. IMAP's ENVELOPE item is always ``ImapEnvelope``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from postroad.domain.quick import quick_dataclass


@quick_dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends and who receives, as the relay is told."""

    mail_from: str  # empty for the null reverse-path
    rcpt_to: tuple[str, ...]


class DsnReturn(StrEnum):
    """What a delivery status report shall bring back. RFC 3461 §4.3."""

    HEADERS = "headers"
    FULL = "full"


class DsnNotify(StrEnum):
    """When the sender wants to be told. RFC 3461 §4.1. ``NEVER`` stands alone."""

    NEVER = "never"
    SUCCESS = "success"
    FAILURE = "failure"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class RecipientDsn:
    """The sender's wishes for one recipient."""

    rcpt_to: str
    notify: tuple[DsnNotify, ...] = ()
    orcpt: str | None = None  # ORCPT address, plain text


@dataclass(frozen=True, slots=True)
class DsnRequest:
    """The sender's wishes about delivery status reports. RFC 3461."""

    ret: DsnReturn | None = None  # None leaves it to whoever reports
    envid: str | None = None  # ENVID, plain text; xtext-encoded on the wire
    notify: tuple[DsnNotify, ...] = ()
    orcpt: str | None = None  # ORCPT address, plain text
    recipients: tuple[RecipientDsn, ...] = ()  # whose wishes differ from notify and orcpt
