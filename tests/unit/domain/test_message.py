"""Flags of a message, and how they change."""

from __future__ import annotations

import pytest

from postroad.domain.message import FlagChange, MessageSummary


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (FlagChange(add=("\\Flagged",)), ("\\Seen", "todo", "\\Flagged")),
        (FlagChange(add=("\\SEEN",)), ("\\Seen", "todo")),
        (FlagChange(delete=("TODO",)), ("\\Seen",)),
        (FlagChange(add=("a",), delete=("\\seen",)), ("todo", "a")),
        (FlagChange(add=("a",), set=("b", "B")), ("b",)),
        (FlagChange(set=()), ()),
    ],
)
def test_a_change_is_applied_without_minding_case(
    change: FlagChange, after: tuple[str, ...]
) -> None:
    assert change.apply(("\\Seen", "todo")) == after


def test_an_empty_set_is_a_change() -> None:
    assert not FlagChange(set=()).is_empty
    assert FlagChange().is_empty


def test_states_are_flags_whatever_their_case() -> None:
    summary = MessageSummary(message="AAAAAQAAP1w", uid=1, path="INBOX", flags=("\\FLAGGED",))

    assert summary.states == {"\\flagged"}
