"""``postroad bounce`` prints one line of JSON for each mail."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from postroad.surfaces.cli.bounce import MAX_OCTETS, bounce

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


def test_a_mail_that_cannot_be_read_keeps_no_other_from_being_read(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(MAX_OCTETS + 1)
    mail = bytes(DATA / "imail.eml")
    names = [
        mail,
        bytes(tmp_path / "gone"),
        bytes(large),
        bytes(tmp_path),
        b"\xff\0",
        b"\xff",
        mail,
    ]

    result = CliRunner().invoke(bounce, ["--batch"], input=b"\n".join(names))

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line and line["kind"] for line in lines] == ["bounce", *[None] * 5, "bounce"]
    assert f"Error: {large}: larger than 64 MiB\n" in result.stderr
    assert len(result.stderr.splitlines()) == 5
    assert result.exit_code == 1


def test_files_or_batch_not_both_and_not_neither() -> None:
    assert CliRunner().invoke(bounce, []).exit_code == 2
    assert CliRunner().invoke(bounce, ["--batch", str(DATA / "arf.eml")], input="").exit_code == 2
