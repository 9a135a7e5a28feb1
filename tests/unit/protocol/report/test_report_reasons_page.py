"""The page about bounces lists every reason with what it leads to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from postroad.domain.bounce import BounceReason
from postroad.protocol.report.advice import judge

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "bounces.md"
ROWS = {
    found[1]: [cell.strip(" `") for cell in found[2].split("|")]
    for found in re.finditer(r"^\| `(\w+)` \|[^|]+\|(.+)\|$", PAGE.read_text("utf-8"), re.M)
}


@pytest.mark.parametrize("reason", BounceReason)
def test_a_reason_is_listed_with_its_consequences(reason: BounceReason) -> None:
    verdict = judge(reason, "", "")

    assert ROWS[reason.value] == [
        verdict.type.value,
        verdict.category.value if verdict.category else "",
        verdict.recommended_action.value if verdict.recommended_action else "",
    ]
