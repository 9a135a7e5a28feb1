"""What an answer means."""

from __future__ import annotations

import pytest

from postroad.engine.webhooks.verdict import Delivered, Undelivered, judge_answer
from postroad.protocol.http import HttpReply
from postroad.transport.http import HttpFailure


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert judge_answer(HttpReply(status, "", True)) == Delivered()


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 410, 429, 500, 503, 999])
def test_every_other_status_is_tried_again(status: int) -> None:
    verdict = judge_answer(HttpReply(status, "Reason", True))
    assert verdict == Undelivered(f"Invalid response: {status} Reason", status=status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_final(status: int) -> None:
    verdict = judge_answer(HttpReply(status, "Found", True))
    assert isinstance(verdict, Undelivered)
    assert (verdict.code, verdict.is_final) == ("EREDIRECTNOTFOLLOWED", True)


def test_a_network_failure_is_tried_again() -> None:
    verdict = judge_answer(HttpFailure("ETIMEDOUT", "no answer"))
    assert verdict == Undelivered("no answer", "ETIMEDOUT")


def test_an_egress_refusal_is_final() -> None:
    verdict = judge_answer(HttpFailure("EEGRESSBLOCKED", "not there", is_final=True))
    assert isinstance(verdict, Undelivered)
    assert verdict.is_final
