"""What a dialect is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from postroad.domain.bounce import Action
from postroad.protocol.mime.headers import Headers
from postroad.protocol.report.signs import Signs


@dataclass(frozen=True, slots=True)
class Text:
    """A free-text bounce as dialects see it."""

    words: str  # what the server says, LF line ends
    headers: Headers
    signs: Signs
    returned: Headers  # of the original; empty when nothing came back


@dataclass(frozen=True, slots=True)
class Finding:
    """One recipient in a text."""

    recipient: str  # may be a local part alone, or empty
    said: str  # the reason as the server gave it; may be empty
    action: Action | None = None  # None: the text as a whole decides
    remote: str | None = None  # remote host, when the text names it
    original: str | None = None  # the address that was written to, when another was made of it


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of software and how its texts are read."""

    name: str
    claims: Callable[[Text], bool]  # cheap: marks that no other software writes
    read: Callable[[Text], list[Finding]]  # empty when the text is not as expected
