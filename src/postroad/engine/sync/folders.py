"""Which mailboxes of an account are followed, and which of them is the main one. Pure.

Contract B-217, B-220, B-222.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postroad.domain.mailbox import Mailbox, SpecialUse

_GMAIL = (SpecialUse.ALL, SpecialUse.JUNK, SpecialUse.TRASH)


def choose(
    mailboxes: Sequence[Mailbox], wanted: Sequence[str] | None, *, is_gmail: bool
) -> list[Mailbox]:
    """The mailboxes to follow, the main one first.

    ``wanted`` are paths or special uses; ``None`` is all of them. At Gmail all mail lies in one
    mailbox, with labels for the others. Empty when nothing of what is wanted is there.
    """
    if wanted is not None:
        followed = [one for one in mailboxes if matches(one, wanted)]
        order = {name.lower(): place for place, name in enumerate(wanted)}
        followed.sort(key=lambda one: _place(one, order))
    elif is_gmail and any(one.special_use is SpecialUse.ALL for one in mailboxes):
        followed = [one for one in mailboxes if one.special_use in _GMAIL]
    else:
        followed = list(mailboxes)
    main = SpecialUse.ALL if is_gmail else SpecialUse.INBOX
    if not any(one.special_use is main for one in followed):
        main = SpecialUse.INBOX
    followed.sort(key=lambda one: one.special_use is not main)
    return followed


def matches(mailbox: Mailbox, wanted: Iterable[str]) -> bool:
    """Whether a mailbox is one of ``wanted``: paths, or special uses such as ``\\Sent``."""
    return any(_is(mailbox, name) for name in wanted)


def _is(mailbox: Mailbox, name: str) -> bool:
    if name == "*" or name == mailbox.path:
        return True
    if mailbox.path == "INBOX" and name.upper() in ("INBOX", "\\INBOX"):
        return True
    use = mailbox.special_use
    return use is not None and name.lower() == use.value.lower()


def _place(mailbox: Mailbox, order: dict[str, int]) -> int:
    names = [mailbox.path.lower()]
    if mailbox.special_use is not None:
        names.append(mailbox.special_use.value.lower())
    return min((order[name] for name in names if name in order), default=len(order))
