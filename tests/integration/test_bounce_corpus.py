"""The labelled mails of the bounce corpus, where they lie: beside the repository.

They are not part of it. Where the folder is absent, the mails of tests/data/report are asked the
same questions, so that a run anywhere proves something.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from postroad.protocol.report import read_report
from postroad.surfaces.cli.bounce import record

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
OWN = ROOT / "tests" / "data" / "report"


def _truth(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


TRUTH = _truth(CORPUS / "bounces" / "truth.jsonl")

# Labelled bounces that are none here: one that a person forwarded in the text of a mail of his
# own, and one that answers a list's moderation notice without a sign of a mail system.
PASSED_OVER = 2


def _octets(path: Path) -> bytes:
    return re.sub(rb"\r\n|\n|\r", b"\r\n", path.read_bytes())


def _answer(path: Path) -> Mapping[str, Any]:
    return record(read_report(_octets(path)))


def _recipients(answer: Mapping[str, Any]) -> list[str]:
    return [item.get("recipient", "").lower() for item in answer.get("reports", [])]


@pytest.mark.parametrize("label", _truth(OWN / "expected.jsonl"), ids=lambda label: label["file"])
def test_mails_of_our_own_are_answered_as_labelled(label: dict[str, Any]) -> None:
    answer = _answer(OWN / label["file"])

    assert answer["kind"] == label["kind"]
    if label["kind"] == "bounce":
        assert _recipients(answer) == label["recipients"]


if TRUTH:

    def _scorer() -> ModuleType:
        spec = importlib.util.spec_from_file_location("score_bounces", CORPUS / "score_bounces.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # The corpus may lie where nothing can be written.
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            spec.loader.exec_module(module)
        finally:
            sys.dont_write_bytecode = before
        return module

    @pytest.fixture(scope="module")
    def figures() -> Mapping[str, float]:
        """Shares in percent, by the scorer's own names."""
        scorer = _scorer()
        tally = scorer.Tally()
        errors: list[str] = []
        confusion: dict[tuple[str, str], int] = {}
        for label in TRUTH:
            said = scorer.normalise(_answer(CORPUS / "bounces" / label["file"]))
            pair = (label["kind"], said["kind"])
            confusion[pair] = confusion.get(pair, 0) + 1
            scorer.score_one(label, said, tally, errors)
        found = {name: tally.pct(name) for name in tally.of}
        for kind in ("bounce", "complaint", "autoreply"):
            hits = confusion.get((kind, kind), 0)
            told = sum(n for (_, answer), n in confusion.items() if answer == kind)
            there = sum(n for (truth, _), n in confusion.items() if truth == kind)
            found[f"{kind}.precision"] = 100 * hits / told
            found[f"{kind}.recall"] = 100 * hits / there
        return found

    @pytest.mark.parametrize(
        ("figure", "least"),
        [
            ("bounce.recall", 99.0),
            ("bounce.precision", 99.7),
            ("bounce.usable", 96.0),
            ("bounce.recipient", 99.0),
            ("bounce.rcpt_set_multi", 100.0),
            ("bounce.status", 99.0),
            ("bounce.message_id", 98.0),
            ("bounce.recommended_action", 92.0),
            ("bounce.hard", 95.0),
            ("complaint.recall", 100.0),
            ("complaint.precision", 100.0),
            ("autoreply.recall", 100.0),
            ("autoreply.precision", 100.0),
        ],
    )
    def test_the_corpus_is_read_as_well_as_promised(
        figures: Mapping[str, float], figure: str, least: float
    ) -> None:
        assert figures[figure] >= least

    @pytest.mark.parametrize(
        "label",
        [label for label in TRUTH if label["kind"] in ("ordinary", "autoreply", "complaint")],
        ids=lambda label: label["file"],
    )
    def test_mail_that_is_no_bounce_is_not_taken_for_one(label: dict[str, Any]) -> None:
        kind = _answer(CORPUS / "bounces" / label["file"])["kind"]

        assert {"delivery": "ordinary"}.get(kind, kind) == label["kind"]

    def test_no_more_bounces_are_passed_over_than_is_known() -> None:
        missed = [
            label["file"]
            for label in TRUTH
            if label["kind"] == "bounce"
            and _answer(CORPUS / "bounces" / label["file"])["kind"] != "bounce"
        ]

        assert len(missed) <= PASSED_OVER
