"""The order in which mailboxes are listed. Contract B-064."""

from __future__ import annotations

from collections.abc import Iterable

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


def in_order(entries: Iterable[MailboxEntry]) -> list[MailboxEntry]:
    """Special ones first in their own order, then the rest by path in any case."""
    return sorted(entries, key=_key)


def _key(entry: MailboxEntry) -> tuple[int, str, str]:
    use = entry.mailbox.special_use
    path = entry.mailbox.path
    return (len(_FIRST) if use is None else _FIRST.index(use), path.lower(), path)
