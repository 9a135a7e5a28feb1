"""The tree of a whole message in the words of BODYSTRUCTURE, as a mail server would tell it.

For messages that lie here as octets; :mod:`~postroad.protocol.mime.parser` does the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postroad.protocol.mime.parser import parse_message
from postroad.protocol.mime.part import BodyPart


@dataclass(frozen=True, slots=True)
class Tree:
    """The parts, and where the encoded contents of those with a number lie in the message."""

    root: BodyPart
    spans: Mapping[str, tuple[int, int]]


def tree(message: bytes) -> Tree:
    """Take a message apart; what lies behind the thousandth part belongs to that one."""
    parsed = parse_message(message)
    return Tree(parsed.root, parsed.spans)
