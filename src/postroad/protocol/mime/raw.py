"""A message that comes ready-made: taken over with every octet that is not ours to change.

A client may have signed it, so what is not named by the caller stays as it is, in its place:
fields keep their spelling and folding, the body its octets. Changed are only line ends (CRLF
throughout, one at the very end), the fields that the caller replaces, removes or adds, those
that are missing, our control fields, and the place of further Bcc fields, which move behind the
first so that one span covers all. Lines beyond 998 octets stay too and are reported: mending
them would mean encoding the body anew. Contract B-083 to B-100, B-181.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from postroad.domain.address import Address, unique_addresses
from postroad.domain.errors import FieldProblem, Invalid
from postroad.protocol.mime.addresses import format_addresses
from postroad.protocol.mime.controls import CONTROL_FIELDS, Controls, read_controls
from postroad.protocol.mime.dates import format_date
from postroad.protocol.mime.faults import Faults
from postroad.protocol.mime.fields import REPLACING, format_custom
from postroad.protocol.mime.fold import fold_text, fold_tokens
from postroad.protocol.mime.headers import Field, Headers, make_field, message_ids, split_fields
from postroad.protocol.mime.ids import is_message_id
from postroad.protocol.mime.lines import crlf_chunks, gather, has_long_line

_BCC = frozenset({"bcc", "resent-bcc"})
# A mailbox file's separator is no part of the message (RFC 4155); "From :" is an obsolete field.
_MBOX_LINE = re.compile(rb">?From (?![ \t]*:)[^\r\n]{0,998}(?:\r?\n|\r)")
_PEEKED = re.compile(
    rb"^x-(?:ee|postroad)-(?:account|idempotency-key)[ \t]*:", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class RawOverrides:
    """What shall be different, and what to fill gaps with.

    For addresses ``None`` keeps the message's own and ``()`` removes them.
    """

    fallback_message_id: str  # with <>; used when the message has none
    now_ms: int  # Date of a message without one
    fallback_from: Address | None = None  # From of a message without one
    send_at_ms: int | None = None  # a control field wins over it; in the future it sets the Date
    from_: Address | None = None
    reply_to: tuple[Address, ...] | None = None
    to: tuple[Address, ...] | None = None
    cc: tuple[Address, ...] | None = None
    bcc: tuple[Address, ...] | None = None
    subject: str | None = None  # None keeps, empty removes
    message_id: str | None = None  # with <>; replaces
    in_reply_to: str | None = None  # with <>; replaces
    references: tuple[str, ...] | None = None  # replaces
    headers: tuple[tuple[str, str], ...] = ()  # added, see ``fields``; some replace


@dataclass(frozen=True, slots=True)
class AdoptedRaw:
    """A message ready to be stored, and what its fields say."""

    pieces: list[bytes]  # none longer than 512 KiB
    size: int  # octets
    bcc_start: int  # span of all Bcc fields; both 0 when there is none
    bcc_end: int
    eight_bit: bool  # octets above 127 occur. RFC 6152
    smtputf8: bool  # the message's own header is UTF-8. RFC 6531
    long_lines: bool  # a line exceeds 998 octets, which some relays refuse
    headers: Headers  # as they now are
    message_id: str  # with <>
    subject: str  # decoded; empty when there is none
    mail_from: str  # first address of From, else of Sender; empty when there is none
    rcpt_to: tuple[str, ...]  # To, Cc and Bcc, each mailbox once
    controls: Controls


@dataclass(frozen=True, slots=True)
class AdoptedHead:
    """The header block of a message, ready to be stored in front of its body as it is."""

    octets: bytes  # with the empty line behind the fields
    body_at: int  # where the body begins in the message as it came
    bcc_start: int  # span of all Bcc fields; both 0 when there is none
    bcc_end: int
    smtputf8: bool  # the header is UTF-8. RFC 6531
    headers: Headers
    message_id: str  # with <>
    subject: str  # decoded; empty when there is none
    mail_from: str  # first address of From, else of Sender; empty when there is none
    rcpt_to: tuple[str, ...]  # To, Cc and Bcc, each mailbox once
    controls: Controls


def adopt_raw(raw: bytes, overrides: RawOverrides) -> AdoptedRaw:
    """Take over a message as it is, save for ``overrides``.

    Line ends of any kind are accepted, and a header block without a body. A line in the header
    block that is no field ends it there, with an empty line put in between.

    Raises :exc:`Invalid` naming every offending member; the key ``raw`` stands for NUL in a
    header field, which no relay takes.
    """
    head = adopt_head(raw, overrides)
    pieces = gather(chain([head.octets], _ended(crlf_chunks(raw, head.body_at))))
    return AdoptedRaw(
        pieces=pieces,
        size=sum(map(len, pieces)),
        bcc_start=head.bcc_start,
        bcc_end=head.bcc_end,
        eight_bit=not all(piece.isascii() for piece in pieces),
        smtputf8=head.smtputf8,
        long_lines=has_long_line(pieces),
        headers=head.headers,
        message_id=head.message_id,
        subject=head.subject,
        mail_from=head.mail_from,
        rcpt_to=head.rcpt_to,
        controls=head.controls,
    )


def adopt_head(raw: bytes, overrides: RawOverrides) -> AdoptedHead:
    """Take over the header block alone, as :func:`adopt_raw` does.

    ``raw`` is the message, or at least as much of it as holds the whole header block.
    """
    start = _mbox_size(raw)
    fields, body_at = split_fields(raw if not start else raw[start:])
    if any(b"\0" in field.octets for field in fields):
        raise Invalid(fields=[FieldProblem("raw", "a header field must not contain NUL")])
    controls = read_controls(fields)
    fields = _apply([f for f in fields if f.key not in CONTROL_FIELDS], overrides, controls)
    head = b"".join(field.octets for field in fields)
    bcc_start, bcc_end = _bcc_span(fields)
    headers = Headers(tuple(fields))
    return AdoptedHead(
        octets=head + b"\r\n",
        body_at=start + body_at,
        bcc_start=bcc_start,
        bcc_end=bcc_end,
        smtputf8=not head.isascii() and _is_utf8(head),
        headers=headers,
        message_id=_message_id(headers, overrides),
        subject=headers.get("subject") or "",
        mail_from=_mail_from(headers, overrides),
        rcpt_to=tuple(
            address.address
            for address in unique_addresses(
                chain(headers.addresses("to"), headers.addresses("cc"), headers.addresses("bcc"))
            )
        ),
        controls=controls,
    )


def peek_controls(raw: bytes) -> Controls:
    """Account and idempotency key that a message names, before it is taken over.

    The other members are not to be relied on: without one of these two nothing is read. Lines
    must end with CRLF.
    """
    # Most messages have neither, and looking is cheaper than taking fields apart.
    if _PEEKED.search(raw) is None:
        return Controls()
    return read_controls(split_fields(raw[_mbox_size(raw) :])[0])


def _mbox_size(raw: bytes) -> int:
    mbox_line = _MBOX_LINE.match(raw)
    return mbox_line.end() if mbox_line is not None else 0


def _apply(fields: Sequence[Field], overrides: RawOverrides, controls: Controls) -> list[Field]:
    """Replace in place, remove, then add what is new and what is missing."""
    replaced, added = _changes(overrides, controls)
    blank = {f.key for f in fields if not f.raw} & {"from", "date", "message-id"}
    present = {f.key for f in fields} - blank
    out: list[Field] = []
    placed: set[str] = set()
    for field in fields:
        if field.key in replaced:
            line = replaced[field.key]
            if line and field.key not in placed:
                out.append(make_field(line))
            placed.add(field.key)
        elif field.key not in blank:
            out.append(field)
    for key, line in replaced.items():
        if line and key not in placed:
            out.append(make_field(line))
            present.add(key)
    out.extend(map(make_field, added))
    present.update(key for key, line in replaced.items() if line)
    out.extend(
        make_field(line) for key, line in _missing(overrides, controls) if key not in present
    )
    return _gather_bcc(out)


def _changes(overrides: RawOverrides, controls: Controls) -> tuple[dict[str, str], list[str]]:
    """Lines that replace fields, by field, empty ones removing; and lines to add."""
    faults = Faults()
    replaced: dict[str, str] = {}
    for name, key, given in (
        ("From", "from", None if overrides.from_ is None else (overrides.from_,)),
        ("Reply-To", "replyTo", overrides.reply_to),
        ("To", "to", overrides.to),
        ("Cc", "cc", overrides.cc),
        ("Bcc", "bcc", overrides.bcc),
    ):
        if given is not None:
            replaced[name.lower()] = (
                format_addresses(name, given, key=key, faults=faults)[0] if given else ""
            )
    subject = overrides.subject
    if subject is not None and faults.is_line("subject", subject, "subject"):
        replaced["subject"] = fold_text("Subject", subject) if subject else ""
    for name, key, ids in (
        ("Message-ID", "messageId", _one(overrides.message_id)),
        ("In-Reply-To", "inReplyTo", _one(overrides.in_reply_to)),
        ("References", "references", overrides.references),
    ):
        if ids is not None:
            if not all(map(is_message_id, ids)):
                faults.add(key, f"{name} must be <id> in printable ASCII without blanks")
            replaced[name.lower()] = fold_tokens(name, ids) if ids else ""
    send_at_ms = _send_at(overrides, controls)
    if send_at_ms is not None and send_at_ms > overrides.now_ms:
        replaced["date"] = _date(send_at_ms)
    added: list[str] = []
    for line in format_custom(overrides.headers, faults)[0]:
        key = line.partition(":")[0].lower()
        if key in REPLACING:
            replaced[key] = line
        else:
            added.append(line)
    faults.settle()
    return replaced, added


def _missing(overrides: RawOverrides, controls: Controls) -> Iterator[tuple[str, str]]:
    """Fields that every message has to have."""
    if overrides.fallback_from is not None:
        faults = Faults()
        sender = (overrides.fallback_from,)
        yield "from", format_addresses("From", sender, key="from", faults=faults)[0]
        faults.settle()
    yield "message-id", fold_tokens("Message-ID", [overrides.fallback_message_id])
    yield "date", _date(overrides.now_ms)
    yield "mime-version", "MIME-Version: 1.0\r\n"


def _gather_bcc(fields: list[Field]) -> list[Field]:
    hidden = [field for field in fields if field.key in _BCC]
    if len(hidden) < 2:
        return fields
    first = next(i for i, field in enumerate(fields) if field.key in _BCC)
    others = [field for field in fields[first:] if field.key not in _BCC]
    return [*fields[:first], *hidden, *others]


def _bcc_span(fields: Sequence[Field]) -> tuple[int, int]:
    at = start = end = 0
    for field in fields:
        if field.key in _BCC:
            start = start if end else at
            end = at + len(field.octets)
        at += len(field.octets)
    return start, end


def _ended(chunks: Iterator[bytes]) -> Iterator[bytes]:
    last = b"\r\n"
    for last in chunks:
        yield last
    if not last.endswith(b"\r\n"):
        yield b"\r\n"


def _one(message_id: str | None) -> tuple[str, ...] | None:
    return None if message_id is None else (message_id,)


def _send_at(overrides: RawOverrides, controls: Controls) -> int | None:
    return controls.send_at_ms if controls.send_at_ms is not None else overrides.send_at_ms


def _date(date_ms: int) -> str:
    return f"Date: {format_date(date_ms)}\r\n"


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _message_id(headers: Headers, overrides: RawOverrides) -> str:
    raw = headers.raw("message-id") or ""
    found = message_ids(raw)
    if found:
        return found[0]
    bare = f"<{raw.strip('<> ')}>"
    return bare if is_message_id(bare) else overrides.fallback_message_id


def _mail_from(headers: Headers, overrides: RawOverrides) -> str:
    senders = headers.addresses("from") or headers.addresses("sender")
    if senders:
        return senders[0].address
    return overrides.fallback_from.address if overrides.fallback_from is not None else ""
