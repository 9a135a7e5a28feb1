from __future__ import annotations

import pytest

from postroad.domain.errors import Invalid
from postroad.protocol.mime.dates import format_date, parse_date, parse_instant


@pytest.mark.parametrize(
    ("date_ms", "written"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (880_127_706_999, "Fri, 21 Nov 1997 15:55:06 +0000"),  # RFC 5322 appendix A.1.1
        (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
        (253_402_300_799_000, "Fri, 31 Dec 9999 23:59:59 +0000"),
    ],
)
def test_dates_are_written_in_utc(date_ms: int, written: str) -> None:
    assert format_date(date_ms) == written
    assert parse_date(written) == date_ms // 1000 * 1000


@pytest.mark.parametrize("date_ms", [253_402_300_800_000, 10**30, -(10**30), -3_000_000_000_000])
def test_years_that_no_date_can_name_are_refused(date_ms: int) -> None:
    with pytest.raises(Invalid) as caught:
        format_date(date_ms)
    assert [problem.key for problem in caught.value.fields] == ["date"]


@pytest.mark.parametrize(
    ("written", "date_ms"),
    [
        ("Fri, 21 Nov 1997 09:55:06 -0600", 880_127_706_000),
        ("21 Nov 97 09:55:06 CST", 880_127_706_000),  # obsolete, RFC 5322 §4.3
        ("", None),
        ("yesterday", None),
        ("Fri, 99 Foo 1997 09:55:06", None),
        ("1" * 100_000, None),
    ],
)
def test_reading_dates(written: str, date_ms: int | None) -> None:
    assert parse_date(written) == date_ms


@pytest.mark.parametrize(
    ("written", "at_ms"),
    [
        ("1763866260000", 1_763_866_260_000),
        (" 2025-11-23T02:51:00.000Z ", 1_763_866_260_000),
        ("2025-11-23T03:51:00+01:00", 1_763_866_260_000),
        ("2025-11-23T02:51:00", 1_763_866_260_000),  # no zone: UTC
        ("tomorrow", None),
        ("", None),
        ("1" * 40, None),
        ("²²²²²²²²", None),
    ],
)
def test_instants_are_iso_or_epoch_milliseconds(written: str, at_ms: int | None) -> None:
    assert parse_instant(written) == at_ms
