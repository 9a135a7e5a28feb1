"""STATUS responses: what a mailbox holds, without selecting it.

RFC 9051 §7.3.4; STATUS=SIZE RFC 8438; HIGHESTMODSEQ RFC 7162 §3.1.2.1; MAILBOXID RFC 8474 §4.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor, Value
from postroad.protocol.imap.listing import path_of


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """Counts of one mailbox; ``None`` for what was not asked or the server does not know."""

    wire_name: bytes
    messages: int | None = None
    unseen: int | None = None
    recent: int | None = None
    deleted: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    highestmodseq: int | None = None  # 0: the mailbox has none
    size: int | None = None  # octets
    append_limit: int | None = None  # octets
    mailbox_id: str | None = None
    is_utf8: bool = False

    @property
    def path(self) -> str:
        """The decoded name."""
        return path_of(self.wire_name, is_utf8=self.is_utf8)


# Items that need more than the base protocol, and what they need.
NEEDS = {
    "HIGHESTMODSEQ": "CONDSTORE",
    "SIZE": "STATUS=SIZE",
    "MAILBOXID": "OBJECTID",
    "DELETED": "IMAP4REV2",
    "APPENDLIMIT": "APPENDLIMIT",
}
_MEMBERS = {
    "MESSAGES": "messages",
    "UNSEEN": "unseen",
    "RECENT": "recent",
    "DELETED": "deleted",
    "UIDNEXT": "uidnext",
    "UIDVALIDITY": "uidvalidity",
    "HIGHESTMODSEQ": "highestmodseq",
    "SIZE": "size",
    "APPENDLIMIT": "append_limit",
}


def mailbox_status(c: Cursor, *, is_utf8: bool = False) -> MailboxStatus:
    """Read what follows the word STATUS; items that make no sense are left out.

    ::

        "STATUS" SP mailbox SP "(" [status-att-val *(SP status-att-val)] ")"
    """
    wire_name = c.astring()
    c.space()
    items = c.value()
    if items is None:
        items = ()
    if not isinstance(items, tuple):
        raise RemoteProtocolError("expected a list in STATUS")
    told: dict[str, int] = {}
    mailbox_id: str | None = None
    for name, value in zip(items[::2], items[1::2], strict=False):
        if not isinstance(name, bytes):
            continue
        word = name.decode("ascii", "replace").upper()
        member = _MEMBERS.get(word)
        if member is not None and isinstance(value, bytes) and value.isdigit():
            told[member] = Cursor(value).number()
        elif word == "MAILBOXID":
            mailbox_id = _object_id(value)
    return MailboxStatus(wire_name, mailbox_id=mailbox_id, is_utf8=is_utf8, **told)


def _object_id(value: Value) -> str | None:
    match value:
        case (bytes(octets),) | bytes(octets):
            return octets.decode("ascii", "replace")
        case _:
            return None
