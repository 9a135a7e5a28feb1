"""Commands about mailboxes: list, select, watch, count, create, rename, delete, quota.

RFC 9051 §6.3; CONDSTORE and QRESYNC RFC 7162; LIST-EXTENDED RFC 5258; LIST-STATUS RFC 5819;
NOTIFY RFC 5465; QUOTA RFC 9208.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.imap.command import Command, Part, astring, joined
from postroad.protocol.imap.numset import NumSet

NAMESPACE = Command("NAMESPACE")  # RFC 2342
UNSELECT = Command("UNSELECT")  # RFC 3691
CLOSE = Command("CLOSE")  # expunges, unless it was examined
XLIST = Command("XLIST", (b' "" "*"',))  # Gmail's forerunner of SPECIAL-USE
LSUB = Command("LSUB", (b' "" "*"',))
NOTIFY_NONE = Command("NOTIFY", (b" NONE",))

_MAX_KNOWN = 4000  # a longer set would not fit on the line; the server then takes all UIDs
_WORD = re.compile(r"[A-Z0-9.\-]{1,40}")


@dataclass(frozen=True, slots=True)
class QresyncParams:
    """What we knew of a mailbox when we left it. RFC 7162 §3.2.5."""

    uidvalidity: int
    modseq: int  # HIGHESTMODSEQ at that time, from 1
    known_uids: NumSet | None = None  # None: all below UIDNEXT


def list_mailboxes(*, returning: Sequence[str] = (), status: Sequence[str] = ()) -> Command:
    """List all mailboxes.

    ``returning`` (SUBSCRIBED, SPECIAL-USE) needs LIST-EXTENDED, ``status`` (see :func:`status`)
    needs LIST-STATUS.
    """
    wanted = list(returning)
    if status:
        wanted.append(f"STATUS {_items(status)}")
    tail = f" RETURN ({' '.join(wanted)})" if wanted else ""
    return Command("LIST", (f' "" "*"{tail}'.encode("ascii"),))


def select(
    wire_name: bytes,
    *,
    read_only: bool = False,
    condstore: bool = False,
    qresync: QresyncParams | None = None,
) -> Command:
    """Select or examine. ``condstore`` needs CONDSTORE, ``qresync`` that QRESYNC was enabled."""
    tail = b""
    if qresync is not None:
        known = f" {qresync.known_uids or ''}".rstrip()
        if len(known) > _MAX_KNOWN:
            known = ""
        tail = f" (QRESYNC ({qresync.uidvalidity} {max(1, qresync.modseq)}{known}))".encode("ascii")
    elif condstore:
        tail = b" (CONDSTORE)"
    return Command(
        "EXAMINE" if read_only else "SELECT",
        joined(b" ", astring(wire_name), *([tail] if tail else [])),
    )


def status(wire_name: bytes, items: Sequence[str]) -> Command:
    """Count without selecting: MESSAGES, UIDNEXT, UIDVALIDITY, UNSEEN, RECENT, HIGHESTMODSEQ,
    SIZE, DELETED, MAILBOXID, as far as the server has them.
    """
    return Command("STATUS", joined(b" ", astring(wire_name), f" {_items(items)}".encode("ascii")))


def create(wire_name: bytes) -> Command:
    return Command("CREATE", joined(b" ", astring(wire_name)))


def rename(wire_name: bytes, new_wire_name: bytes) -> Command:
    return Command("RENAME", joined(b" ", astring(wire_name), b" ", astring(new_wire_name)))


def delete(wire_name: bytes) -> Command:
    return Command("DELETE", joined(b" ", astring(wire_name)))


def subscribe(wire_name: bytes) -> Command:
    return Command("SUBSCRIBE", joined(b" ", astring(wire_name)))


def unsubscribe(wire_name: bytes) -> Command:
    return Command("UNSUBSCRIBE", joined(b" ", astring(wire_name)))


def get_quota_root(wire_name: bytes) -> Command:
    """Ask which quotas hold for a mailbox, and how far they are used. RFC 9208 §4.1.2."""
    return Command("GETQUOTAROOT", joined(b" ", astring(wire_name)))


def notify(
    *,
    selected: bool = True,
    mailboxes: Sequence[bytes] | None = None,
    status: bool = False,
) -> Command:
    """Ask to be told of changes everywhere, at any time. RFC 5465 §3.

    ``mailboxes`` are wire names, ``None`` all personal ones. ``selected`` tells new messages
    (FLAGS, UID), expunges and flag changes of the selected mailbox as soon as they happen.
    ``status`` makes the server begin with one STATUS for each mailbox.
    """
    parts: list[Part] = [b" SET STATUS" if status else b" SET"]
    if selected:
        parts.append(b" (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
    parts.append(b" (")
    if mailboxes is None:
        parts.append(b"PERSONAL")
    else:
        if not mailboxes:
            raise LocalProtocolError("no mailboxes to be told of")
        parts.append(b"MAILBOXES (")
        for number, name in enumerate(mailboxes):
            parts += [b" " if number else b"", astring(name)]
        parts.append(b")")
    parts.append(b" (MessageNew MessageExpunge FlagChange")
    if mailboxes is None:
        parts.append(b" MailboxName SubscriptionChange")
    return Command("NOTIFY", joined(*parts, b"))"))


def _items(items: Sequence[str]) -> str:
    if not items or not all(_WORD.fullmatch(item) for item in items):
        raise LocalProtocolError(f"not items of STATUS: {items}")
    return f"({' '.join(items)})"
