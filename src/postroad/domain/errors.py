"""Everything that Postroad raises on purpose.

::

    PostroadError
      Invalid            the request is wrong; ``fields`` names every problem at once
      Unauthenticated    no usable token
      Forbidden          the token does not reach that far
      NotFound           account, message, mailbox, queue entry, token
      Conflict           it exists already, or its state forbids the change
      TooLarge           beyond a documented limit
      Unprocessable      understood, and refused for a reason of its own
      Limited            too many, too fast; ``retry_after_s`` says when again
      Unavailable        the mailbox or relay cannot be reached just now
      TimedOut           it did not answer in time
      RemoteFailure      it answered that it cannot
      LeaseLost          this process no longer holds what it was working on
      ConfigError        the process was started with settings that cannot work
      ProtocolError
        LocalProtocolError    we asked the peer nonsense
        RemoteProtocolError   the peer said nonsense

A relay's 4xx or 5xx is not an exception; it is an :class:`~postroad.domain.reply.Outcome`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_PROBLEMS: Final = 100  # told of one request; a hostile one could have millions


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one member of a request."""

    key: str  # the offending member's own name, not its path
    message: str


def shorten(name: str) -> str:
    """A member name that came from outside, fit for an answer."""
    return name if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]}..."


_MAX_SHOWN = 100  # characters


class PostroadError(Exception):
    """Base of all errors that Postroad raises on purpose.

    ``message`` is safe to show to a caller. ``code`` is the machine-readable name that the
    contract lists (``SMTPUnavailable``), or ``None``. ``info`` holds further members of the
    error body (for example ``state``), already safe to show.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        info: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.info: Mapping[str, object] = info or {}


class Invalid(PostroadError):
    """The request is wrong. ``fields`` lists every problem; empty when no member is to blame."""

    def __init__(
        self,
        message: str = "Invalid input",
        *,
        fields: Sequence[FieldProblem] = (),
        code: str | None = None,
        info: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, code=code, info=info)
        self.fields = tuple(fields)


class Unauthenticated(PostroadError):
    """No usable token."""


class Forbidden(PostroadError):
    """The token does not reach that far."""


class NotFound(PostroadError):
    """There is no such thing, or not for this caller."""


class Conflict(PostroadError):
    """It exists already, or its state forbids the change."""


class TooLarge(PostroadError):
    """Beyond a documented limit."""


class Unprocessable(PostroadError):
    """Understood, and refused for a reason of its own."""


class Limited(PostroadError):
    """Too many, too fast."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: int,
        limit: int | None = None,
        code: str | None = None,
        info: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, code=code, info=info)
        self.retry_after_s = retry_after_s
        self.limit = limit  # how many there may be; None when it is not a count


class Unavailable(PostroadError):
    """The mailbox or relay cannot be reached just now; a retry may help."""


class TimedOut(PostroadError):
    """It did not answer in time; a retry may help."""


class RemoteFailure(PostroadError):
    """The mail server answered that it cannot."""


class LeaseLost(PostroadError):
    """This process no longer holds what it was working on."""


class ConfigError(PostroadError):
    """The process was started with settings that cannot work."""


class ProtocolError(PostroadError):
    """Something was said on a wire that the protocol does not allow."""


class LocalProtocolError(ProtocolError):
    """We asked the peer nonsense."""


class RemoteProtocolError(ProtocolError):
    """The peer said nonsense."""
