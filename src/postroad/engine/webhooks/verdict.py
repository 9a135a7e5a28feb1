"""What an answer means for a webhook job. Contract: events §6."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.protocol.http import HttpReply
from postroad.transport.http import HttpFailure


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target took it: any 2xx."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The target did not take it, or was not reached."""

    message: str  # for people
    code: str | None = None  # ECONNREFUSED, ETIMEDOUT, EEGRESSBLOCKED, ...
    status: int | None = None
    is_final: bool = False  # another attempt would end the same way


def judge_answer(answer: HttpReply | HttpFailure) -> Delivered | Undelivered:
    """Tell success from failure, and failure from failure for good.

    Every status but 2xx is a failure that is tried again, 404 and 410 included: a target may
    be on its way back. A redirect is not followed, because it could lead to where the egress
    policy does not look, and asking again would bring the same one.
    """
    if isinstance(answer, HttpFailure):
        return Undelivered(answer.message, answer.code, is_final=answer.is_final)
    if answer.is_success:
        return Delivered()
    said = f"{answer.status} {answer.reason}".rstrip()
    if answer.is_redirect:
        return Undelivered(
            f"Redirect not followed: {said}", "EREDIRECTNOTFOLLOWED", answer.status, is_final=True
        )
    return Undelivered(f"Invalid response: {said}", status=answer.status)
