"""What to look for in a mailbox. Contract B-068."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Pairs of numbers, both ends included; ``None`` stands for ``*``, the highest number in use.
Ranges = tuple[tuple[int | None, int | None], ...]

_RANGE = re.compile(r"([1-9][0-9]{0,9}|\*)(?::([1-9][0-9]{0,9}|\*))?")
_MAX_NUMBER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Conditions that must all hold; ``None`` and empty ones are no condition.

    Texts are compared without case, anywhere in the field. Times are epoch ms; a server that
    knows days only (IMAP) takes the day in UTC.
    """

    seq: Ranges | None = None
    uid: Ranges | None = None
    answered: bool | None = None
    deleted: bool | None = None
    draft: bool | None = None
    unseen: bool | None = None
    seen: bool | None = None
    flagged: bool | None = None
    from_: str | None = None
    to: str | None = None
    cc: str | None = None
    bcc: str | None = None
    body: str | None = None
    subject: str | None = None
    larger: int | None = None  # octets
    smaller: int | None = None  # octets
    before: int | None = None  # arrived before that day
    since: int | None = None  # arrived on that day or later
    sent_before: int | None = None  # Date field
    sent_since: int | None = None
    email_id: str | None = None
    thread_id: str | None = None
    modseq: int | None = None  # changed at that MODSEQ or later. RFC 7162 §3.1.5
    headers: tuple[tuple[str, str], ...] = ()  # name and text; an empty text: the field is there
    gmail_raw: str | None = None  # Gmail's own query language
    labels_has: tuple[str, ...] = ()  # Gmail labels, all of them
    labels_not: tuple[str, ...] = ()  # Gmail labels, none of them
    email_ids: tuple[str, ...] = ()  # any of them
    known_uids: tuple[int, ...] | None = None  # that have the ids of messages and threads above

    @property
    def is_empty(self) -> bool:
        """Whether every message fits."""
        return self == _EVERYTHING

    @property
    def needs_gmail(self) -> bool:
        """Whether only Gmail can answer (contract B-020)."""
        return bool(self.gmail_raw or self.labels_has or self.labels_not)


_EVERYTHING = SearchQuery()


def parse_ranges(text: str) -> Ranges:
    """Read ``1:3,7,9:*`` as in IMAP's sequence-set. Raises :exc:`ValueError`. RFC 9051 §9."""
    return tuple(_range(item.strip()) for item in text.split(","))


def in_ranges(number: int, ranges: Ranges, highest: int) -> bool:
    """Whether ``number`` is in ``ranges``, ``highest`` being what ``*`` stands for."""
    for start, end in ranges:
        low, high = highest if start is None else start, highest if end is None else end
        if min(low, high) <= number <= max(low, high):  # 5:3 is 3:5. RFC 9051 §9, seq-range
            return True
    return False


def _range(item: str) -> tuple[int | None, int | None]:
    match = _RANGE.fullmatch(item)
    if match is None:
        raise ValueError("must be numbers and ranges such as 1:3,7,9:*")
    start = _number(match[1])
    return start, start if match[2] is None else _number(match[2])


def _number(text: str) -> int | None:
    if text == "*":
        return None
    number = int(text)
    if number > _MAX_NUMBER:
        raise ValueError("must not hold numbers beyond 32 bits")
    return number
