"""What lists have shown of messages, so that a page that is looked at again costs its flags alone.

Kept is what cannot change while a message has its UID: envelope, structure, size, date. Flags and
labels come from the server each time, and so does which messages there are. What is kept belongs
to one life (UIDVALIDITY) of one mailbox of one account, and goes with the account's last warm
connection, so that an idle account costs nothing. All of a process together stays below the
:class:`Shelf`'s ``max_bytes``, some 4 800 messages; what was not looked at for longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from sys import getsizeof

from postroad.domain.message import MessageSummary, UnreadMessage
from postroad.domain.quick import quick_dataclass
from postroad.protocol.imap.fetch import Fetched

MAX_BYTES = 8 * 1024 * 1024
_MAX_ENTRY_BYTES = 8 * 1024  # of one message; larger ones are made anew each time
_MAX_MAILBOXES = 64  # of one account
_ENTRY_BYTES = 1000  # without texts, addresses and attachments
_ADDRESS_BYTES = 250
_ATTACHMENT_BYTES = 800


@quick_dataclass(frozen=True, slots=True)
class _Entry:
    summary: MessageSummary
    number: int  # of the message when it was last listed
    size: int  # octets of memory, about


class Shelf:
    """The room that all mailboxes of a process share; an estimate of memory."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._mailboxes: OrderedDict[KeptMailbox, None] = OrderedDict()  # longest unused first
        self.size = 0

    def touch(self, mailbox: KeptMailbox) -> None:
        """It is being looked at, so others have to go before it."""
        self._mailboxes[mailbox] = None
        self._mailboxes.move_to_end(mailbox)

    def grow(self, octets: int) -> None:
        self.size += octets
        while self.size > self._max_bytes:
            oldest = next(iter(self._mailboxes))
            if len(oldest):
                self.size -= oldest.drop_oldest()
            else:
                del self._mailboxes[oldest]

    def forget(self, mailbox: KeptMailbox) -> None:
        self._mailboxes.pop(mailbox, None)
        self.size -= mailbox.drop_all()


class KeptMailbox:
    """The messages of one mailbox in one life. None of its methods waits."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._entries: dict[int, _Entry] = {}  # by UID, the first kept first
        self._uids: dict[int, int] = {}  # by message number when last listed
        self._is_gone = False

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, uid: int | None) -> MessageSummary | None:
        """The entry as it was made, flags and labels as they were then."""
        entry = self._entries.get(uid or 0)
        return None if entry is None else entry.summary

    def expects(self, low: int, high: int) -> bool:
        """Whether most of these message numbers were known when last looked at.

        A guess: numbers move. Being wrong costs a command, nothing else.
        """
        known = sum([self._uids.get(number, 0) in self._entries for number in range(low, high + 1)])
        return 2 * known > high - low

    def listed(self, rows: Iterable[Fetched]) -> None:
        """Take note of the numbers that messages have now."""
        if len(self._uids) > 2 * len(self._entries) + 1000:
            self._uids.clear()
        for row in rows:
            if row.uid in self._entries:
                self._uids[row.seq] = row.uid

    def add(self, row: Fetched, made: MessageSummary | UnreadMessage) -> None:
        """Keep what was made of a message, unless it is large or could not be read."""
        if self._is_gone or row.uid is None or isinstance(made, UnreadMessage):
            return
        size = _size_of(made)
        if size > _MAX_ENTRY_BYTES:
            return
        before = self._entries.pop(row.uid, None)
        self._entries[row.uid] = _Entry(made, row.seq, size)
        self._uids[row.seq] = row.uid
        self._shelf.touch(self)
        self._shelf.grow(size - (0 if before is None else before.size))

    def drop_oldest(self) -> int:
        """Drop the message that was kept first; the octets that this gave back."""
        uid = next(iter(self._entries))
        entry = self._entries.pop(uid)
        if self._uids.get(entry.number) == uid:
            del self._uids[entry.number]
        return entry.size

    def drop_all(self) -> int:
        """Drop everything for good; the octets that this gave back."""
        self._is_gone = True
        size = sum([entry.size for entry in self._entries.values()])
        self._entries.clear()
        self._uids.clear()
        return size


class KeptMailboxes:
    """The mailboxes of one account."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._mailboxes: dict[bytes, tuple[int, KeptMailbox]] = {}  # by wire name, UIDVALIDITY

    def of(self, wire_name: bytes, uidvalidity: int | None) -> KeptMailbox | None:
        """What is kept of a mailbox in this life; ``None`` where UIDs do not last."""
        if uidvalidity is None:
            return None
        life, mailbox = self._mailboxes.get(wire_name, (None, None))
        if mailbox is None or life != uidvalidity:
            if mailbox is not None:
                self._drop(wire_name)
            elif len(self._mailboxes) >= _MAX_MAILBOXES:
                self._drop(next(iter(self._mailboxes)))
            mailbox = KeptMailbox(self._shelf)
            self._mailboxes[wire_name] = uidvalidity, mailbox
        self._shelf.touch(mailbox)
        return mailbox

    def clear(self) -> None:
        for wire_name in list(self._mailboxes):
            self._drop(wire_name)

    def _drop(self, wire_name: bytes) -> None:
        self._shelf.forget(self._mailboxes.pop(wire_name)[1])


def _size_of(summary: MessageSummary) -> int:
    size = _ENTRY_BYTES + _ATTACHMENT_BYTES * len(summary.attachments)
    for text in (summary.subject, summary.message_id, summary.in_reply_to):
        if text is not None:
            size += getsizeof(text)
    for people in (summary.reply_to, summary.to, summary.cc, summary.bcc):
        for one in people:
            size += _ADDRESS_BYTES + len(one.address) + len(one.name)
    for attachment in summary.attachments:
        size += len(attachment.filename or "") + len(attachment.content_id or "")
    return size
