"""Mailboxes that cannot be followed just now, so that they cost the others nothing.

A mailbox that refuses to be selected three times is left alone for six hours, or until its counts
change (contract B-229). Other refusals are tried again with growing pauses, and given up for as
long only after 20 tries and a day (contract B-230). Nothing is kept while all is well.
"""

from __future__ import annotations

from dataclasses import dataclass

from postroad.protocol.imap.mailbox_status import MailboxStatus

SELECT_TRIES = 3
LEFT_ALONE_S = 6 * 3600.0
FETCH_TRIES = 20
FETCH_PATIENCE_S = 24 * 3600.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class Trouble:
    """What went wrong with one mailbox."""

    tries: int
    since_s: float
    next_s: float  # when to look again; any clock that only goes forward
    status: MailboxStatus | None


class Troubles:
    """The mailboxes of one session that are in trouble, by path."""

    __slots__ = ("_by_path",)

    def __init__(self) -> None:
        self._by_path: dict[str, Trouble] = {}

    def note(
        self, path: str, now_s: float, *, is_select: bool, status: MailboxStatus | None
    ) -> None:
        """A mailbox refused once more."""
        known = self._by_path.get(path)
        tries = 1 if known is None else known.tries + 1
        since_s = now_s if known is None else known.since_s
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 1.7 ** min(tries - 1, 20))
        if is_select:
            is_hopeless = tries >= SELECT_TRIES
        else:
            is_hopeless = tries >= FETCH_TRIES and now_s - since_s >= FETCH_PATIENCE_S
        if is_hopeless:
            pause_s = LEFT_ALONE_S
        self._by_path[path] = Trouble(tries, since_s, now_s + pause_s, status)

    def clear(self, path: str) -> None:
        self._by_path.pop(path, None)

    def keep(self, paths: set[str]) -> None:
        """Forget mailboxes that are not followed any more."""
        self._by_path = {path: one for path, one in self._by_path.items() if path in paths}

    def may_look(self, path: str, now_s: float, status: MailboxStatus | None) -> bool:
        """Whether it is worth another try."""
        known = self._by_path.get(path)
        if known is None or now_s >= known.next_s:
            return True
        return status is not None and known.status is not None and status != known.status

    @property
    def next_s(self) -> float | None:
        """When the next pause is over."""
        return min((one.next_s for one in self._by_path.values()), default=None)

    def __bool__(self) -> bool:
        return bool(self._by_path)
