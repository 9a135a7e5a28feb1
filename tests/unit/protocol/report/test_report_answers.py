"""Answers of machines in many languages, and answers of people that look a little like them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from postroad.protocol.report import read_report
from postroad.protocol.report.absence import names_absence

ANSWERS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[3] / "data" / "report" / "answers.jsonl")
    .read_text("utf-8")
    .splitlines()
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: one["name"])
def test_an_answer_is_told_by_who_wrote_it(answer: dict[str, Any]) -> None:
    report = read_report(answer["mail"].encode())

    assert report.kind.value == answer["kind"], report.evidence


def test_an_absence_alone_is_something_that_people_write_too() -> None:
    words = "I am on vacation, sorry."

    assert names_absence(words, is_by_machine=False) is None
    assert names_absence(words, is_by_machine=True) == "I am on vacation"


def test_people_who_are_away_ask_back_and_quote() -> None:
    words = "I am out of the office until Monday."

    assert names_absence(words, is_by_machine=False)
    assert names_absence(words + " Is Tuesday fine?", is_by_machine=False) is None
    assert names_absence(words + "\n> Can we meet\n", is_by_machine=False) is None
