"""Playing the server's part of a dialogue from a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from postroad.domain.reply import Failure, SmtpReply
from postroad.protocol.smtp import Dialogue, RelayFailure, ReplyParser

T = TypeVar("T")


@dataclass
class Played(Generic[T]):
    """What came of a dialogue: what we said, and how it ended."""

    said: list[bytes] = field(default_factory=list)  # one entry for each time we spoke
    result: T | None = None
    failure: Failure | None = None


def reply(text: str) -> SmtpReply:
    """One reply from its lines, ``250-first\\n250 second``."""
    parser = ReplyParser()
    parser.feed(text.replace("\n", "\r\n").encode() + b"\r\n")
    parsed = parser.next_reply()
    assert parsed is not None and parser.is_empty
    return parsed


def play(dialogue: Dialogue[T], *replies: str) -> Played[T]:
    """Answer with ``replies`` in order; all of them must be used up, and no more."""
    played: Played[T] = Played()
    waiting = list(replies)
    try:
        _, octets = next(dialogue)
        while True:
            if octets:
                played.said.append(octets)
            _, octets = dialogue.send(reply(waiting.pop(0)))
    except StopIteration as end:
        played.result = end.value
    except RelayFailure as error:
        played.failure = error.failure
    assert not waiting, f"not asked for: {waiting}"
    return played
