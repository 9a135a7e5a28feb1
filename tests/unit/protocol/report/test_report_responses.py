"""What servers, filters and providers say, and the reason that is to be read in it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from postroad.domain.bounce import Action, BounceReason
from postroad.protocol.report.advice import advise
from postroad.protocol.report.dsn import make_response
from postroad.protocol.report.reasons import find_cause
from postroad.protocol.report.stage import is_content_refused

TABLE = Path(__file__).parents[3] / "data" / "report" / "responses.tsv"
ROWS = [
    tuple(line.split("\t"))
    for line in TABLE.read_text("utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("reason", "status", "said"), ROWS, ids=lambda value: value[:40])
def test_the_reason_is_read_in_what_was_said(reason: str, status: str, said: str) -> None:
    response = make_response(said)
    assert response is not None

    verdict = advise(said, None if status == "-" else status, response.code, Action.FAILED)

    assert verdict.reason.value == reason
    assert verdict.evidence


def test_every_reason_has_its_words() -> None:
    named = {reason for reason, _, _ in ROWS}

    assert named == {reason.value for reason in BounceReason} - {"undetermined"}


@pytest.mark.parametrize(
    "piece",
    [
        "user ", "mailbox is ", "address not ", "your ip ", "message size ", "sender address ",
        "the recipient ", "domain name ", "relay", "a.", "host a.b ", "5.1.1 ", "<a@b.c> ", "utf ",
    ],
)  # fmt: skip
def test_a_response_made_to_waste_time_does_not(piece: str) -> None:
    begun = time.perf_counter()
    find_cause(piece * 1000, None, None)

    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize(
    "words",
    [
        "<a@b.example>: host mx.b.example said: 550 Unknown user (in reply to end of\n"
        "    DATA command)",
        "  a@b.example\n    SMTP error from remote mail server after end of data:\n    550 no",
        ">>> DATA\n<<< 550 Unknown user a@b.example\n554 5.0.0 Service unavailable",
        "<a@b.example>:\n192.0.2.1 failed after I sent the message.\nRemote host said: 550 no",
    ],
)
def test_a_refusal_behind_the_content_is_known_as_one(words: str) -> None:
    assert is_content_refused(words, "a@b.example", is_alone=True)


@pytest.mark.parametrize(
    "words",
    [
        "<a@b.example>: host mx said: 550 Unknown user (in reply to RCPT TO command)",
        ">>> DATA\n<<< 550 5.1.1 <a@b.example>... User unknown\n"
        "550 5.1.1 <a@b.example>... User unknown\n<<< 503 5.0.0 Need RCPT (recipient)",
        "<other@b.example>: said: 550 no (in reply to end of DATA command)\n\n"
        "<a@b.example>: said: 550 no (in reply to RCPT TO command)",
    ],
)
def test_a_refusal_of_the_recipient_is_not_one_of_the_content(words: str) -> None:
    assert not is_content_refused(words, "a@b.example", is_alone=False)
    assert not is_content_refused(words.partition("<other@")[0], "a@b.example", is_alone=True)
