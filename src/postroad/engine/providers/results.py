"""What a provider gives back: messages as the mailbox tells of them, and what became of changes.

A message is described in the words of IMAP (:class:`~postroad.protocol.imap.fetch.Fetched`):
flags, sizes, a header block or an envelope, a tree of parts. A provider without IMAP fills the
same members, so that what is shown of a message is made in one place for all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from postroad.domain.mailbox import Mailbox
from postroad.domain.message import MessageSummary, PartInfo, UnreadMessage
from postroad.domain.quick import quick_dataclass
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.part import BodyPart


@dataclass(frozen=True, slots=True)
class PageWish:
    """Which page is wanted; a cursor wins over the number. Contract B-026 to B-030."""

    page: int = 0
    page_size: int = 20
    cursor: str | None = None


@quick_dataclass(frozen=True, slots=True)
class FoundMessage:
    """One message that is there."""

    message: str  # message id
    path: str
    row: Fetched
    known: MessageSummary | None = None  # what was made of it before; then ``row`` is short


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of a mailbox or of search results, newest first.

    ``remember`` is to be told what was made of ``items``, in their order, so that they need not
    be read again: it comes back as ``known``.
    """

    items: tuple[FoundMessage, ...]
    total: int
    page: int  # from 0
    pages: int  # at least 1
    next_cursor: str | None = None
    prev_cursor: str | None = None
    remember: Callable[[Sequence[MessageSummary | UnreadMessage]], None] | None = None


@dataclass(frozen=True, slots=True)
class PartWish:
    """A part whose octets are wanted, all of them or the first ``max_bytes``."""

    part: str  # IMAP part number
    max_bytes: int | None = None  # encoded octets


@dataclass(frozen=True, slots=True)
class FoundBody:
    """The octets of one part, still in their transfer encoding."""

    part: BodyPart
    octets: bytes
    is_cut: bool = False  # there is more than was asked for


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """One message with the bodies that were chosen."""

    found: FoundMessage
    mailbox: Mailbox  # where it lies, with its special use
    bodies: tuple[FoundBody, ...] = ()


@dataclass(frozen=True, slots=True)
class PartStream:
    """A part as a stream, transfer encoding removed.

    ``chunks`` reads on demand and holds no more than a chunk; close it (``aclose``) when the rest
    is not wanted.
    """

    info: PartInfo
    chunks: AsyncIterator[bytes]
    size: int | None = None  # decoded octets, when they are known beforehand
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class SourceStream:
    """A whole message as it lies in the mailbox, as a stream like :class:`PartStream`."""

    chunks: AsyncIterator[bytes]
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a message went; the id is unknown where the server does not tell."""

    path: str
    message: str | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of a message that was to go. Contract B-072."""

    is_deleted: bool  # gone for good
    moved: Moved | None = None  # to the trash


@dataclass(frozen=True, slots=True)
class BulkMoved:
    """Where all matches went. ``id_map`` pairs old ids with new ones, ``None`` when unknown."""

    path: str
    id_map: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class BulkRemoval:
    """What became of all matches."""

    is_deleted: bool
    moved: BulkMoved | None = None


@dataclass(frozen=True, slots=True)
class MadeMailbox:
    """A mailbox that was asked for. ``is_new`` is false for one that was there already."""

    path: str
    is_new: bool
    mailbox_id: str | None = None  # RFC 8474


@dataclass(frozen=True, slots=True)
class Quota:
    """How full an account is, in octets. RFC 9208."""

    usage: int
    limit: int
