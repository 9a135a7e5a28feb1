"""Invitations in mail as data: the events of its calendar parts. RFC 5545, RFC 6047.

The ``icalendar`` library reads them; it is imported when the first calendar comes by. A calendar
that it cannot read, or that is larger than anybody's invitation, is told by its file alone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, tzinfo
from typing import TYPE_CHECKING

from postroad.engine.mail.layout import Placed
from postroad.engine.providers.results import FoundBody
from postroad.protocol.mime.charsets import decode_octets
from postroad.protocol.mime.parameters import charset, filename, parameter
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.transfer import decode_transfer

if TYPE_CHECKING:
    from icalendar import Component

MAX_BYTES = 1024 * 1024  # encoded, of a calendar that is told at all
_MAX_PARSED_BYTES = 256 * 1024
_MAX_EVENTS = 20  # of one part
_MAX_TEXT = 65_536  # characters of a description
_KINDS = frozenset({"text/calendar", "application/ics"})


def is_calendar(part: BodyPart) -> bool:
    """Whether this part is a calendar that is small enough to be told."""
    return part.content_type in _KINDS and part.size <= MAX_BYTES


def calendar_events(
    placed: Iterable[tuple[Placed, str]], bodies: Iterable[FoundBody]
) -> list[dict[str, object]]:
    """The ``calendarEvents`` of messageNew, one entry for each event; events §2.1.

    ``placed`` are the attachments with their ids. The same calendar sent twice, as the inline
    part and the file of an invitation, is told once. Never fails.
    """
    found = {body.part.part: body for body in bodies if not body.is_cut}
    told: list[dict[str, object]] = []
    seen: set[bytes] = set()
    for one, attachment in placed:
        part = one.part
        body = found.get(part.part)
        if body is None or one.is_in_message or not is_calendar(part):
            continue
        content = decode_transfer(body.octets, part.encoding)
        key = content.strip().replace(b"\r", b"")
        if not key or key in seen:
            continue
        seen.add(key)
        told += _told(part, attachment, content)
    return told


def _told(part: BodyPart, attachment: str, content: bytes) -> Iterator[dict[str, object]]:
    method, events = _read(part, content)
    method = method or (parameter(part.parameters, "method") or "").upper()
    is_invitation = method in ("REQUEST", "CANCEL")
    file = {
        "filename": filename(part) or ("invite.ics" if is_invitation else "event.ics"),
        "contentType": part.content_type,
        "encoding": "base64",
        "content": base64.b64encode(content).decode("ascii"),
    }
    for event in events or [{}]:
        members = {"eventId": event.pop("eventId", ""), "attachment": attachment, "method": method}
        yield {name: value for name, value in {**members, **event, **file}.items() if value}


def _read(part: BodyPart, content: bytes) -> tuple[str, list[dict[str, object]]]:
    """Method and events; nothing of either when the library trips over the calendar."""
    if len(content) > _MAX_PARSED_BYTES or b"BEGIN:VCALENDAR" not in content.upper():
        return "", []
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical(decode_octets(content, charset(part) or "utf-8"))
        method = str(calendar.get("METHOD", "")).upper()
        return method, [_event(event) for event in calendar.walk("VEVENT")[:_MAX_EVENTS]]
    except Exception:  # noqa: BLE001 - a parser of others, on what strangers write
        return "", []


def _event(event: Component) -> dict[str, object]:
    organizer = str(event.get("ORGANIZER", ""))
    if organizer[:7].lower() == "mailto:":
        organizer = organizer[7:]
    start, end = _time(event, "DTSTART"), _time(event, "DTEND")
    return {
        "eventId": str(event.get("UID", "")),
        "summary": str(event.get("SUMMARY", ""))[:_MAX_TEXT],
        "description": str(event.get("DESCRIPTION", ""))[:_MAX_TEXT],
        "timezone": _zone(start),
        "startDate": _iso(start),
        "endDate": _iso(end or _implied_end(event, start)),
        "organizer": organizer,
    }


def _time(event: Component, name: str) -> date | None:
    value = getattr(event.get(name), "dt", None)
    return value if isinstance(value, date) else None


def _implied_end(event: Component, start: date | None) -> date | None:
    """Where a duration stands instead of an end. RFC 5545 §3.6.1."""
    duration = getattr(event.get("DURATION"), "dt", None)
    return start + duration if start is not None and duration is not None else None


def _zone(at: date | None) -> str:
    zone: tzinfo | None = at.tzinfo if isinstance(at, datetime) else None
    return str(getattr(zone, "key", "") or zone or "") if zone is not None else ""


def _iso(at: date | None) -> str:
    """A day is its midnight and a time without a zone is taken as UTC: nothing tells better."""
    if at is None:
        return ""
    moment = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)  # noqa: DTZ001
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
