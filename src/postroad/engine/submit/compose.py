"""From a request and what it refers to, to octets and an envelope. No I/O.

Two roads lead here: a message described in parts, which is composed, and a raw one, which is
taken over as it is. Both end as a :class:`Prepared`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from mimetypes import MimeTypes

from postroad.domain.account import Account
from postroad.domain.address import Address, unique_addresses
from postroad.domain.envelope import Envelope
from postroad.domain.errors import FieldProblem, Invalid, TooLarge
from postroad.domain.message import PartContent
from postroad.domain.quick import quick_dataclass
from postroad.domain.submission import (
    MAX_TAG_CHARS,
    MAX_TAGS,
    Flagging,
    ReferenceAction,
    is_tag,
)
from postroad.engine.submit.refer import Referral
from postroad.engine.submit.request import (
    AttachmentRequest,
    RawFile,
    ReferenceResult,
    SubmitRequest,
)
from postroad.protocol.mime import (
    AdoptedHead,
    AdoptedRaw,
    Attachment,
    Controls,
    Draft,
    OwnFields,
    RawOverrides,
    Referred,
    adopt_head,
    adopt_raw,
    compose,
    extract_images,
    make_message_id,
    normalise_message_id,
    parse_headers,
    refer,
    text_from_html,
    tidy_attachment,
)

LARGE_BYTES = 200_000  # beyond this composing takes milliseconds and leaves the event loop

_ADDRESS_BYTES = 30  # one is about that much work

_ANSWERED = "\\Answered"
_FORWARDED = "$Forwarded"


@dataclass(frozen=True, slots=True)
class Filing:
    """A message that is filed in a mailbox instead of being sent. Contract B-074, B-075.

    It may lack a sender, whom the account only fills in where the message answers another.
    """

    date_ms: int | None = None  # Date of a message without one; None is now


@quick_dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be stored and queued."""

    pieces: Sequence[bytes]
    bcc_start: int
    bcc_end: int
    eight_bit: bool
    smtputf8: bool
    envelope: Envelope
    message_id: str
    subject: str
    send_at: int | None  # epoch ms; from the request or the message's own control field
    delivery_attempts: int | None
    reference: ReferenceResult | None
    flagging: Flagging | None
    tags: tuple[str, ...] = ()


def is_large(request: SubmitRequest, referral: Referral) -> bool:
    """Whether preparing is too much work for the event loop."""
    size = len(request.raw or b"") + len(request.text or "")
    # Making text from HTML costs about ten times what carrying it costs.
    size += len(request.html or "") * (1 if request.text else 10)
    size += sum(len(a.data) for a in request.attachments if a.data is not None)
    size += sum(len(part.data) for part in referral.forwarded)
    size += sum(len(part.data) for part in referral.attached if part is not None)
    size += sum(len(name) + len(value) for name, value in request.headers)
    size += sum(map(len, (request.to or (), request.cc or (), request.bcc or ()))) * _ADDRESS_BYTES
    return size > LARGE_BYTES


def prepare(
    request: SubmitRequest,
    account: Account,
    referral: Referral,
    *,
    now: int,
    filing: Filing | None = None,
) -> Prepared:
    """Compose or take over the message. Raises :exc:`Invalid`, naming every offending member.

    ``now`` is epoch ms. The Message-ID is made here when the caller gives none.
    """
    sender = account.sender if filing is None or request.reference is not None else None
    if filing is not None and filing.date_ms is not None:
        now = filing.date_ms
    if request.raw is not None:
        return _prepare_raw(request, request.raw, account, referral, now, sender)
    if request.from_ is None and sender is None and filing is None:
        raise Invalid(fields=[FieldProblem("from", '"from" is required')])
    return _prepare_parts(
        request, account, referral, now, request.from_ or sender, makes_text=filing is None
    )


