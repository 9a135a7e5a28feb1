"""What a surface hands to the desk: a message to compose, or one already composed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from postroad.domain.address import Address
from postroad.domain.envelope import DsnRequest, Envelope
from postroad.domain.quick import quick_dataclass
from postroad.domain.secret import Secret
from postroad.domain.submission import ReferenceAction, Source
from postroad.domain.suppression import Skipped


@dataclass(frozen=True, slots=True)
class ReferenceRequest:
    """The message that is answered or forwarded. Contract §6.1."""

    message: str | None  # message id in the same account; None when only the thread is named
    thread_id: str | None = None
    action: ReferenceAction = ReferenceAction.REPLY
    ignore_missing: bool = False
    forward_attachments: bool = False
    message_id: str | None = None  # must equal the Message-ID found


@dataclass(frozen=True, slots=True)
class AttachmentRequest:
    """One attachment: either its octets or the id of an attachment in the same account."""

    filename: str | None = None
    content_type: str | None = None
    disposition: str | None = None  # "inline" | "attachment"
    content_id: str | None = None
    data: bytes | None = None
    reference: str | None = None


class RawFile(Protocol):
    """A ready-made message that is too large to hold: CRLF line ends, one at its very end."""

    @property
    def size(self) -> int: ...

    @property
    def is_eight_bit(self) -> bool:
        """Whether octets above 127 occur."""
        ...

    async def read_head(self, max_bytes: int) -> bytes:
        """The first octets."""
        ...

    def read(self, start: int) -> AsyncIterator[bytes]:
        """The octets from ``start`` on, in pieces."""
        ...


@quick_dataclass(frozen=True, slots=True)
class SubmitRequest:
    """One message to accept. Exactly the members of contract §6 that this version knows.

    ``None`` means "not given"; an empty tuple means "given and empty", which for ``raw`` removes
    the header.
    """

    from_: Address | None = None
    to: tuple[Address, ...] | None = None
    cc: tuple[Address, ...] | None = None
    bcc: tuple[Address, ...] | None = None
    reply_to: tuple[Address, ...] | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    raw: bytes | None = None
    raw_file: RawFile | None = None  # in place of raw
    attachments: tuple[AttachmentRequest, ...] = ()
    reference: ReferenceRequest | None = None
    envelope: Envelope | None = None
    message_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    send_at: int | None = None  # epoch ms
    delivery_attempts: int | None = None
    copy: bool | None = None
    sent_path: str | None = None
    dsn: DsnRequest | None = None
    proxy: Secret[str] | None = None
    local_address: str | None = None
    dry_run: bool = False
    idempotency_key: str | None = None
    body_hash: str | None = None  # hex SHA-256 of the request body; tells a differing repeat
    source: Source = Source.API
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferenceResult:
    """What became of the reference, for the answer."""

    message: str | None
    success: bool
    error: str | None = None
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyResult:
    key: str
    status: str  # "MISS" | "HIT"
    body_differs: bool = False


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What the caller is answered. A dry run has ``preview`` and neither queue id nor time.

    Without any of the three nothing was queued, because every recipient was skipped.
    """

    message_id: str
    queue_id: str | None = None
    send_at: int | None = None  # epoch ms
    reference: ReferenceResult | None = None
    idempotency: IdempotencyResult | None = None
    preview: bytes | None = None  # RFC 5322 octets
    skipped: tuple[Skipped, ...] = ()  # recipients who are suppressed
