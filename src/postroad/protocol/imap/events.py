"""What a session tells its transport."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.domain.quick import quick_dataclass
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.long import Long
from postroad.protocol.imap.response import Untagged
from postroad.protocol.imap.status import Status


@dataclass(frozen=True, slots=True)
class Greeted:
    """The server's first word."""

    status: Status


@quick_dataclass(frozen=True, slots=True)
class Told:
    """An untagged response."""

    response: Untagged | Status


@dataclass(frozen=True, slots=True)
class Completed:
    """A command's tagged response; the state has moved already."""

    tag: str
    command: Command
    status: Status


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's turn in a SASL exchange is over; ``data`` is decoded."""

    tag: str
    data: bytes


@dataclass(frozen=True, slots=True)
class GoAhead:
    """The server wants the literal of this command; there is output."""

    tag: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A response that could not be read was dropped."""

    reason: str


Event = Greeted | Told | Completed | Challenge | GoAhead | Malformed | Long


@dataclass(frozen=True, slots=True)
class StreamWanted:
    """Output that the transport brings: exactly ``size`` octets through ``literal_octets``."""

    tag: str
    size: int
