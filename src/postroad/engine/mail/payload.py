"""What messageNew tells of a message. Contract, events §2.1 and §3.

Three pure steps around two fetches: :func:`needed_items` names what to fetch of every new
message, :func:`wanted_bodies` the parts to fetch beyond that, and :func:`message_new_data` makes
the event's data of both. Which they are is up to the settings.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from postroad.domain.address import Address
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import AttachmentInfo, MessageSummary, MessageText, TextWish
from postroad.domain.setting import SettingValues
from postroad.engine.mail.calendar import calendar_events, is_calendar
from postroad.engine.mail.details import grouped, headers_of
from postroad.engine.mail.layout import Layout, layout
from postroad.engine.mail.text import assemble, wanted_parts
from postroad.engine.providers.results import FoundBody, PartWish
from postroad.engine.webhooks.payload import iso_time
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.transfer import decode_transfer
from postroad.protocol.report.candidate import REPORT_FIELDS

# An event lies in the store and in one request of a webhook; nobody takes more than that.
MAX_ATTACHMENT_BYTES = 32 * 1024 * 1024  # encoded, of one attachment
_FIELDS = (*REPORT_FIELDS, "Date")


def needed_items(settings: SettingValues) -> tuple[str, ...]:
    """What to FETCH of each new message, besides UID, FLAGS and ids of the server's own."""
    if "*" in settings.notify_headers:
        header = "BODY.PEEK[HEADER]"
    else:
        names = {name.lower(): name for name in (*_FIELDS, *settings.notify_headers)}
        kept = [name for name in names.values() if name.isascii() and _is_field_name(name)]
        header = f"BODY.PEEK[HEADER.FIELDS ({' '.join(kept)})]"
    return "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE", header


def wanted_bodies(row: Fetched, settings: SettingValues) -> list[PartWish]:
    """The parts whose contents the event is to have, each named once."""
    if row.structure is None:
        return []
    parts = layout(row.structure)
    wishes = wanted_parts(row.structure, _wish(settings)) if settings.notify_text else []
    known = {wish.part for wish in wishes if wish.max_bytes is None}
    for placed in parts.attachments:
        part = placed.part
        is_event = settings.notify_calendar_events and is_calendar(part)
        if is_event or _is_told(part.size, settings):
            if part.part not in known:
                known.add(part.part)
                wishes.append(PartWish(part.part))
    return wishes


def message_new_data(
    row: Fetched,
    summary: MessageSummary,
    *,
    special_use: SpecialUse | None,
    settings: SettingValues,
    bodies: Sequence[FoundBody] = (),
    seems_like_new: bool = True,
    folds: bool = True,
) -> dict[str, object]:
    """The ``data`` of messageNew, ready for JSON.

    ``row`` is what :func:`needed_items` brought and ``summary`` what it says; ``special_use`` is
    that of its mailbox. ``bodies`` are what :func:`wanted_bodies` asked for; a body that is not
    there is left out. Takes longer than a millisecond for large bodies
    (:data:`~postroad.engine.mail.text.LARGE_BYTES`). Never fails.
    """
    parts = layout(row.structure) if row.structure is not None else Layout()
    text = None
    if settings.notify_text and row.structure is not None:
        text = assemble(row.structure, bodies, _wish(settings), folds=folds)
    data = _fields(summary)
    data["headers"] = _headers(row, settings.notify_headers)
    data["text"] = _text(summary, text)
    data["attachments"] = _attachments(summary.attachments, bodies, settings)
    data["isAutoReply"] = summary.is_auto_reply or None
    if settings.notify_calendar_events:
        ids = [one.attachment for one in summary.attachments]
        data["calendarEvents"] = calendar_events(zip(parts.attachments, ids, strict=True), bodies)
    data["seemsLikeNew"] = seems_like_new and special_use is not SpecialUse.SENT
    data["messageSpecialUse"] = _name(summary.message_special_use)
    data["specialUse"] = _name(special_use)
    return {name: value for name, value in data.items() if _is_there(name, value)}


def _is_there(name: str, value: object) -> bool:
    """What is absent is left out, an empty list as well unless it says something."""
    if isinstance(value, (list, dict)):
        return bool(value) or name in ("flags", "labels")
    return value is not None


