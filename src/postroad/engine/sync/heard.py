"""What a server said while nobody asked, gathered until somebody looks."""

from __future__ import annotations

from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.listing import ListEntry
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.response import Exists, Expunge, Untagged
from postroad.protocol.imap.status import Status
from postroad.protocol.imap.vanished import Vanished

_MAX_KEPT = 1000  # of each kind; beyond it everything is looked at


class News:
    """Changes of the selected mailbox, and with NOTIFY of others."""

    __slots__ = (
        "has_expunged",
        "has_grown",
        "is_all",
        "is_listing",
        "rows",
        "statuses",
        "vanished",
    )

    def __init__(self) -> None:
        self.has_grown = False
        self.has_expunged = False  # of messages without a UID
        self.vanished: list[tuple[int, int]] = []  # ranges of UIDs
        self.rows: list[Fetched] = []  # whose flags are others, with or without a UID
        self.statuses: dict[bytes, MailboxStatus] = {}  # of other mailboxes, by wire name
        self.is_listing = False  # mailboxes came or went
        self.is_all = False  # too much to say: look at everything

    def hear(self, told: Untagged | Status) -> None:
        """Take in one response. Neither waits nor raises."""
        match told:
            case Exists():
                self.has_grown = True
            case Expunge():
                self.has_expunged = True
            case Vanished(uids):
                self.vanished.extend(uids.ranges)
            case Fetched():
                self.rows.append(told)
            case MailboxStatus():
                self.statuses[told.wire_name] = told
            case ListEntry():
                self.is_listing = True
            case _:
                self.is_all = True
        if max(len(self.rows), len(self.statuses), len(self.vanished)) > _MAX_KEPT:
            self.rows.clear()
            self.statuses.clear()
            self.vanished.clear()
            self.is_all = True

    @property
    def is_of_selected(self) -> bool:
        """Whether the selected mailbox is another now."""
        return bool(
            self.has_grown or self.has_expunged or self.vanished or self.rows or self.is_all
        )

    @property
    def is_growth_alone(self) -> bool:
        """Whether messages came and nothing else happened: worth looking at once."""
        return self.has_grown and not (self.has_expunged or self.vanished or self.is_all)

    def is_new_alone(self, uidnext: int) -> bool:
        """Whether nothing was said of messages below ``uidnext``."""
        return self.is_growth_alone and all(
            row.uid is not None and row.uid >= uidnext for row in self.rows
        )
