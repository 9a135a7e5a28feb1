"""Messages in a mailbox: what lists, details and bodies show of them, and how they are changed.

Times are epoch milliseconds, sizes are octets in transfer encoding unless a name says otherwise,
and texts are decoded. A value that could not be read is absent, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from postroad.domain.address import Address
from postroad.domain.mailbox import SpecialUse
from postroad.domain.quick import quick_dataclass
from postroad.domain.sent import Returned


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One leaf part of a message that can be attached to another."""

    part: str  # IMAP part number, "2.1"
    content_type: str  # lower case, "image/png"
    filename: str | None = None
    disposition: str | None = None  # "inline" | "attachment"
    content_id: str | None = None  # with <>
    encoded_size: int = 0  # octets


@dataclass(frozen=True, slots=True)
class ReferencedMessage:
    """What composing needs of the message that is answered or forwarded."""

    message: str  # message id in the account, as the API shows it
    headers: bytes  # the header block as stored, CRLF line ends, without the empty line
    flags: tuple[str, ...]
    parts: tuple[PartInfo, ...] = ()  # attachments and inline parts; not the text bodies
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class PartContent:
    """A fetched part, transfer encoding removed."""

    info: PartInfo
    data: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a filed message now lies; unknown without UIDPLUS."""

    path: str
    message: str | None = None
    uidvalidity: str | None = None  # of the mailbox


@quick_dataclass(frozen=True, slots=True)
class AttachmentInfo:
    """One part that is no text to read, as lists and details show it. Contract B-053."""

    attachment: str  # attachment id (contract B-037)
    part: str  # IMAP part number, "2.1"
    content_type: str  # lower case
    encoded_size: int
    is_embedded: bool = False  # stands inside multipart/related
    is_inline: bool = False
    is_in_message: bool = False  # below a message/rfc822 part
    filename: str | None = None
    content_id: str | None = None  # with <>
    method: str | None = None  # of a calendar part, "REQUEST"


@quick_dataclass(frozen=True, slots=True)
class TextInfo:
    """The text bodies of a message, without their contents. Contract B-054."""

    text_id: str  # contract B-038
    plain_size: int | None = None  # sum over all plain parts; None without one
    html_size: int | None = None


@dataclass(frozen=True, slots=True)
class TextWish:
    """Which bodies are wanted and in which shape. Contract B-055 to B-059.

    The types that are not wanted are read all the same where others are made of them.
    """

    plain: bool = False
    html: bool = False
    max_chars: int | None = None  # of each type, after decoding; None is no limit
    is_web_safe: bool = False  # sanitise the HTML; make it from the plain text where it lacks
    embed_images: bool | None = None  # cid: as data URIs; None follows ``is_web_safe``
    split_reply: bool = False  # tell the reply from what it quotes

    @property
    def is_any(self) -> bool:
        return self.plain or self.html or self.split_reply

    @property
    def embeds(self) -> bool:
        """Whether the images that the HTML shows are needed as well."""
        return self.html and (self.is_web_safe if self.embed_images is None else self.embed_images)


@dataclass(frozen=True, slots=True)
class MessageText:
    """Bodies as text, LF line ends; a type that was not asked for is ``None``."""

    plain: str | None = None
    html: str | None = None
    has_more: bool = False  # something was cut
    is_web_safe: bool = False
    reply: str | None = None  # what its author wrote; None unless asked for
    quoted: str | None = None  # what stood below it


@quick_dataclass(frozen=True, slots=True)
class MessageSummary:
    """One message, as lists and searches show it. Contract B-048 to B-054."""

    message: str  # message id
    uid: int | None  # None where the provider does not count
    path: str
    flags: tuple[str, ...] = ()  # without \\Recent
    labels: tuple[str, ...] | None = None  # None where the provider has none
    email_id: str | None = None
    thread_id: str | None = None
    date: int | None = None  # Date field, else the time of arrival
    size: int | None = None  # of the whole message
    subject: str | None = None
    from_: Address | None = None
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    message_id: str | None = None  # with <>
    in_reply_to: str | None = None  # with <>
    attachments: tuple[AttachmentInfo, ...] = ()
    text: TextInfo | None = None
    is_auto_reply: bool = False
    message_special_use: SpecialUse | None = None  # contract B-061
    preview: str | None = None
    bounces: tuple[Returned, ...] = ()  # of this message, oldest first. Contract B-062

    @property
    def states(self) -> frozenset[str]:
        """The flags in lower case, in which a few are names of states: ``\\seen``."""
        return frozenset([flag.lower() for flag in self.flags])


@dataclass(frozen=True, slots=True)
class UnreadMessage:
    """A message that is there and cannot be described. Contract B-052."""

    uid: int
    error: str


@dataclass(frozen=True, slots=True)
class MessageDetails:
    """One message in full, bodies as far as they were asked for."""

    summary: MessageSummary
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # contract B-060
    special_use: SpecialUse | None = None  # of the mailbox
    text: MessageText | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of a mailbox or of search results, newest first. Contract B-026 to B-030."""

    items: tuple[MessageSummary | UnreadMessage, ...]
    total: int
    page: int  # from 0
    pages: int  # at least 1
    next_cursor: str | None = None
    prev_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class FlagChange:
    """What is to become of the flags, or of the labels, of messages. Contract B-070.

    ``set`` replaces all and wins over the other two; ``None`` leaves the choice to them.
    """

    add: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    set: tuple[str, ...] | None = None

    def apply(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        """``flags`` after the change; compared without case, kept as first written."""
        if self.set is not None:
            return _unique(self.set)
        gone = {flag.lower() for flag in self.delete}
        return _unique((*(flag for flag in flags if flag.lower() not in gone), *self.add))

    @property
    def is_empty(self) -> bool:
        return self.set is None and not self.add and not self.delete


def _unique(flags: tuple[str, ...]) -> tuple[str, ...]:
    """RFC 9051 §2.3.2: flags are compared without case."""
    seen: dict[str, str] = {}
    for flag in flags:
        seen.setdefault(flag.lower(), flag)
    return tuple(seen.values())
