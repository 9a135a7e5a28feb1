"""What a person can do about an account whose mailbox cannot be followed: ``lastError``."""

from __future__ import annotations

from postroad.domain.errors import PostroadError, RemoteFailure, RemoteProtocolError, TimedOut
from postroad.domain.reply import FailureKind
from postroad.engine.accounts.session import Refusal

NOT_IMAP = FailureKind.PROTOCOL.value  # the code of a server that breaks the protocol

_NOBODY = "Nothing answers at this host and port. Check both, the firewall, and the proxy if any."
_LATE = "The server did not answer in time. Check host, port and firewall."
_BUSY = (
    "The server takes no more logins just now. Close other mail programs of this user, or ask "
    "whoever runs the server; it is tried again."
)
_HUNG_UP = (
    "The server hung up before the login. Check that 'secure' fits the port (993 true, 143 "
    "false), and whether the server limits who may connect."
)
_ON_REFUSAL = {
    FailureKind.DNS.value: "The host name does not resolve. Check the spelling of the host.",
    FailureKind.TIMEOUT.value: _LATE,
    "Timeout": _LATE,
    FailureKind.SOCKET.value: _NOBODY,
    FailureKind.CONNECTION.value: _NOBODY,
    FailureKind.TLS.value: (
        "TLS failed. Check that 'secure' fits the port, and the server's certificate."
    ),
    NOT_IMAP: (
        "What answers there does not keep to IMAP. Check host and port (993 or 143) and that "
        "'secure' fits; if they are right, the server needs repair."
    ),
    "IMAPConnectionClosing": _HUNG_UP,
    "UNAVAILABLE": _BUSY,
    "INUSE": _BUSY,
    "LIMIT": _BUSY,
}


def on_refusal(refusal: Refusal) -> str:
    """What to do when a connection could not be opened."""
    if refusal.is_auth:
        return "The server refused the login. Check user name and password (or access token)."
    return _ON_REFUSAL.get(
        refusal.code or "", "The server could not be used. It is tried again; see its answer."
    )


def on_loss(reason: PostroadError) -> str:
    """What to do when a session has ended by itself."""
    match reason:
        case RemoteProtocolError():
            return (
                "The server sent what is not IMAP, or more than any mailbox has. The connection "
                "is opened again; if that goes on, the server needs repair."
            )
        case TimedOut():
            return (
                "The server stopped answering. The connection is opened again; if that goes on, "
                "look at the server's load and at firewalls on the way."
            )
        case RemoteFailure():
            return (
                "The server answered that it cannot, or shows no mailbox to follow. Check the "
                "mailbox with another program, and the account's 'path'; it is tried again."
            )
        case _:
            return "The connection to the mail server was lost. It is opened again."


def words_of(reason: PostroadError) -> tuple[str, str | None]:
    """What happened, and its code; a server that breaks the protocol is named as such."""
    if isinstance(reason, RemoteProtocolError):
        return f"The mail server does not speak IMAP: {reason.message}", NOT_IMAP
    return reason.message, reason.code
