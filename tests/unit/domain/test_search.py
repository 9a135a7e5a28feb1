"""Conditions of a search."""

from __future__ import annotations

import pytest

from postroad.domain.search import SearchQuery, in_ranges, parse_ranges


def test_ranges_are_read_as_imap_writes_them() -> None:
    assert parse_ranges("1:3, 7,9:*") == ((1, 3), (7, 7), (9, None))
    assert parse_ranges("*") == ((None, None),)


@pytest.mark.parametrize("text", ["", "0", "1:", "a", "1,,2", "4294967296", "1:2:3", "-1", "１"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_ranges(text)


def test_a_star_is_the_highest_number_in_use() -> None:
    assert in_ranges(12, parse_ranges("9:*"), highest=12)
    assert in_ranges(4, parse_ranges("9:*"), highest=4)  # RFC 9051 §9: 9:* always has the last
    assert not in_ranges(3, parse_ranges("9:*"), highest=4)
    assert in_ranges(4, parse_ranges("5:3"), highest=9)


def test_a_query_without_conditions_is_empty() -> None:
    assert SearchQuery().is_empty
    assert not SearchQuery(seen=False).is_empty
    assert SearchQuery(gmail_raw="in:anywhere").needs_gmail
