"""Contents that lie in memory until they are read for the first time."""

from __future__ import annotations

from postroad.store.recent import RecentContents


def test_each_content_is_given_out_once() -> None:
    recent = RecentContents()
    recent.put("a", b"octets")
    assert recent.take("a") == b"octets"
    assert recent.take("a") is None


def test_the_oldest_goes_when_there_is_no_more_room() -> None:
    recent = RecentContents(max_bytes=10)
    for name in "abc":
        recent.put(name, b"12345")
    assert [recent.take(name) for name in "abc"] == [None, b"12345", b"12345"]


def test_what_was_taken_makes_room() -> None:
    recent = RecentContents(max_bytes=10)
    recent.put("a", b"1234567890")
    recent.take("a")
    recent.put("b", b"1234567890")
    assert recent.take("b") == b"1234567890"


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    recent = RecentContents(max_bytes=10)
    recent.put("a", b"12345678901")
    assert recent.take("a") is None
