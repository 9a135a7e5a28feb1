"""Mailboxes as people name them and as lists show them. Contract B-064, B-078."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postroad.domain.errors import Invalid
from postroad.domain.mailbox import MailboxEntry, SpecialUse

_FIRST = (
    SpecialUse.INBOX,
    SpecialUse.FLAGGED,
    SpecialUse.SENT,
    SpecialUse.DRAFTS,
    SpecialUse.ALL,
    SpecialUse.ARCHIVE,
    SpecialUse.JUNK,
    SpecialUse.TRASH,
)
_MAX_PATH_CHARS = 1024


def in_order(entries: Iterable[MailboxEntry]) -> list[MailboxEntry]:
    """Special ones first in their own order, then the rest by path in any case."""
    return sorted(entries, key=_key)


def new_path(levels: Sequence[str], delimiter: str | None) -> str:
    """Join levels to a path. Raises :exc:`Invalid` for one that no mailbox can have."""
    path = (delimiter or "/").join(levels)
    parts = path.split(delimiter) if delimiter else [path]
    if not all(parts) or len(path) > _MAX_PATH_CHARS or any(ord(char) < 32 for char in path):
        raise Invalid("The mailbox cannot have that name", code="CANNOT")
    return "INBOX" if path.upper() == "INBOX" else path


def _key(entry: MailboxEntry) -> tuple[int, str, str]:
    use = entry.mailbox.special_use
    path = entry.mailbox.path
    return (len(_FIRST) if use is None else _FIRST.index(use), path.lower(), path)
