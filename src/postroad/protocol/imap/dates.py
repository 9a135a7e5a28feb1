"""INTERNALDATE, APPEND and search dates. RFC 9051 §9 ``date-time``, ``date``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from datetime import date as calendar_date
from functools import lru_cache

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBER = {month.lower().encode(): i for i, month in enumerate(_MONTHS, 1)}
_DAY_S = 86_400
_EPOCH = calendar_date(1970, 1, 1).toordinal()
_DATE_TIME = re.compile(
    rb"\s*([0-9]{1,2}-[A-Za-z]{3}-[0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-][0-9]{4})"
)


def date_time(at_ms: int) -> str:
    """Spell an instant (epoch ms) in UTC with whole seconds: `` 1-Jul-1996 09:44:25 +0000``."""
    try:
        at = datetime.fromtimestamp(at_ms // 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise LocalProtocolError(f"no calendar has a date for {at_ms} ms") from error
    return f"{at.day:2}-{_MONTHS[at.month - 1]}-{at.year:04} {at:%H:%M:%S} +0000"


def date(at_ms: int) -> str:
    """Spell the day of an instant (epoch ms) in UTC, as search keys want it: ``1-Jul-1996``."""
    try:
        at = datetime.fromtimestamp(at_ms // 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise LocalProtocolError(f"no calendar has a date for {at_ms} ms") from error
    return f"{at.day}-{_MONTHS[at.month - 1]}-{at.year:04}"


def parse_date_time(text: bytes) -> int:
    """Read an instant as epoch ms. Accepts a day without its leading space and leap seconds.

    Raises :exc:`RemoteProtocolError`.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise RemoteProtocolError(f"expected a date and time, got {text[:60]!r}")
    day, hours, minutes, seconds, zone = match.groups()
    hour, minute, second = int(hours), int(minutes), int(seconds)
    try:
        start_s, away_s = _day_s(day), _zone_s(zone)
    except ValueError as error:
        raise RemoteProtocolError(f"no such date: {text[:60]!r}") from error
    # A leap second counts as the one before it, as POSIX time does.
    if hour > 23 or minute > 59 or second > 60:
        raise RemoteProtocolError(f"no such date: {text[:60]!r}")
    return (start_s + hour * 3600 + minute * 60 + min(second, 59) - away_s) * 1000


# A mailbox has few days and fewer zones beside its many messages.
@lru_cache(maxsize=1024)
def _day_s(text: bytes) -> int:
    day, month, year = text.split(b"-")
    number = _MONTH_NUMBER.get(month.lower(), 0)  # which no calendar has
    return (calendar_date(int(year), number, int(day)).toordinal() - _EPOCH) * _DAY_S


@lru_cache(maxsize=128)
def _zone_s(text: bytes) -> int:
    away = int(text[1:3]) * 3600 + int(text[3:]) * 60
    if away >= _DAY_S:
        raise ValueError("no zone is a day away")
    return -away if text[:1] == b"-" else away
