"""Mailboxes as a provider shows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SpecialUse(StrEnum):
    """What a mailbox is for. RFC 6154, with ``\\Inbox`` as the contract names it."""

    INBOX = "\\Inbox"
    SENT = "\\Sent"
    DRAFTS = "\\Drafts"
    JUNK = "\\Junk"
    TRASH = "\\Trash"
    ARCHIVE = "\\Archive"
    ALL = "\\All"
    FLAGGED = "\\Flagged"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One selectable mailbox."""

    path: str  # decoded; INBOX always in capitals
    delimiter: str | None
    special_use: SpecialUse | None = None
    special_use_source: str | None = None  # user | extension | name
    subscribed: bool = True
    attributes: tuple[str, ...] = ()  # as the server gave them, "\\HasNoChildren"


@dataclass(frozen=True, slots=True)
class MailboxNumber:
    """The number under which message ids name one life of a mailbox. Contract B-035."""

    number: int  # from 1, per account, never reused
    path: str
    uidvalidity: str  # text, so that providers without numbers fit
