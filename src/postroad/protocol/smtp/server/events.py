"""What a server session wants of whoever carries it."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.domain.secret import Secret
from postroad.protocol.smtp.server.command import MailFrom, RcptTo
from postroad.protocol.smtp.server.replies import Reply


@dataclass(frozen=True, slots=True)
class Login:
    """A login to check. Answer 235, or 4xx or 5xx."""

    user: str
    password: Secret[str]


@dataclass(frozen=True, slots=True)
class TlsWanted:
    """STARTTLS. Answer 220 and begin the handshake at once, or 4xx."""


@dataclass(frozen=True, slots=True)
class MailWanted:
    """A message is announced. Answer 250, or 4xx or 5xx."""

    mail: MailFrom


@dataclass(frozen=True, slots=True)
class RcptWanted:
    """A recipient is named. Answer 250, or 4xx or 5xx: the message then goes without."""

    rcpt: RcptTo


@dataclass(frozen=True, slots=True)
class Octets:
    """Content of the message under way; nothing to answer."""

    piece: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """The message is complete. Answer with what became of it."""

    mail: MailFrom
    rcpts: tuple[RcptTo, ...]


@dataclass(frozen=True, slots=True)
class Spoiled:
    """The message under way is refused, and has been answered: forget its octets."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Ended:
    """Send what there is to send and hang up."""

    why: str  # a word for the log


Event = Login | TlsWanted | MailWanted | RcptWanted | Octets | Received | Spoiled | Ended
