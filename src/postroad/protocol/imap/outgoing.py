"""What a session has queued to be written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """Output stops here until the server says ``+``."""

    tag: str


@dataclass(frozen=True, slots=True)
class Octets:
    tag: str
    data: bytes


@dataclass(slots=True)
class Streaming:
    """A literal that the transport brings."""

    tag: str
    remaining: int
