"""Commands about mailboxes, with the best that the server can do for each.

Functions over an :class:`ImapWire`; :class:`~postroad.transport.imap.ImapConnection` offers them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.imap import commands, mailbox_commands
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.listing import ListEntry, Namespace
from postroad.protocol.imap.mailbox_commands import QresyncParams
from postroad.protocol.imap.mailbox_status import NEEDS, MailboxStatus
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.quota import Quota, QuotaRoot
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.state import State
from postroad.protocol.imap.status import OtherCode, Status
from postroad.protocol.imap.vanished import Vanished
from postroad.transport.imap_errors import CommandRefused
from postroad.transport.imap_wire import ImapWire

_MAX_LISTED = 50_000
_AT_ONCE = 16  # commands that travel together
_HIDDEN = ("\\noselect", "\\nonexistent")


@dataclass(frozen=True, slots=True)
class Listing:
    """All mailboxes, and which of them are subscribed to; ``None`` when the server cannot say."""

    entries: tuple[ListEntry, ...]
    subscribed: frozenset[bytes] | None  # wire names
    status: tuple[MailboxStatus, ...] = ()  # where it was asked for and LIST-STATUS is there


async def namespace(wire: ImapWire) -> Namespace:
    """Where mailboxes lie; the empty prefix where the server does not say."""
    if not wire.session.can("NAMESPACE"):
        return Namespace()
    answer = await wire.run(mailbox_commands.NAMESPACE, wants=(Namespace,))
    return next((told for told in answer.told if isinstance(told, Namespace)), Namespace())


async def list_mailboxes(wire: ImapWire, status: Sequence[str] = ()) -> Listing:
    """List everything, with special uses where the server knows them. RFC 6154, RFC 5258."""
    session = wire.session
    if session.can("LIST-EXTENDED"):
        wanted = ["SUBSCRIBED"]
        if session.can("SPECIAL-USE"):
            wanted.append("SPECIAL-USE")
        items = known_items(wire, status) if session.can("LIST-STATUS") else ()
        command = mailbox_commands.list_mailboxes(returning=wanted, status=items)
        told: list[MailboxStatus] = []
        entries = await _list(wire, command, told)
        subscribed = frozenset(e.wire_name for e in entries if e.has("\\Subscribed"))
        return Listing(entries, subscribed, tuple(told))
    has_xlist = session.can("XLIST") and not session.can("SPECIAL-USE")
    entries = await _list(
        wire, mailbox_commands.XLIST if has_xlist else mailbox_commands.list_mailboxes()
    )
    try:
        subscriptions = await _list(wire, mailbox_commands.LSUB)
    except CommandRefused:
        return Listing(entries, None)
    return Listing(entries, frozenset(e.wire_name for e in subscriptions))


async def status(wire: ImapWire, wire_name: bytes, items: Sequence[str]) -> MailboxStatus:
    """Count one mailbox. Items that the server does not know stay ``None``."""
    wanted = known_items(wire, items)
    if not wanted:
        return MailboxStatus(wire_name)
    command = mailbox_commands.status(wire_name, wanted)
    found: MailboxStatus | None = None
    answer = await wire.run(command, wants=(MailboxStatus,))
    others: list[MailboxStatus] = []
    for told in answer.told:
        if isinstance(told, MailboxStatus):
            # Servers may spell the name in another way than we do; the last word is the answer.
            if told.wire_name == wire_name or found is None:
                if found is not None:
                    others.append(found)
                found = told
            else:
                others.append(told)
    for other in others:
        wire.news.hear(other)
    return found or MailboxStatus(wire_name)


async def status_all(
    wire: ImapWire, items: Sequence[str], names: Sequence[bytes] | None = None
) -> list[MailboxStatus]:
    """Count all mailboxes that can be selected, or those of ``names``.

    One command where the server has LIST-STATUS; else one STATUS each, several at a time. A
    mailbox that refuses is left out.
    """
    if wire.session.can("LIST-STATUS"):
        command = mailbox_commands.list_mailboxes(status=known_items(wire, items))
        wanted = None if names is None else frozenset(names)
        counts: list[MailboxStatus] = []
        # The entries themselves are known, and would be as many objects again.
        await _list(wire, command, counts, keeps_entries=False)
        return [one for one in counts if wanted is None or one.wire_name in wanted]
    if names is None:
        entries = await _list(wire, mailbox_commands.list_mailboxes())
        names = [e.wire_name for e in entries if not any(e.has(mark) for mark in _HIDDEN)]
    found: list[MailboxStatus] = []
    for start in range(0, len(names), _AT_ONCE):
        answers = await asyncio.gather(
            *(status(wire, name, items) for name in names[start : start + _AT_ONCE]),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, MailboxStatus):
                found.append(answer)
            elif not isinstance(answer, CommandRefused):
                raise answer
    return found


def known_items(wire: ImapWire, items: Sequence[str]) -> tuple[str, ...]:
    """Those items of STATUS that the server knows."""
    session = wire.session
    return tuple(item for item in items if (need := NEEDS.get(item)) is None or session.can(need))


async def enable(wire: ImapWire, names: Sequence[str]) -> frozenset[str]:
    """Switch on those of ``names`` that the server has; tell what is on. RFC 5161."""
    session = wire.session
    wanted = [name for name in names if session.can(name) and name not in session.enabled]
    if wanted and session.can("ENABLE") and session.state is State.AUTHENTICATED:
        await wire.run(commands.enable(wanted))
    return session.enabled


async def select(
    wire: ImapWire,
    wire_name: bytes,
    *,
    read_only: bool,
    condstore: bool,
    qresync: QresyncParams | None,
) -> SelectedMailbox:
    """Select or examine; see :meth:`ImapConnection.select`."""
    session = wire.session
    has_modseqs = session.can("CONDSTORE")
    if qresync is not None and "QRESYNC" not in session.enabled:
        qresync = None
        condstore = True
    mailbox = SelectedMailbox(wire_name, is_read_only=read_only)
    command = mailbox_commands.select(
        wire_name,
        read_only=read_only,
        condstore=condstore and has_modseqs,
        qresync=qresync,
    )
    wire.selected = None
    rows: list[Fetched] = []
    gone: list[NumSet] = []

    def hear(told: object) -> None:
        match told:
            case Status():
                if told.code_name == "CLOSED":
                    # What came before was said of the mailbox that was selected before.
                    rows.clear()
                    gone.clear()
            case Vanished(uids):
                gone.append(uids)
            case Fetched():
                rows.append(told)

    answer = await wire.run(
        command, wants=(Vanished, Fetched, Status), on_told=hear, selecting=mailbox
    )
    mailbox.hear(answer.status)
    if read_only and mailbox.uidnext is None:
        # Courier tells no UIDNEXT, and forgets the UIDs, even the UIDVALIDITY, that it gives to
        # new messages until somebody selects their mailbox for writing.
        return await select(wire, wire_name, read_only=False, condstore=condstore, qresync=qresync)
    wire.news.selected()
    if qresync is not None and mailbox.uidvalidity == qresync.uidvalidity:
        mailbox.is_resynced = mailbox.highestmodseq is not None
        mailbox.vanished = NumSet(tuple(one for uids in gone for one in uids.ranges))
        mailbox.changed = rows
    wire.selected = mailbox
    return mailbox


async def unselect(wire: ImapWire) -> None:
    """Leave the selected mailbox without expunging anything; does nothing where none is.

    Where the server has no UNSELECT, it is closed by examining it first: CLOSE expunges only
    what can be written.
    """
    if wire.session.state is not State.SELECTED:
        return
    if wire.session.can("UNSELECT"):
        await wire.run(mailbox_commands.UNSELECT)
    else:
        selected = wire.selected
        if selected is None:
            raise LocalProtocolError("no mailbox is selected")
        if not selected.is_read_only:
            await wire.run(mailbox_commands.select(selected.wire_name, read_only=True))
        await wire.run(mailbox_commands.CLOSE)
    wire.selected = None


async def create(wire: ImapWire, wire_name: bytes) -> str | None:
    """Create a mailbox; its id where the server has OBJECTID."""
    answer = await wire.run(mailbox_commands.create(wire_name))
    match answer.status.code:
        case OtherCode(name="MAILBOXID", argument=mailbox_id):
            return mailbox_id
        case _:
            return None


async def quota(wire: ImapWire, wire_name: bytes) -> list[Quota] | None:
    """The quotas of a mailbox; ``None`` where the server does not have QUOTA. RFC 9208."""
    if not wire.session.can("QUOTA"):
        return None
    answer = await wire.run(mailbox_commands.get_quota_root(wire_name), wants=(Quota, QuotaRoot))
    return [told for told in answer.told if isinstance(told, Quota)]


async def _list(
    wire: ImapWire,
    command: Command,
    status: list[MailboxStatus] | None = None,
    *,
    keeps_entries: bool = True,
) -> tuple[ListEntry, ...]:
    entries: list[ListEntry] = []
    count = 0

    def hear(told: object) -> None:
        nonlocal count
        if isinstance(told, ListEntry):
            count += 1
            if keeps_entries and b"\x00" not in told.wire_name:
                entries.append(told)  # no command could name NUL: no string has it. RFC 9051 §4.3
            if count > _MAX_LISTED:
                raise RemoteProtocolError(f"the server lists more than {_MAX_LISTED} mailboxes")
        elif isinstance(told, MailboxStatus) and status is not None:
            status.append(told)

    wants = (ListEntry,) if status is None else (ListEntry, MailboxStatus)
    await wire.run(command, wants=wants, on_told=hear)
    return tuple(entries)
