"""What may stand in a tag."""

from __future__ import annotations

import pytest

from postroad.domain.submission import is_tag


@pytest.mark.parametrize("text", ["a", "spring, sale", "späte Rosen", "👩‍🌾", "x" * 64])
def test_a_tag_is_some_characters(text: str) -> None:
    assert is_tag(text)


@pytest.mark.parametrize(
    "text", ["", "x" * 65, "a\r\nb", "\x00", "\x1b[31m", "a\x7f", "a\x85b", "a\u2028b", "\ud800"]
)
def test_a_tag_holds_no_control_and_is_not_long(text: str) -> None:
    assert not is_tag(text)
