"""``postroad bounce`` prints one line of JSON for each mail."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from postroad.surfaces.cli.bounce import bounce

DATA = Path(__file__).parents[3] / "data" / "report"


def test_a_bounce_is_one_line_with_a_report_for_each_recipient() -> None:
    result = CliRunner().invoke(bounce, [str(DATA / "postfix-two-recipients.eml")])

    (line,) = result.stdout.splitlines()
    told = json.loads(line)
    assert told["kind"] == "bounce"
    assert told["messageId"] == "<order-1@sender.example>"
    assert told["reportingMta"] == "mx.sender.example"
    assert told["queueId"] == "4XyzAb12Cd"
    assert [item["recipient"] for item in told["reports"]] == [
        "gone@one.example",
        "full@two.example",
    ]
    first = told["reports"][0]
    assert first["response"] == {
        "source": "smtp",
        "message": "550 5.1.1 <gone@one.example>: Recipient address rejected: User unknown",
        "status": "5.1.1",
        "category": "user_unknown",
        "recommendedAction": "remove",
    }
    assert first["hard"] is True
    assert first["bounce"]["type"] == "hard"
    assert told["recipient"] == "gone@one.example"


def test_a_complaint_names_type_and_recipients() -> None:
    result = CliRunner().invoke(bounce, [str(DATA / "arf.eml")])

    told = json.loads(result.stdout)
    assert told["kind"] == "complaint"
    assert told["recipients"] == ["angry@isp.example"]
    assert told["feedbackType"] == "abuse"
    assert told["sourceIp"] == "192.0.2.10"


def test_names_on_standard_input_are_answered_in_their_order() -> None:
    names = [str(DATA / name) for name in ("vacation.eml", "imail.eml", "success-report.eml")]

    result = CliRunner().invoke(bounce, ["--batch"], input="\n".join(names) + "\n")

    kinds = [json.loads(line)["kind"] for line in result.stdout.splitlines()]
    assert kinds == ["autoreply", "bounce", "delivery"]


def test_files_or_batch_not_both_and_not_neither() -> None:
    assert CliRunner().invoke(bounce, []).exit_code == 2
    assert CliRunner().invoke(bounce, ["--batch", str(DATA / "arf.eml")], input="").exit_code == 2
