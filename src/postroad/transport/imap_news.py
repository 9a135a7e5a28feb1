"""What a server tells without being asked: kept, counted and slowed down.

Changes that arrive while nobody idles are kept for the next one that does. Beyond a limit they are
forgotten and replaced by one ``NOTIFICATIONOVERFLOW``, as a server with NOTIFY does when it
cannot keep up (RFC 5465 §5.8): whoever hears it looks at everything anew.
"""

from __future__ import annotations

from collections.abc import Callable

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.listing import ListEntry
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.response import Exists, Expunge, Untagged
from postroad.protocol.imap.status import Condition, OtherCode, Status
from postroad.protocol.imap.vanished import Vanished

Heard = Callable[[Untagged | Status], None]

OVERFLOW = Status(None, Condition.OK, OtherCode("NOTIFICATIONOVERFLOW"), "")

_CHANGES = (Exists, Expunge, Vanished, Fetched, MailboxStatus, ListEntry)
_EVERYWHERE = (MailboxStatus, ListEntry, Status)  # true whichever mailbox is selected
_MAX_KEPT = 200
_MAX_A_SECOND = 20_000
_MAX_IN_ALL = 1_000_000  # between two commands of ours


class News:
    """The changes of one connection that no command asked for."""

    __slots__ = ("_count", "_kept", "_since", "_total", "listener")

    def __init__(self) -> None:
        self.listener: Heard | None = None
        self._kept: list[Untagged | Status] = []
        self._count = 0  # unasked responses in the current second
        self._since = 0.0  # when that second began
        self._total = 0

    def hear(self, response: Untagged | Status) -> bool:
        """Pass on or keep a response that nobody asked for; whether it tells of a change.

        Raises :exc:`RemoteProtocolError` when the server never stops.
        """
        self._count += 1
        self._total += 1
        if self._total > _MAX_IN_ALL:
            raise RemoteProtocolError("the server goes on and on about changes")
        if not isinstance(response, _CHANGES):
            if not (isinstance(response, Status) and response.code_name == "NOTIFICATIONOVERFLOW"):
                return False
        if self.listener is not None:
            self.listener(response)
        elif len(self._kept) < _MAX_KEPT:
            self._kept.append(response)
        else:
            self._kept = [OVERFLOW] * _MAX_KEPT
        return True

    def deliver(self, on_change: Heard) -> bool:
        """Hand over what was kept; whether there was anything."""
        self._total = 0
        if not self._kept:
            return False
        kept, self._kept = self._kept, []
        for response in kept[:1] if kept[0] is OVERFLOW else kept:
            on_change(response)
        return True

    def selected(self) -> None:
        """Forget what was said of the mailbox that was selected before."""
        if self._kept:
            self._kept = [one for one in self._kept if isinstance(one, _EVERYWHERE)]

    def pause_s(self, now: float) -> float:
        """How long not to listen, so that a flood costs a bounded share of this process."""
        if now - self._since >= 1.0:
            self._since, self._count = now, 0
        return 0.0 if self._count < _MAX_A_SECOND else 1.0 - (now - self._since)
