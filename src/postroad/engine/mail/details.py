"""What lists and details show of a message, made of what a provider knows of it. Contract §4.

A provider describes a message with a :class:`~postroad.protocol.imap.fetch.Fetched`: an envelope
or a header block or both, a tree of parts, sizes and flags. Whatever is absent or broken is left
out; nothing of one message can fail the page that it is on (:func:`entry_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from postroad.domain.address import Address
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import (
    AttachmentInfo,
    MessageDetails,
    MessageSummary,
    MessageText,
    TextInfo,
    UnreadMessage,
)
from postroad.domain.message_id import pack_attachment
from postroad.engine.mail.layout import Layout, Placed, layout
from postroad.engine.mail.text_id import pack_text
from postroad.protocol.imap import utf7
from postroad.protocol.imap.envelope import ImapAddress, ImapEnvelope
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.auto_reply import is_auto_reply
from postroad.protocol.mime.charsets import decode_octets
from postroad.protocol.mime.dates import parse_date
from postroad.protocol.mime.headers import Headers, message_ids, parse_headers
from postroad.protocol.mime.parameters import content_id, filename, parameter
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.words import decode_words
from postroad.protocol.report.candidate import has_report_part

# What a list needs of each message, and what the details need beyond it.
LIST_ITEMS = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE")
DETAIL_ITEMS = (*LIST_ITEMS, "BODY.PEEK[HEADER]")

_MESSAGE_USES = (
    SpecialUse.JUNK,
    SpecialUse.SENT,
    SpecialUse.TRASH,
    SpecialUse.INBOX,
    SpecialUse.DRAFTS,
)
_LABEL_USES = {"\\draft": SpecialUse.DRAFTS, "\\drafts": SpecialUse.DRAFTS} | {
    str(use).lower(): use for use in _MESSAGE_USES
}
# What servers put where an address has no domain, or cannot be read.
_NO_HOSTS = frozenset(
    {
        b"",
        b"MISSING_DOMAIN",
        b"missing_domain",
        b"SYNTAX_ERROR",
        b".MISSING-HOST-NAME.",
        b".SYNTAX-ERROR.",
    }
)
_NO_MAILBOXES = frozenset({b"", b"MISSING_MAILBOX", b"INVALID_ADDRESS", b"undisclosed-recipients"})
_MAX_DATE_MS = 253_402_300_800_000  # the end of the year 9999
_MIN_DATE_MS = -62_135_596_800_000


def entry_of(
    row: Fetched, *, message: str, path: str, special_use: SpecialUse | None = None
) -> MessageSummary | UnreadMessage:
    """One entry of a list; a message of which nothing was told is named all the same. B-052."""
    if row.envelope is None and row.structure is None and headers_of(row) is None:
        told = ", ".join(row.unread) or "nothing"
        return UnreadMessage(row.uid or 0, f"The mail server told {told} that could be read")
    return summary_of(row, message=message, path=path, special_use=special_use)


def entry_again(known: MessageSummary, row: Fetched) -> MessageSummary:
    """``known`` with what ``row`` tells of all that may have changed since it was made."""
    flags = shown_flags(row.flags or ())
    labels = _labels(row)
    if flags == known.flags and labels == known.labels and row.thread_id == known.thread_id:
        return known
    use = message_use(None, labels)
    return replace(
        known, flags=flags, labels=labels, thread_id=row.thread_id, message_special_use=use
    )


def summary_of(
    row: Fetched, *, message: str, path: str, special_use: SpecialUse | None = None
) -> MessageSummary:
    """What is known of a message. ``special_use`` is that of the mailbox at ``path``."""
    return _summary(row, headers_of(row), message, path, special_use)


def details_of(
    row: Fetched,
    *,
    message: str,
    path: str,
    special_use: SpecialUse | None = None,
    text: MessageText | None = None,
) -> MessageDetails:
    """A message in full. ``row`` has the whole header block."""
    headers = headers_of(row)
    return MessageDetails(
        summary=_summary(row, headers, message, path, special_use),
        headers=grouped(headers) if headers is not None else {},
        special_use=special_use,
        text=text,
    )


def headers_of(row: Fetched) -> Headers | None:
    """The header fields that were fetched, all or some; ``None`` when none were asked for."""
    for name, block in row.sections.items():
        if block is not None and name.startswith("HEADER"):
            return _last_headers(block) if len(block) <= _SMALL_HEADER else _headers(block)
    return None


def _headers(block: bytes) -> Headers:
    return parse_headers(block, skips_junk=True)


_SMALL_HEADER = 16 * 1024  # octets
# One new message after the other is asked for its header by several, each for a reason of its own.
_last_headers = lru_cache(maxsize=4)(_headers)


def grouped(headers: Headers) -> dict[str, tuple[str, ...]]:
    """Values by lower-case name, unfolded, encoded words as they are. Contract B-060."""
    found: dict[str, list[str]] = {}
    for one in headers:
        found.setdefault(one.key, []).append(one.raw)
    return {name: tuple(values) for name, values in found.items()}


def shown_flags(flags: tuple[str, ...]) -> tuple[str, ...]:
    """All but ``\\Recent``, which tells of the session instead of the message."""
    return tuple([flag for flag in flags if flag.lower() != "\\recent"]) if flags else ()


def _labels(row: Fetched) -> tuple[str, ...] | None:
    return None if row.labels is None else tuple([shown_label(label) for label in row.labels])


def message_use(special_use: SpecialUse | None, labels: Iterable[str] | None) -> SpecialUse | None:
    """What a message is, by its mailbox or its labels. Contract B-061."""
    if not labels:
        return special_use if special_use in _MESSAGE_USES else None
    uses = message_uses(special_use, labels)
    return next((use for use in _MESSAGE_USES if use in uses), None)


def message_uses(
    special_use: SpecialUse | None, labels: Iterable[str] | None
) -> frozenset[SpecialUse]:
    """All that a message is, by its mailbox and by its labels."""
    uses = {_LABEL_USES.get(label.lower()) for label in labels or ()}
    uses.add(special_use)
    return frozenset(use for use in uses if use is not None)


def _summary(
    row: Fetched,
    headers: Headers | None,
    message: str,
    path: str,
    special_use: SpecialUse | None,
) -> MessageSummary:
    envelope = row.envelope
    if envelope is None:
        envelope = _NO_ENVELOPE
    parts = layout(row.structure) if row.structure is not None else _NO_LAYOUT
    subject = _text(envelope.subject, headers, "subject")
    in_reply_to = _id(envelope.in_reply_to, headers, "in-reply-to")
    labels = _labels(row)
    from_ = _addresses(envelope.from_, headers, "from")
    # Servers fill in From where there is no Sender or Reply-To (RFC 9051 §7.5.2); so do we.
    sender = reply_to = from_
    if envelope.sender != envelope.from_ or not envelope.from_:
        sender = _addresses(envelope.sender, headers, "sender") or from_
    if envelope.reply_to != envelope.from_ or not envelope.from_:
        reply_to = _addresses(envelope.reply_to, headers, "reply-to") or from_
    # By position, in the order of the fields: a page holds a hundred and more.
    return MessageSummary(
        message,
        row.uid,
        path,
        shown_flags(row.flags or ()),
        labels,
        row.email_id,
        row.thread_id,
        _date(envelope.date, headers) or row.internal_date,
        row.size,
        subject,
        from_[0] if from_ else None,
        sender[0] if sender else None,
        reply_to,
        _addresses(envelope.to, headers, "to"),
        _addresses(envelope.cc, headers, "cc"),
        _addresses(envelope.bcc, headers, "bcc"),
        _id(envelope.message_id, headers, "message-id"),
        in_reply_to,
        tuple([_attachment(message, placed) for placed in parts.attachments])
        if parts.attachments
        else (),
        _text_info(message, parts),
        is_auto_reply(subject, in_reply_to, headers) and not _is_report(headers, row.structure),
        message_use(special_use, labels) if labels or special_use else None,
    )


def _is_report(headers: Headers | None, root: BodyPart | None) -> bool:
    """Bounces call themselves automatic answers, and are none that anybody waits for."""
    has_failed = headers is not None and "x-failed-recipients" in headers
    return has_failed or has_report_part(root)


def _attachment(message: str, placed: Placed) -> AttachmentInfo:
    part = placed.part
    return AttachmentInfo(
        attachment=pack_attachment(message, part.part),
        part=part.part,
        content_type=part.content_type,
        encoded_size=part.size,
        is_embedded=placed.is_embedded,
        is_inline=placed.is_inline,
        is_in_message=placed.is_in_message,
        filename=filename(part),
        content_id=content_id(part),
        method=calendar_method(part),
    )


def calendar_method(part: BodyPart) -> str | None:
    """What a calendar part asks for, in capitals: ``REQUEST``. RFC 5546 §1.4."""
    if part.subtype not in ("calendar", "ics"):
        return None
    method = parameter(part.parameters, "method")
    return method.upper() if method else None


def _text_info(message: str, parts: Layout) -> TextInfo | None:
    if not parts.plain and not parts.html:
        return None
    return TextInfo(
        pack_text(message, [one.part for one in parts.plain], [one.part for one in parts.html]),
        _size_of(parts.plain),
        _size_of(parts.html),
    )


def _size_of(parts: tuple[BodyPart, ...]) -> int | None:
    if len(parts) == 1:
        return parts[0].size
    return sum([one.size for one in parts]) if parts else None


def _addresses(
    told: tuple[ImapAddress, ...], headers: Headers | None, name: str
) -> tuple[Address, ...]:
    """Addresses of the envelope, else those of the field itself. Contract B-051."""
    if not told and headers is None:
        return ()
    found = [
        address
        for one in told
        if (address := _address(one.name, one.mailbox, one.host)) is not None
    ]
    if not found and headers is not None:
        return tuple(headers.addresses(name))
    return tuple(found)


@lru_cache(maxsize=4_096)  # a page of a list names the same people over and over
def _address(name: bytes | None, mailbox: bytes | None, host: bytes | None) -> Address | None:
    if mailbox is None or host is None or mailbox in _NO_MAILBOXES or host in _NO_HOSTS:
        return None  # a group's marker, or nothing that could be written to
    address = f"{_octets(mailbox)}@{_octets(host)}"
    if "=?" in address:
        address = decode_words(address)
    return Address(address, _decoded(name).strip() if name else "")


def _text(told: bytes | None, headers: Headers | None, name: str) -> str | None:
    value = _decoded(told) if told is not None else None
    if value is None and headers is not None:
        value = headers.get(name)
    return value.replace("\t", " ").strip() or None if value is not None else None


def _id(told: bytes | None, headers: Headers | None, name: str) -> str | None:
    """One message id with its angle brackets (contract B-044), the first of several."""
    value = _octets(told) if told else None
    if value is None and headers is not None:
        value = headers.raw(name)
    if not value:
        return None
    ids = message_ids(value)
    if ids:
        return ids[0]
    bare = " ".join(value.split()).strip("<>")
    return f"<{bare}>" if bare else None


def _date(told: bytes | None, headers: Headers | None) -> int | None:
    value = _octets(told) if told else None
    if value is None and headers is not None:
        value = headers.raw("date")
    date = parse_date(value) if value else None
    return date if date is not None and _MIN_DATE_MS <= date < _MAX_DATE_MS else None


def _decoded(octets: bytes) -> str:
    text = _octets(octets)
    if "\r" in text or "\n" in text:
        text = " ".join(text.split())
    return decode_words(text)


def _octets(octets: bytes) -> str:
    return octets.decode("ascii") if octets.isascii() else decode_octets(octets, "utf-8")


def shown_label(label: str) -> str:
    """Gmail writes labels as IMAP writes names of mailboxes."""
    return utf7.decode_leniently(label.encode("utf-8", "replace")) if "&" in label else label


_NO_LAYOUT = Layout()
_NO_ENVELOPE = ImapEnvelope(None, None, (), (), (), (), (), (), None, None)
