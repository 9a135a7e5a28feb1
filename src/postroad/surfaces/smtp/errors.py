"""How errors are told to an SMTP client: one table. RFC 3463, contract B-177, B-183."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from postroad.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Limited,
    NotFound,
    PostroadError,
    TooLarge,
    Unauthenticated,
    Unprocessable,
)
from postroad.domain.suppression import Skipped
from postroad.engine.submit.accept import refusal_of
from postroad.protocol.smtp.server import Reply

INTERNAL: Final = Reply(451, "Internal error, try again later", "4.3.0")
NO_SPACE: Final = Reply(452, "Insufficient system storage", "4.3.1")
NO_ACCOUNT: Final = Reply(451, "The header X-EE-Account is missing", "4.3.0")
TIMED_OUT: Final = Reply(421, "Timeout, closing the connection", "4.4.2")
SESSION_OVER: Final = Reply(421, "The session has lasted long enough, come again", "4.4.2")
STOPPING: Final = Reply(421, "Service is going away, try again later", "4.3.2")
NO_TLS: Final = Reply(454, "TLS is not available just now", "4.7.0")

# The first kind that fits counts; what is not in it may work later.
_TABLE: Final[tuple[tuple[type[PostroadError], int, str], ...]] = (
    (Invalid, 554, "5.6.0"),
    (Unauthenticated, 550, "5.7.1"),
    (Forbidden, 550, "5.7.1"),
    (NotFound, 451, "4.3.0"),
    (Conflict, 451, "4.3.0"),
    (TooLarge, 552, "5.3.4"),
    (Unprocessable, 554, "5.6.0"),
    (Limited, 451, "4.7.0"),
    (PostroadError, 450, "4.3.0"),
)


def reply_of(error: PostroadError) -> Reply:
    """What the client is told. The words are the error's own, which are safe to show."""
    if isinstance(error, Invalid) and error.fields:
        words = "; ".join(f"{problem.key}: {problem.message}" for problem in error.fields)
        # A message that cannot be read is answered 552, as existing clients expect. B-183
        if any(problem.key == "raw" for problem in error.fields):
            return Reply(552, words, "5.6.0")
        return Reply(554, words, "5.6.0")
    if error.code == "RecipientSuppressed":
        return Reply(550, error.message, "5.1.1")
    code, enhanced = next((c, e) for kind, c, e in _TABLE if isinstance(error, kind))
    return Reply(code, error.message, enhanced)


def suppressed_reply(skipped: Sequence[Skipped]) -> Reply:
    """What is answered for recipients who are all on a suppression list."""
    return reply_of(refusal_of(skipped))
