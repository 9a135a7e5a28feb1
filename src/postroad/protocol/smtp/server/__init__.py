"""The server side of SMTP as a state machine without I/O. RFC 5321, RFC 6409."""

from postroad.protocol.smtp.server.command import MailFrom, RcptTo
from postroad.protocol.smtp.server.events import (
    Ended,
    Event,
    Login,
    MailWanted,
    Octets,
    RcptWanted,
    Received,
    Spoiled,
    TlsWanted,
)
from postroad.protocol.smtp.server.replies import Reply
from postroad.protocol.smtp.server.session import ServerSession
from postroad.protocol.smtp.server.states import Terms

__all__ = [
    "Ended",
    "Event",
    "Login",
    "MailFrom",
    "MailWanted",
    "Octets",
    "RcptTo",
    "RcptWanted",
    "Received",
    "Reply",
    "ServerSession",
    "Spoiled",
    "Terms",
    "TlsWanted",
]
