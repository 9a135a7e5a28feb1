"""Messages in a mailbox, as far as sending needs to know them."""

from __future__ import annotations

from dataclasses import dataclass


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
