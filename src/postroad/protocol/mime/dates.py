"""Dates as mail writes them. RFC 5322 §3.3. All times are epoch milliseconds, written in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import mktime_tz, parsedate_tz
from functools import lru_cache

from postroad.domain.errors import FieldProblem, Invalid

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, 1)}
# How nearly all dates are written; the standard library reads the others, at four times the cost.
_USUAL = re.compile(
    r"(?:[A-Z][a-z]{2}, {1,2})?([0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}) "
    r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))? ([+-][0-9]{4})"
)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_date(date_ms: int) -> str:
    """``Sun, 23 Nov 2025 02:51:00 +0000``; milliseconds are dropped.

    Raises :exc:`Invalid` outside the years 1900 to 9999, which a Date cannot name.
    """
    try:
        at = _EPOCH + timedelta(seconds=date_ms // 1000)
    except OverflowError:
        at = _EPOCH.replace(year=1)
    if at.year < 1900:
        raise Invalid(fields=[FieldProblem("date", "the year must be 1900 to 9999")])
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d} "
        f"{at.hour:02d}:{at.minute:02d}:{at.second:02d} +0000"
    )


def parse_date(value: str) -> int | None:
    """Epoch milliseconds of a Date field, obsolete forms included; ``None`` if unreadable."""
    if len(value) > 200:  # no date is that long, and leniency must not cost time
        return None
    match = _USUAL.match(value)
    if match is not None:
        day, hours, minutes, seconds, zone = match.groups()
        try:
            days = _day(day)
        except ValueError:
            return None
        hour, minute = int(hours), int(minutes)
        if days is not None and hour < 24 and minute < 60:
            second = int(seconds) if seconds else 0
            return (days * 86_400 + hour * 3_600 + (minute - _zone(zone)) * 60 + second) * 1000
    try:
        parts = parsedate_tz(value)
        return None if parts is None else int(mktime_tz(parts)) * 1000
    except (ValueError, OverflowError, IndexError, TypeError):
        return None  # the standard library's parser trips over some hostile dates


# A mailbox has few days and fewer zones beside its many messages.
@lru_cache(maxsize=1024)
def _day(text: str) -> int | None:
    """Days since 1970; ``None`` for no month. Raises :exc:`ValueError` where it has no such day."""
    day, name, year = text.split(" ")
    month = _MONTH_NUMBERS.get(name)
    return None if month is None else date(int(year), month, int(day)).toordinal() - _EPOCH_DAY


@lru_cache(maxsize=128)
def _zone(text: str) -> int:
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return -minutes if text[0] == "-" else minutes


def parse_instant(value: str) -> int | None:
    """Epoch milliseconds from digits or an ISO 8601 time; without a zone it is UTC.

    ``None`` if unreadable. Contract B-100.
    """
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    if len(value) > 64 or len(value) < 8 or value.isdigit():
        return None
    try:
        at = datetime.fromisoformat(value)
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return (at - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
