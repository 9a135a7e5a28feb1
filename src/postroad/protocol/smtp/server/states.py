"""Where a session stands, and what may be said there. RFC 5321 §4.1.4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from postroad.protocol.smtp.server import replies
from postroad.protocol.smtp.server.login import MECHANISMS
from postroad.protocol.smtp.server.replies import Reply


class State(Enum):
    """Where the session stands between two commands."""

    START = auto()  # no HELO or EHLO yet
    READY = auto()  # nothing under way
    MAIL = auto()  # a sender
    RCPT = auto()  # a sender and recipients
    CHUNKS = auto()  # a part of the message


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server offers and how far it goes."""

    host: str  # our name
    max_octets: int  # of a message
    max_recipients: int = 1000  # of a message
    max_bad_commands: int = 10  # without a message in between; the last one ends the session
    max_logins: int = 3  # that fail; the last one ends the session
    has_login: bool = True  # AUTH is offered, and needed before MAIL
    has_tls: bool = False  # STARTTLS is offered
    needs_tls: bool = False  # nothing goes in the clear
    normalises: bool = False  # CR or LF alone in content becomes CRLF and is not refused

    def ehlo_lines(self, *, is_encrypted: bool) -> list[str]:
        """What EHLO is answered: our name and what we offer, on this side of STARTTLS."""
        lines = [self.host, "PIPELINING", f"SIZE {self.max_octets}", "8BITMIME", "SMTPUTF8"]
        lines += ["ENHANCEDSTATUSCODES", "DSN", "CHUNKING"]
        if self.has_tls and not is_encrypted:
            lines.append("STARTTLS")
        if self.has_login and (is_encrypted or not self.needs_tls):
            lines.append("AUTH " + " ".join(MECHANISMS))
        return lines


_NO_HELLO = {State.START: replies.NO_HELLO}
_NO_SENDER = _NO_HELLO | {State.READY: replies.NO_SENDER, State.CHUNKS: replies.CHUNKS_BEGUN}
_BUSY = _NO_HELLO | {
    State.MAIL: replies.HAS_SENDER,
    State.RCPT: replies.HAS_SENDER,
    State.CHUNKS: replies.CHUNKS_BEGUN,
}
# What is said instead of obeying a command out of turn. Commands and states that are not here go
# together; BDAT judges for itself, because its octets have to be read in any case.
_OUT_OF_TURN: Mapping[bytes, Mapping[State, Reply]] = MappingProxyType(
    {
        b"STARTTLS": _BUSY,
        b"AUTH": _BUSY,
        b"MAIL": _BUSY,
        b"RCPT": _NO_SENDER,
        b"DATA": _NO_SENDER | {State.MAIL: replies.NO_RECIPIENT},
    }
)


def refusal_of(verb: bytes, state: State) -> Reply | None:
    """Why ``verb`` (in capitals) cannot be said in ``state``; ``None`` when it can."""
    refusals = _OUT_OF_TURN.get(verb)
    return None if refusals is None else refusals.get(state)