def _fields(summary: MessageSummary) -> dict[str, object]:
    states = summary.states
    return {
        "id": summary.message,
        "uid": summary.uid,
        "path": summary.path,
        "emailId": summary.email_id,
        "threadId": summary.thread_id,
        "date": None if summary.date is None else iso_time(summary.date),
        "flags": list(summary.flags),
        "labels": None if summary.labels is None else list(summary.labels),
        "unseen": "\\seen" not in states or None,
        "flagged": "\\flagged" in states or None,
        "answered": "\\answered" in states or None,
        "draft": "\\draft" in states or None,
        "size": summary.size,
        "subject": summary.subject,
        "from": _address(summary.from_),
        "replyTo": _addresses(summary.reply_to),
        "sender": _address(summary.sender),
        "to": _addresses(summary.to),
        "cc": _addresses(summary.cc),
        "bcc": _addresses(summary.bcc),
        "messageId": summary.message_id,
        "inReplyTo": summary.in_reply_to,
    }


def _wish(settings: SettingValues) -> TextWish:
    return TextWish(
        plain=True,
        html=True,
        max_chars=settings.notify_text_size or None,
        is_web_safe=settings.notify_web_safe_html,
    )


def _headers(row: Fetched, wanted: Sequence[str]) -> dict[str, object] | None:
    headers = headers_of(row) if wanted else None
    if headers is None:
        return None
    names = {name.lower() for name in wanted}
    return {
        name: list(values)
        for name, values in grouped(headers).items()
        if name in names or "*" in names
    }


def _text(summary: MessageSummary, text: MessageText | None) -> dict[str, object] | None:
    info = summary.text
    if info is None:
        return None
    sizes = {"plain": info.plain_size, "html": info.html_size}
    told: dict[str, object] = {
        "id": info.text_id,
        "encodedSize": {name: size for name, size in sizes.items() if size is not None},
    }
    if text is not None:
        if info.plain_size is not None:
            told["plain"] = text.plain or ""
        if info.html_size is not None or text.is_web_safe:
            told["html"] = text.html or ""
        told["hasMore"] = text.has_more
        if text.is_web_safe:
            told["webSafe"] = True
    return told


def _attachments(
    infos: Sequence[AttachmentInfo], bodies: Iterable[FoundBody], settings: SettingValues
) -> list[dict[str, object]]:
    found = {body.part.part: body for body in bodies if not body.is_cut}
    told: list[dict[str, object]] = []
    for info in infos:
        entry: dict[str, object] = {
            "id": info.attachment,
            "contentType": info.content_type,
            "encodedSize": info.encoded_size,
            "embedded": info.is_embedded,
            "inline": info.is_inline,
            "encodedInMessage": info.is_in_message,
        }
        named = {"filename": info.filename, "contentId": info.content_id, "method": info.method}
        entry |= {name: value for name, value in named.items() if value}
        body = found.get(info.part)
        if body is not None and _is_told(info.encoded_size, settings):
            octets = decode_transfer(body.octets, body.part.encoding)
            limit = settings.notify_attachment_size
            if limit is None or len(octets) <= limit:
                entry["content"] = base64.b64encode(octets).decode("ascii")
        told.append(entry)
    return told


def _is_told(encoded_size: int, settings: SettingValues) -> bool:
    """Whether an attachment of this size is told with its content."""
    limit = settings.notify_attachment_size
    return (
        settings.notify_attachments
        and encoded_size <= MAX_ATTACHMENT_BYTES
        and (limit is None or encoded_size <= limit)
    )


def _address(address: Address | None) -> dict[str, str] | None:
    return None if address is None else {"name": address.name, "address": address.address}


def _addresses(addresses: Iterable[Address]) -> list[dict[str, str]]:
    return [{"name": one.name, "address": one.address} for one in addresses]


def _name(use: SpecialUse | None) -> str | None:
    return None if use is None else str(use)


def _is_field_name(name: str) -> bool:
    return all("!" <= char <= "~" and char not in ':()[]{}"\\%*' for char in name)
