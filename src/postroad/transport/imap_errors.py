"""What can go wrong on an IMAP connection, besides :exc:`DialError` while it is made.

::

    Unavailable
      ConnectionLost         closed by the server or the network
    RemoteFailure
      CommandRefused         a command was answered NO or BAD
        AuthenticationRefused  the login was
"""

from __future__ import annotations

from postroad.domain.errors import (
    PostroadError,
    RemoteFailure,
    RemoteProtocolError,
    TimedOut,
    Unavailable,
)
from postroad.protocol.imap.status import Condition, OtherCode, Status


class ConnectionLost(Unavailable):
    """The connection ended before the answer. ``was_sent`` tells whether the command was begun.

    A command that was not begun has changed nothing and can be given to another connection.
    """

    def __init__(self, message: str, *, was_sent: bool = True, code: str | None = None) -> None:
        super().__init__(message, code=code or "IMAPConnectionClosing")
        self.was_sent = was_sent


class CommandRefused(RemoteFailure):
    """The server answered NO or BAD. ``code`` is its response code, such as ``OVERQUOTA``."""

    def __init__(self, status: Status, command: str) -> None:
        super().__init__(f"The IMAP server refused {command}: {status.line}", code=status.code_name)
        self.status = status
        self.command = command


class AuthenticationRefused(RemoteFailure):
    """The server did not let us in, and will not until the account is changed.

    ``response`` is what it said, ``code`` its response code (``AUTHENTICATIONFAILED``), if any.
    """

    def __init__(self, response: str, code: str | None = None) -> None:
        super().__init__(f"The IMAP server refused the login: {response}", code=code)
        self.response = response


def lost_again(loss: PostroadError | None, *, was_sent: bool) -> PostroadError:
    """The reason of a loss as a new exception, since several tasks may raise it."""
    match loss:
        case ConnectionLost():
            return ConnectionLost(loss.message, was_sent=was_sent, code=loss.code)
        case TimedOut():
            return ConnectionLost(loss.message, was_sent=was_sent)
        case RemoteProtocolError():
            return RemoteProtocolError(loss.message)
        case _:
            return ConnectionLost("The IMAP connection is closed", was_sent=was_sent)


def no_answer(what: str) -> TimedOut:
    return TimedOut(f"The IMAP server did not answer {what} in time", code="Timeout")


def login_refusal(status: Status) -> AuthenticationRefused | Unavailable:
    """Tell a wrong password from a server that cannot look just now. RFC 5530 §3."""
    if status.code_name in _TEMPORARY_CODES or _sounds_temporary(status):
        return Unavailable(
            f"The IMAP server cannot take the login now: {status.line}", code=status.code_name
        )
    return AuthenticationRefused(status.line, status.code_name)


_TEMPORARY_CODES = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"})
_FINAL_CODES = frozenset(
    {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "CONTACTADMIN"}
)
# Gmail and Exchange refuse for want of connections without a code that says so.
_TEMPORARY_WORDS = (
    "too many simultaneous connections",
    "too many connections",
    "connection limit",
    "temporar",
    "try again later",
    "not connected",
    "internal error",
)


def _sounds_temporary(status: Status) -> bool:
    if status.code_name in _FINAL_CODES or status.condition is Condition.OK:
        return False
    said = status.text.lower()
    if isinstance(status.code, OtherCode) and status.code.argument:
        said += " " + status.code.argument.lower()
    return any(words in said for words in _TEMPORARY_WORDS)
