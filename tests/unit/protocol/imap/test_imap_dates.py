from __future__ import annotations

import pytest

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.imap.dates import date_time, parse_date_time


def test_the_date_of_the_rfc() -> None:
    assert parse_date_time(b"17-Jul-1996 02:44:25 -0700") == 837596665000
    assert date_time(837596665999) == "17-Jul-1996 09:44:25 +0000"


def test_a_day_of_one_digit_has_a_space() -> None:
    assert date_time(0) == " 1-Jan-1970 00:00:00 +0000"
    assert parse_date_time(b" 1-Jan-1970 00:00:00 +0000") == 0
    assert parse_date_time(b"1-jan-1970 00:00:00 +0000") == 0


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"31-Feb-2020 00:00:00 +0000",
        b"1-Foo-2020 00:00:00 +0000",
        b"1-Jan-2020 25:00:00 +0000",
        b"1-Jan-2020 00:00:00 +9900",
        b"1-Jan-0000 00:00:00 +0000",
    ],
)
def test_what_is_no_date_is_refused(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_date_time(text)


def test_what_no_calendar_has_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        date_time(10**18)
