"""VANISHED responses, which name UIDs where EXPUNGE has message numbers. RFC 7162 §3.2.10."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.numset import NumSet


@dataclass(frozen=True, slots=True)
class Vanished:
    """UIDs that are gone; ``is_earlier`` when they went before this session could see it.

    Servers may name UIDs that never were, ``1:4294967295`` too: compare, do not count through.
    """

    uids: NumSet
    is_earlier: bool = False


def expunged_resp(c: Cursor) -> Vanished:
    """``"VANISHED" [SP "(EARLIER)"] SP known-uids``."""
    is_earlier = c.looking_at(b"(")
    if is_earlier:
        c.flag_list()
        c.spaces()
    return Vanished(NumSet.parse(c.atom()), is_earlier)
