"""How recipients who are on a suppression list are told: in answers, in events, in words."""

from __future__ import annotations

from collections.abc import Sequence

from postroad.domain.suppression import Skipped


def refusal_words(skipped: Sequence[Skipped]) -> str:
    """Who must not be written to, on one line; give at least one."""
    first = skipped[0]
    who = f"{first.recipient} is"
    if len(skipped) > 1:
        who = f"{first.recipient} and {len(skipped) - 1} more are"
    return f"{who} on suppression list {first.list_id} ({first.reason})"


def skipped_data(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """Each of them, as the answer to a submit names him. Contract B-137."""
    return [
        {"recipient": item.recipient, "reason": item.reason, "listId": item.list_id}
        for item in skipped
    ]
