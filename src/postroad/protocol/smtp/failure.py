"""How a conversation with a relay is written down, and how it breaks off.

A dialogue is a generator. It yields the name of the command whose reply it waits for and the
octets to send first (empty when the reply is already on its way), and is sent that reply. So
all rules of who speaks when are plain code that knows no sockets; the transport only carries.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from postroad.domain.errors import RemoteFailure, RemoteProtocolError
from postroad.domain.reply import Failure, FailureKind, SmtpReply

T = TypeVar("T")
Dialogue = Generator[tuple[str, bytes], SmtpReply, T]


class RelayFailure(RemoteFailure):
    """A relay could not be reached, would not talk to us, or refused. ``failure`` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, code=failure.kind.value)
        self.failure = failure


def refused(kind: FailureKind, command: str, reply: SmtpReply) -> RelayFailure:
    """The failure that a reply to ``command`` amounts to.

    421 means that the connection ends, whatever the command was (RFC 5321 §3.8), so its kind is
    that of a lost connection.
    """
    if reply.code == 421:
        kind = FailureKind.CONNECTION
    return RelayFailure(Failure(kind, f"{command} was answered {reply.text}", command, reply))


def require(is_allowed: bool, command: str, reply: SmtpReply) -> None:
    """Raise :exc:`RemoteProtocolError` when a reply makes no sense as answer to ``command``."""
    if not is_allowed:
        raise RemoteProtocolError(f"{command} was answered out of order: {reply.text}")
