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


@dataclass(frozen=True, slots=True)
class MailboxCounters:
    """What the server counts at this moment. Contract B-065."""

    messages: int | None = None
    unseen: int | None = None
    error: str | None = None  # why there are no numbers


@dataclass(frozen=True, slots=True)
class MailboxEntry:
    """One mailbox as a listing shows it. Contract B-064."""

    mailbox: Mailbox
    parent_path: str | None = None
    name: str = ""  # last level of the path
    is_listed: bool = True  # LIST shows it, not only LSUB
    messages: int | None = None  # as last seen by the sync; None when it has not looked yet
    uid_next: int | None = None
    counters: MailboxCounters | None = None  # asked from the server, when that was wanted

    @property
    def has_no_inferiors(self) -> bool:
        """Whether nothing can be created below it. RFC 9051 §7.3.1."""
        return any(one.lower() == "\\noinferiors" for one in self.mailbox.attributes)


def split_path(path: str, delimiter: str | None) -> tuple[str | None, str]:
    """Parent path, if there is one, and the last level of a path."""
    if not delimiter:
        return None, path
    parent, found, name = path.rpartition(delimiter)
    return (parent if found and parent else None), (name if found and parent else path)