def _prepare_parts(
    request: SubmitRequest,
    account: Account,
    referral: Referral,
    now: int,
    sender: Address | None,
    *,
    makes_text: bool,
) -> Prepared:
    fields = _fields(request, referral, sender or Address(""))
    if request.envelope is not None:
        mail_from = request.envelope.mail_from
    else:
        mail_from = sender.address if sender is not None else account.email or ""
    html, images = (None, ()) if request.html is None else extract_images(request.html)
    text = request.text
    if makes_text and not text and html:
        text = text_from_html(html)
    draft = Draft(
        from_=sender,
        to=fields.to,
        cc=fields.cc,
        bcc=fields.bcc,
        reply_to=request.reply_to or (),
        subject=fields.subject,
        message_id=_message_id(request, mail_from),
        date_ms=max(now, request.send_at or now),
        in_reply_to=fields.in_reply_to,
        references=fields.references,
        headers=request.headers,
        text=text,
        html=html,
        attachments=(*_attachments(request, referral), *images),
    )
    composed = compose(draft)
    envelope = request.envelope or _envelope(mail_from, (*fields.to, *fields.cc, *fields.bcc))
    return Prepared(
        pieces=composed.pieces,
        bcc_start=composed.bcc_start,
        bcc_end=composed.bcc_end,
        eight_bit=composed.eight_bit,
        smtputf8=composed.smtputf8 or _needs_smtputf8(envelope),
        envelope=envelope,
        message_id=draft.message_id,
        subject=fields.subject or "",
        send_at=request.send_at,
        delivery_attempts=request.delivery_attempts,
        reference=referral.result,
        flagging=_flagging(request, referral),
        tags=request.tags,
    )


def _prepare_raw(
    request: SubmitRequest,
    raw: bytes,
    account: Account,
    referral: Referral,
    now: int,
    sender: Address | None,
) -> Prepared:
    adopted = adopt_raw(raw, _overrides(request, account, referral, now, sender))
    return _adopted(
        request, adopted, adopted.pieces, referral=referral, eight_bit=adopted.eight_bit
    )


def prepare_file(
    request: SubmitRequest, head: bytes, file: RawFile, account: Account, *, now: int
) -> tuple[Prepared, int]:
    """Take over a message that stays in its file; also, where in the file its body begins.

    ``head`` is the file's beginning. Raises :exc:`TooLarge` when the header block is longer than
    that, and :exc:`Invalid`.
    """
    adopted = adopt_head(head, _overrides(request, account, Referral(), now, account.sender))
    if adopted.body_at >= len(head) < file.size:
        raise TooLarge(f"The header is larger than {len(head)} octets")
    prepared = _adopted(
        request,
        adopted,
        [adopted.octets],
        referral=Referral(),
        eight_bit=file.is_eight_bit or not adopted.octets.isascii(),
    )
    return prepared, adopted.body_at


def _overrides(
    request: SubmitRequest, account: Account, referral: Referral, now: int, sender: Address | None
) -> RawOverrides:
    thread = _thread(request, referral)
    return RawOverrides(
        fallback_message_id=make_message_id(str(uuid.uuid4()), account.email or ""),
        now_ms=now,
        fallback_from=sender,
        send_at_ms=request.send_at,
        from_=request.from_,
        reply_to=request.reply_to,
        to=request.to,
        cc=request.cc,
        bcc=request.bcc,
        subject=request.subject,
        message_id=normalise_message_id(request.message_id) if request.message_id else None,
        in_reply_to=thread.in_reply_to if thread is not None else None,
        references=thread.references if thread is not None else None,
        headers=request.headers,
    )


def _adopted(
    request: SubmitRequest,
    adopted: AdoptedRaw | AdoptedHead,
    pieces: Sequence[bytes],
    *,
    referral: Referral,
    eight_bit: bool,
) -> Prepared:
    _check(adopted.controls)
    envelope = request.envelope or Envelope(adopted.mail_from, adopted.rcpt_to)
    controls = adopted.controls
    return Prepared(
        pieces=pieces,
        bcc_start=adopted.bcc_start,
        bcc_end=adopted.bcc_end,
        eight_bit=eight_bit,
        smtputf8=adopted.smtputf8 or _needs_smtputf8(envelope),
        envelope=envelope,
        message_id=adopted.message_id,
        subject=adopted.subject,
        send_at=controls.send_at_ms if controls.send_at_ms is not None else request.send_at,
        delivery_attempts=controls.delivery_attempts or request.delivery_attempts,
        reference=referral.result,
        flagging=_flagging(request, referral),
        tags=controls.tags or request.tags,
    )


