"""Patterns for substring search."""

from __future__ import annotations

import pytest

from postroad.store.like import contains


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Abc", "%abc%"),
        ("50%", "%50\\%%"),
        ("a_b", "%a\\_b%"),
        ("a\\b", "%a\\\\b%"),
        ("ÄSS", "%äss%"),
    ],
)
def test_special_characters_stand_for_themselves(text: str, pattern: str) -> None:
    assert contains(text) == pattern
