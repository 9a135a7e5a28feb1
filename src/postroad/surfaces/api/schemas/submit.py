"""A message to send, as JSON, and the answer. Contract §6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from postroad.domain.address import Address
from postroad.domain.envelope import DsnNotify, DsnRequest, DsnReturn, Envelope
from postroad.domain.errors import shorten
from postroad.domain.secret import Secret
from postroad.domain.submission import MAX_TAGS, ReferenceAction
from postroad.engine.submit.request import (
    AttachmentRequest,
    ReferenceRequest,
    SubmitRequest,
    SubmitResult,
)
from postroad.surfaces.api.schemas.formats import (
    Email,
    EmptyOrEmail,
    Ip,
    No,
    ProxyUrl,
    Timestamp,
    iso,
)
from postroad.surfaces.api.schemas.members import (
    AddressMember,
    Answer,
    ContentId,
    ContentType,
    FileName,
    MailboxPath,
    MessageId,
    Request,
    ShortText,
    Subject,
    Tag,
    given,
)
from postroad.surfaces.api.schemas.text import encode_base64, is_field_name, is_field_text
from postroad.surfaces.api.validation import Problems

Action = Annotated[Literal["forward", "reply", "reply-all"], Meta(extra={"lower": True})]
Disposition = Annotated[Literal["inline", "attachment"], Meta(extra={"lower": True})]
MAX_RECIPIENTS = 100_000  # of one member
MAX_ATTACHMENTS = 10_000
MAX_HEADERS = 1_000

Addresses = Annotated[list[AddressMember], Meta(max_length=MAX_RECIPIENTS, extra={"single": True})]
Recipients = Annotated[list[Email], Meta(max_length=MAX_RECIPIENTS, extra={"single": True})]
Notify = Annotated[
    list[Literal["never", "success", "failure", "delay"]],
    Meta(max_length=100, extra={"single": True}),
]
# How long they may be is the operator's to say; the document tells the default.
_LIMIT = {"maxLength": 5 * 1024 * 1024}
Long = Annotated[str, Meta(extra_json_schema=_LIMIT)]
Octets = Annotated[bytes, Meta(extra_json_schema=_LIMIT)]
Attempts = Annotated[int, Meta(ge=1, le=1000)]


class Reference(Request):
    """The message that is answered or forwarded."""

    message: ShortText | UnsetType = UNSET
    threadId: ShortText | UnsetType = UNSET
    action: Action = "reply"
    inline: No | UnsetType = UNSET
    forwardAttachments: bool = False
    ignoreMissing: bool = False
    messageId: MessageId | UnsetType = UNSET

    def to_domain(self, problems: Problems) -> ReferenceRequest:
        message, thread_id = given(self.message) or None, given(self.threadId) or None
        if message is None and thread_id is None:
            problems.add("message", "is required", place="reference.message")
        if self.forwardAttachments and self.action != "forward":
            problems.add(
                "forwardAttachments",
                "is only allowed with action forward",
                place="reference.forwardAttachments",
            )
        return ReferenceRequest(
            message=message,
            thread_id=thread_id,
            action=ReferenceAction(self.action),
            ignore_missing=self.ignoreMissing,
            forward_attachments=self.forwardAttachments,
            message_id=given(self.messageId),
        )


class Attachment(Request):
    """Octets in base64, or the id of an attachment in the same account."""

    filename: FileName | UnsetType = UNSET
    content: Octets | UnsetType = UNSET
    contentType: ContentType | UnsetType = UNSET
    contentDisposition: Disposition | UnsetType = UNSET
    cid: ContentId | UnsetType = UNSET
    encoding: Literal["base64"] = "base64"
    reference: ShortText | bool | UnsetType | None = UNSET

    def to_domain(self, problems: Problems, place: str, max_chars: int) -> AttachmentRequest:
        reference = self.reference if isinstance(self.reference, str) and self.reference else None
        data = self.content if isinstance(self.content, bytes) else None
        if self.reference is True:
            problems.add("reference", "must be a string or false", place=f"{place}.reference")
        elif reference is None and data is None:
            problems.add("content", "is required", place=f"{place}.content")
        elif reference is not None and data is not None:
            problems.add("content", "is not allowed with reference", place=f"{place}.content")
        check_octets(data, "content", f"{place}.content", max_chars, problems)
        content_type = given(self.contentType)
        return AttachmentRequest(
            filename=given(self.filename) or None,
            content_type=content_type.lower() if content_type else None,
            disposition=None if self.contentDisposition is UNSET else str(self.contentDisposition),
            content_id=given(self.cid) or None,
            data=data,
            reference=reference,
        )


Attachments = Annotated[list[Attachment], Meta(max_length=MAX_ATTACHMENTS)]


class EnvelopeMember(Request):
    """Who sends and who receives, where that differs from the headers."""

    from_: EmptyOrEmail | UnsetType = field(name="from", default=UNSET)
    to: Recipients | UnsetType = UNSET


class Dsn(Request):
    """Wishes about delivery status reports. RFC 3461."""

    return_: Literal["headers", "full"] = field(name="return")
    id: (
        Annotated[
            str,
            Meta(
                max_length=100,  # RFC 3461 §5.4
                pattern=r"\A[\x20-\x7e]*\Z",
                extra={"trim": True, "pattern": "must be printable ASCII"},
            ),
        ]
        | UnsetType
    ) = UNSET
    notify: Notify | UnsetType = UNSET
    recipient: Email | UnsetType = UNSET

    def to_domain(self, problems: Problems) -> DsnRequest:
        notify = () if self.notify is UNSET else tuple(DsnNotify(item) for item in self.notify)
        if DsnNotify.NEVER in notify and len({*notify}) > 1:
            problems.add("notify", "must not combine never with others", place="dsn.notify")
        return DsnRequest(
            ret=DsnReturn(self.return_),
            envid=given(self.id) or None,
            notify=tuple(dict.fromkeys(notify)),
            orcpt=given(self.recipient),
        )


class SubmitBody(Request):
    """One message to compose, or one already composed (``raw``)."""

    reference: Reference | UnsetType = UNSET
    envelope: EnvelopeMember | UnsetType = UNSET
    raw: Octets | UnsetType = UNSET
    from_: AddressMember | UnsetType = field(name="from", default=UNSET)
    replyTo: Addresses | UnsetType = UNSET
    to: Addresses | UnsetType = UNSET
    cc: Addresses | UnsetType = UNSET
    bcc: Addresses | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    text: Long | UnsetType = UNSET
    html: Long | UnsetType = UNSET
    attachments: Attachments | UnsetType = UNSET
    messageId: MessageId | UnsetType = UNSET
    headers: dict[str, Any] | UnsetType = UNSET
    trackOpens: No | UnsetType = UNSET
    trackClicks: No | UnsetType = UNSET
    copy: bool | UnsetType | None = UNSET
    sentMailPath: MailboxPath | UnsetType = UNSET
    sendAt: Timestamp | UnsetType = UNSET
    deliveryAttempts: Attempts | UnsetType = UNSET
    dsn: Dsn | UnsetType = UNSET
    proxy: ProxyUrl | UnsetType = UNSET
    localAddress: Ip | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(max_length=MAX_TAGS)] | UnsetType = UNSET
    dryRun: bool = False

    def to_request(
        self, *, max_chars: int, idempotency_key: str | None, body_hash: str | None
    ) -> SubmitRequest:
        """Map to the engine's words. Raises :exc:`Invalid` with what no single type can tell.

        ``max_chars`` bounds text, html, raw and each attachment, as they were sent.
        """
        problems = Problems()
        raw = self.raw if isinstance(self.raw, bytes) else None
        text = check_text("text", self.text, max_chars, problems)
        html = check_text("html", self.html, max_chars, problems)
        self._check(raw, max_chars, problems)
        request = SubmitRequest(
            from_=None if self.from_ is UNSET else self.from_.to_domain(),
            to=addresses_of(self.to),
            cc=addresses_of(self.cc),
            bcc=addresses_of(self.bcc),
            reply_to=addresses_of(self.replyTo),
            subject=given(self.subject),
            text=text,
            html=html,
            raw=raw,
            attachments=()
            if self.attachments is UNSET
            else tuple(
                item.to_domain(problems, f"attachments[{n}]", max_chars)
                for n, item in enumerate(self.attachments)
            ),
            reference=None if self.reference is UNSET else self.reference.to_domain(problems),
            envelope=None if self.envelope is UNSET else self._envelope(self.envelope, problems),
            message_id=given(self.messageId),
            headers=() if self.headers is UNSET else headers_of(self.headers, problems),
            send_at=None if self.sendAt is UNSET else int(self.sendAt),
            delivery_attempts=None if self.deliveryAttempts is UNSET else self.deliveryAttempts,
            copy=None if self.copy is UNSET else self.copy,
            sent_path=given(self.sentMailPath) or None,
            dsn=None if self.dsn is UNSET else self.dsn.to_domain(problems),
            proxy=None if self.proxy is UNSET else Secret(str(self.proxy)),
            local_address=given(self.localAddress),
            tags=() if self.tags is UNSET else tuple(dict.fromkeys(self.tags)),
            dry_run=self.dryRun,
            idempotency_key=idempotency_key,
            body_hash=body_hash,
        )
        problems.check()
        return request

    def _check(self, raw: bytes | None, max_chars: int, problems: Problems) -> None:
        check_octets(raw, "raw", "raw", max_chars, problems)
        if raw is not None:
            for key, value in (
                ("html", self.html),
                ("text", self.text),
                ("attachments", self.attachments),
            ):
                if value is not UNSET:
                    problems.add(key, "is not allowed with raw")

    def _envelope(self, envelope: EnvelopeMember, problems: Problems) -> Envelope:
        """Complete a half-given envelope from the headers that were sent along."""
        mail_from, rcpt_to = "", tuple[str, ...]()
        if envelope.from_ is not UNSET:
            mail_from = str(envelope.from_)
        elif self.from_ is not UNSET:
            mail_from = str(self.from_.address)
        else:
            problems.add("from", "is required", place="envelope.from")
        if envelope.to is not UNSET:
            rcpt_to = tuple(dict.fromkeys(str(item) for item in envelope.to))
        else:
            lists = (addresses_of(self.to), addresses_of(self.cc), addresses_of(self.bcc))
            rcpt_to = tuple(dict.fromkeys(item.address for found in lists for item in found or ()))
            if not rcpt_to:
                problems.add("to", "is required", place="envelope.to")
        return Envelope(mail_from, rcpt_to)


class SubmitQuery(Request):
    documentStore: No | UnsetType = UNSET
    useStructuredFormat: No | UnsetType = UNSET


class ReferenceAnswer(Answer):
    message: str | UnsetType = UNSET
    documentStore: bool | UnsetType = UNSET
    success: bool | UnsetType = UNSET
    error: str | UnsetType = UNSET
    threadId: str | UnsetType = UNSET


class IdempotencyAnswer(Answer):
    key: str
    status: Literal["MISS", "HIT"]
    bodyDiffers: bool | UnsetType = UNSET


class SkippedAnswer(Answer):
    """A recipient who is on a suppression list."""

    recipient: str
    reason: str
    listId: str


class SubmitAnswer(Answer):
    response: str
    messageId: str
    sendAt: str | UnsetType = UNSET
    queueId: str | UnsetType = UNSET
    preview: str | UnsetType = UNSET  # base64
    reference: ReferenceAnswer | UnsetType = UNSET
    idempotency: IdempotencyAnswer | UnsetType = UNSET
    skipped: list[SkippedAnswer] | UnsetType = UNSET

    @classmethod
    def of(cls, result: SubmitResult) -> SubmitAnswer:
        reference, idempotency = result.reference, result.idempotency
        return cls(
            response=_response(result),
            messageId=result.message_id,
            sendAt=UNSET if result.send_at is None else iso(result.send_at),
            queueId=result.queue_id or UNSET,
            preview=UNSET if result.preview is None else encode_base64(result.preview),
            reference=UNSET
            if reference is None
            else ReferenceAnswer(
                message=reference.message or UNSET,
                documentStore=False,
                success=reference.success,
                error=reference.error or UNSET,
                threadId=reference.thread_id or UNSET,
            ),
            idempotency=UNSET
            if idempotency is None
            else IdempotencyAnswer(
                key=idempotency.key,
                status="HIT" if idempotency.status == "HIT" else "MISS",
                bodyDiffers=idempotency.body_differs or UNSET,
            ),
            skipped=[
                SkippedAnswer(recipient=item.recipient, reason=item.reason, listId=item.list_id)
                for item in result.skipped
            ]
            or UNSET,
        )


def _response(result: SubmitResult) -> str:
    if result.queue_id is not None:
        return "Queued for delivery"
    return "Skipped" if result.preview is None else "Dry run"


def check_octets(
    data: bytes | None, key: str, place: str, max_chars: int, problems: Problems
) -> None:
    """Hold octets to the limit that the contract sets for their base64 text."""
    if data is not None and -(-len(data) // 3) * 4 > max_chars:
        problems.add(
            key,
            f"length must be less than or equal to {max_chars} characters long",
            place=place,
        )


def check_text(key: str, value: str | UnsetType, max_chars: int, problems: Problems) -> str | None:
    """A body as it was sent, without blanks around it, held to the limit."""
    text = None if value is UNSET else value.strip()
    if text is not None and len(text) > max_chars:
        problems.add(key, f"length must be less than or equal to {max_chars} characters long")
    return text


def addresses_of(members: Sequence[AddressMember] | UnsetType) -> tuple[Address, ...] | None:
    return None if members is UNSET else tuple([member.to_domain() for member in members])


def headers_of(values: dict[str, Any], problems: Problems) -> tuple[tuple[str, str], ...]:
    """Flatten ``{name: text or list of texts}``; nothing may break out of its header."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        place = f"headers.{shorten(name)}"
        if not is_field_name(name):
            problems.add(shorten(name), "must be a valid header name", place=place)
            continue
        for item in value if isinstance(value, list) else [value]:
            if len(found) >= MAX_HEADERS:
                words = f"must contain less than or equal to {MAX_HEADERS} items"
                problems.add("headers", words)
                return ()
            if isinstance(item, bool) or not isinstance(item, (str, int, float)):
                problems.add(name, "must be a string", place=place)
            elif not is_field_text(str(item)):
                problems.add(name, "must not contain line breaks or NUL", place=place)
            else:
                found.append((name, str(item)))
    return tuple(found)