def _fields(request: SubmitRequest, referral: Referral, sender: Address) -> Referred:
    own = OwnFields(request.subject, request.to or (), request.cc or (), request.bcc or ())
    if referral.message is None or request.reference is None:
        return Referred(own.subject, own.to, own.cc, own.bcc, None, ())
    return refer(parse_headers(referral.message.headers), request.reference.action, own, sender)


def _thread(request: SubmitRequest, referral: Referral) -> Referred | None:
    """Thread fields for a raw message; its own subject and recipients stay."""
    if referral.message is None or request.reference is None:
        return None
    headers = parse_headers(referral.message.headers)
    return refer(headers, request.reference.action, OwnFields(), Address(""))


def _message_id(request: SubmitRequest, mail_from: str) -> str:
    if request.message_id:
        return normalise_message_id(request.message_id)
    return make_message_id(str(uuid.uuid4()), mail_from)


def _envelope(mail_from: str, recipients: Iterable[Address]) -> Envelope:
    return Envelope(mail_from, tuple(a.address for a in unique_addresses(recipients)))


def _needs_smtputf8(envelope: Envelope) -> bool:
    """Whether a local part is beyond ASCII; a domain alone travels as A-labels. RFC 6531 §3.2."""
    paths = (envelope.mail_from, *envelope.rcpt_to)
    return any(not path.rpartition("@")[0].isascii() for path in paths)


def _attachments(request: SubmitRequest, referral: Referral) -> list[Attachment]:
    fetched: Sequence[PartContent | None] = referral.attached or (None,) * len(request.attachments)
    given = [
        _attachment(wanted, part) for wanted, part in zip(request.attachments, fetched, strict=True)
    ]
    return given + [_attachment(AttachmentRequest(), part) for part in referral.forwarded]


def _attachment(wanted: AttachmentRequest, part: PartContent | None) -> Attachment:
    """What the caller says of an attachment wins over what is known of the fetched part."""
    info = part.info if part is not None else None
    content_id = wanted.content_id or (info.content_id if info is not None else None)
    disposition = wanted.disposition or (info.disposition if info is not None else None)
    data = part.data if part is not None else wanted.data
    filename = wanted.filename or (info.filename if info is not None else None)
    content_type = wanted.content_type or (info.content_type if info is not None else None)
    attachment = Attachment(
        filename=filename,
        content_type=content_type or _type_of(filename),
        disposition=disposition or ("inline" if content_id is not None else "attachment"),
        content_id=content_id,
        data=data if data is not None else b"",
    )
    # What a stranger called his file must not stop a forward; what the caller says is checked.
    return attachment if part is None else tidy_attachment(attachment)


# The built-in table alone: what a machine has in its own files must not change a message.
_TYPES = MimeTypes(filenames=())


def _type_of(filename: str | None) -> str:
    """The media type that a file name suggests."""
    found, encoding = _TYPES.guess_type(filename or "", strict=False)
    return found if found is not None and encoding is None else "application/octet-stream"


def _flagging(request: SubmitRequest, referral: Referral) -> Flagging | None:
    """Flags for the message referred to, unless it has one of them already. Contract B-122."""
    if referral.message is None or request.reference is None:
        return None
    flags: tuple[str, ...] = (_ANSWERED,)
    if request.reference.action is ReferenceAction.FORWARD:
        flags = (_ANSWERED, _FORWARDED)
    if set(flags) & set(referral.message.flags):
        return None
    return Flagging(referral.message.message, flags)


def _check(controls: Controls) -> None:
    """Say no to what a control field asks for and this version cannot do, and to bad tags."""
    problems = []
    if controls.gateway is not None:
        problems.append(FieldProblem("X-EE-Gateway", "gateways are not available"))
    if controls.tracking_enabled:
        problems.append(FieldProblem("X-EE-Tracking-Enabled", "tracking is not available"))
    # Without them a message could not be told from others later: better no than less.
    if len(controls.tags) > MAX_TAGS:
        problems.append(FieldProblem("X-EE-Tags", f"must have at most {MAX_TAGS} tags"))
    elif not all(map(is_tag, controls.tags)):
        words = f"must have tags of at most {MAX_TAG_CHARS} characters, none of them a control"
        problems.append(FieldProblem("X-EE-Tags", words))
    if problems:
        raise Invalid(fields=problems)
