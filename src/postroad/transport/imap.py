"""One IMAP connection: dial, prove who we are, then commands as coroutines.

After :meth:`ImapConnection.open` the typed commands can be awaited, also side by side: those that
the protocol lets travel together do (see :mod:`postroad.protocol.imap.state`), others wait for
their turn, and :meth:`ImapConnection.idle` makes way for any. Every wait is bounded twice, by
silence and in all. A command that runs out of time or is cancelled takes the connection with it,
because what the server would still say could not be told apart from the next answer.

No extension is needed. Where one is missing, each command does what can be done without it.

Errors are those of :mod:`postroad.transport.imap_errors`, :exc:`DialError` while opening,
:exc:`TimedOut`, and :exc:`RemoteProtocolError` for a server that speaks nonsense. Nothing that a
server does outlives its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress

from postroad.domain.account import ImapSettings
from postroad.domain.errors import PostroadError
from postroad.domain.secret import Secret
from postroad.protocol.imap import commands, mailbox_commands, utf7
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.framer import DEFAULT_MAX_SIZE
from postroad.protocol.imap.listing import Namespace
from postroad.protocol.imap.mailbox_commands import QresyncParams
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.message_commands import SearchWord
from postroad.protocol.imap.numset import MessageSet, NumSet
from postroad.protocol.imap.quota import Quota
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.status import AppendUidCode, CopyUidCode
from postroad.protocol.imap.tapped import Tap
from postroad.transport import imap_append, imap_body, imap_mailboxes, imap_messages
from postroad.transport.imap_append import ToAppend
from postroad.transport.imap_body import PARTIAL_BYTES
from postroad.transport.imap_errors import AuthenticationRefused, CommandRefused, ConnectionLost
from postroad.transport.imap_mailboxes import Listing
from postroad.transport.imap_news import Heard
from postroad.transport.imap_open import begin, log_out, open_wire
from postroad.transport.imap_running import Content, IdleEnd, ImapTimeouts
from postroad.transport.imap_wire import ImapWire
from postroad.transport.stream import DialError

__all__ = [
    "AuthenticationRefused",
    "CommandRefused",
    "ConnectionLost",
    "Content",
    "DialError",
    "IdleEnd",
    "ImapConnection",
    "ImapTimeouts",
    "Listing",
    "QresyncParams",
    "ToAppend",
]


class ImapConnection:
    """An authenticated connection. Make it with :meth:`open`."""

    __slots__ = ("_timeouts", "_wire", "is_encrypted", "server_id")

    def __init__(self, wire: ImapWire, timeouts: ImapTimeouts) -> None:
        self._wire = wire
        self._timeouts = timeouts
        self.server_id: Mapping[str, str] = {}
        self.is_encrypted = False

    @classmethod
    async def open(
        cls,
        settings: ImapSettings,
        *,
        proxy: Secret[str] | None = None,
        local_address: str | None = None,
        client_id: Mapping[str, str] | None = None,
        timeouts: ImapTimeouts | None = None,
        compress: bool = True,
        tap: Tap | None = None,
    ) -> ImapConnection:
        """Dial, secure and log in.

        Without ``secure`` TLS begins with STARTTLS where the server offers it; one that offers
        and then refuses is not spoken to. ``client_id`` is told where the server has ID (contract
        B-234); UTF8=ACCEPT is enabled where it has that. ``compress`` is for connections that
        read much: COMPRESS=DEFLATE costs 40 KiB for as long as the connection lives. ``tap``
        hears all. Raises :exc:`DialError`, :exc:`AuthenticationRefused`, :exc:`Unavailable`,
        :exc:`TimedOut`, :exc:`RemoteProtocolError`. Nothing stays open on failure.
        """
        timeouts = timeouts or ImapTimeouts()
        wire = await open_wire(
            settings, timeouts, proxy=proxy, local_address=local_address, tap=tap
        )
        connection = cls(wire, timeouts)
        connection.is_encrypted, connection.server_id = await begin(
            wire, settings, client_id, compress=compress, open_s=timeouts.open_s
        )
        return connection

    # What is known

    @property
    def capabilities(self) -> frozenset[str]:
        """In capitals."""
        return self._wire.session.capabilities or frozenset()

    def can(self, capability: str) -> bool:
        return self._wire.session.can(capability)

    @property
    def enabled(self) -> frozenset[str]:
        """What :meth:`enable` has switched on, in capitals."""
        return self._wire.session.enabled

    @property
    def has_utf8_names(self) -> bool:
        """Whether mailboxes and labels are named in plain UTF-8, see :meth:`wire_name`."""
        return self._wire.session.has_utf8_names

    @property
    def is_compressed(self) -> bool:
        return self._wire.session.is_compressed

    @property
    def selected(self) -> SelectedMailbox | None:
        return self._wire.selected

    @property
    def is_open(self) -> bool:
        return self._wire.loss is None

    @property
    def identity_items(self) -> tuple[str, ...]:
        """What to fetch for ids of messages and threads, as far as the server has them."""
        if self.can("OBJECTID"):
            return ("EMAILID", "THREADID")
        return ("X-GM-MSGID", "X-GM-THRID") if self.can("X-GM-EXT-1") else ()

    def wire_name(self, path: str) -> bytes:
        """How a mailbox is named here. Raises :exc:`LocalProtocolError` for what is no name."""
        return utf7.encode_utf8(path) if self._wire.session.has_utf8_names else utf7.encode(path)

    # Watching over it

    async def wait_closed(self) -> PostroadError:
        """Wait until the connection has ended, for whatever reason, and return that reason."""
        return await self._wire.wait_closed()

    async def keep_alive(self, *, interval_s: float = 120.0) -> PostroadError:
        """Ask the server for a sign of life now and then; return the reason once it has ended.

        Servers log idle clients out after 30 minutes (RFC 9051 §5.4), routers sooner. A command
        that is running is sign enough, IDLE included: who idles bounds it.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(interval_s):
                    return await self._wire.wait_closed()
            if not self._wire.is_busy:
                with suppress(PostroadError):  # then wait_closed tells why
                    await self.noop()

    async def close(self) -> None:
        """Log out politely and close; by force after ``close_s``."""
        await log_out(self._wire, self._timeouts.close_s)

    def abort(self) -> None:
        """Drop the connection at once."""
        self._wire.abort()

    # Commands: the connection

    async def noop(self) -> None:
        await self._wire.run(commands.NOOP)

    def noop_ahead(self) -> None:
        """Have the server look for news before the next command, without a round trip for it."""
        self._wire.begin_ahead(commands.NOOP)

    async def enable(self, *capabilities: str) -> frozenset[str]:
        """Switch on what the server has, before a mailbox is selected; tell what is on."""
        return await imap_mailboxes.enable(self._wire, capabilities)

    async def idle(self, on_change: Heard, *, max_s: float) -> IdleEnd:
        """Wait until something changes in the selected mailbox, or with NOTIFY anywhere.

        ``on_change`` hears each change: ``Exists``, ``Expunge``, ``Vanished``, ``Fetched``;
        with NOTIFY also ``MailboxStatus``, ``ListEntry`` and a status with code
        NOTIFICATIONOVERFLOW: changes were forgotten. It must neither wait nor raise. Changes
        that arrived since the last call, during other commands, are told at once. Returns after
        the first change or ``max_s``, when :meth:`stop_idle` is called, and when a command needs
        the connection. Cancelling leaves the connection usable. Without IDLE it asks with NOOP
        every minute. RFC 2177.
        """
        idler = self._wire.idler
        wait = idler.idle if self.can("IDLE") else idler.poll
        return await wait(on_change, max_s=max_s)

    def stop_idle(self) -> None:
        """Let :meth:`idle` return soon; harmless when nobody idles."""
        self._wire.idler.end(IdleEnd.STOPPED)

    async def notify(
        self, *, mailboxes: Sequence[bytes] | None = None, status: bool = False
    ) -> None:
        """Be told of changes in all personal mailboxes, or in those of ``mailboxes``. RFC 5465.

        Needs NOTIFY. ``status`` begins with all counts. Changes are heard by :meth:`idle`.
        """
        await self._wire.run(mailbox_commands.notify(mailboxes=mailboxes, status=status))

    # Commands: mailboxes

    async def namespace(self) -> Namespace:
        """Where mailboxes lie; the empty prefix where the server does not say."""
        return await imap_mailboxes.namespace(self._wire)

    async def list_mailboxes(self, *, status: Sequence[str] = ()) -> Listing:
        """List everything with its special use; ``status`` adds counts (needs LIST-STATUS)."""
        return await imap_mailboxes.list_mailboxes(self._wire, status)

    async def status(self, wire_name: bytes, items: Sequence[str]) -> MailboxStatus:
        """Count without selecting: MESSAGES, UNSEEN, UIDNEXT, UIDVALIDITY, RECENT; where the
        server knows them HIGHESTMODSEQ, SIZE, MAILBOXID, DELETED. Others stay ``None``.
        """
        return await imap_mailboxes.status(self._wire, wire_name, items)

    async def status_all(
        self, items: Sequence[str], *, names: Sequence[bytes] | None = None
    ) -> list[MailboxStatus]:
        """Count all mailboxes that can be selected, or those of ``names``; not what refuses."""
        return await imap_mailboxes.status_all(self._wire, items, names)

    async def select(
        self,
        wire_name: bytes,
        *,
        read_only: bool = False,
        condstore: bool = False,
        qresync: QresyncParams | None = None,
    ) -> SelectedMailbox:
        """Select a mailbox, or examine it. Raises :exc:`CommandRefused` if there is none.

        With ``qresync`` the answer tells what has changed since (``is_resynced``, ``vanished``,
        ``changed``), if QRESYNC was enabled. ``read_only`` is a wish: not all keep UIDs then.
        """
        return await imap_mailboxes.select(
            self._wire, wire_name, read_only=read_only, condstore=condstore, qresync=qresync
        )

    async def unselect(self) -> None:
        """Leave the selected mailbox and expunge nothing; harmless where none is selected."""
        await imap_mailboxes.unselect(self._wire)

    async def create(self, wire_name: bytes) -> str | None:
        """Create a mailbox; its id where the server has OBJECTID."""
        return await imap_mailboxes.create(self._wire, wire_name)

    async def rename(self, wire_name: bytes, new_wire_name: bytes) -> None:
        await self._wire.run(mailbox_commands.rename(wire_name, new_wire_name))

    async def delete(self, wire_name: bytes) -> None:
        await self._wire.run(mailbox_commands.delete(wire_name))

    async def subscribe(self, wire_name: bytes) -> None:
        await self._wire.run(mailbox_commands.subscribe(wire_name))

    async def unsubscribe(self, wire_name: bytes) -> None:
        await self._wire.run(mailbox_commands.unsubscribe(wire_name))

    async def quota(self, wire_name: bytes = b"INBOX") -> list[Quota] | None:
        """The quotas that hold for a mailbox; ``None`` where the server has no QUOTA."""
        return await imap_mailboxes.quota(self._wire, wire_name)

    # Commands: messages of the selected mailbox

    async def uid_fetch(
        self, uids: MessageSet, items: Sequence[str], *, max_bytes: int = DEFAULT_MAX_SIZE
    ) -> list[Fetched]:
        """Fetch items in the order of the answer; rows of a message joined, missing ones left out.

        ``max_bytes`` bounds one message's answer; what comes beyond it ends the connection.
        """
        return await imap_messages.fetch(self._wire, uids, items, max_bytes=max_bytes)

    async def fetch_numbers(
        self, low: int, high: int, items: Sequence[str], *, max_bytes: int = DEFAULT_MAX_SIZE
    ) -> list[Fetched]:
        """As :meth:`uid_fetch`, by message numbers as last told; ``items`` has UID."""
        return await imap_messages.fetch_numbers(self._wire, low, high, items, max_bytes=max_bytes)

    async def uid_fetch_stream(
        self,
        uids: MessageSet,
        items: Sequence[str],
        on_row: Callable[[Fetched], None],
        *,
        changed_since: int | None = None,
        vanished: bool = False,
    ) -> NumSet:
        """Hand each row to ``on_row`` as it comes; nothing is kept, so any number can come.

        ``on_row`` must neither wait nor raise. A message may come in several rows. With
        ``changed_since`` only what changed after that MODSEQ comes, where the server has
        CONDSTORE; else all. ``vanished`` returns the UIDs that went since, where QRESYNC was
        enabled; else, and without it, the set is empty. RFC 7162 §3.1.4.1, §3.2.6.
        """
        return await imap_messages.fetch_stream(
            self._wire, uids, items, on_row, changed_since=changed_since, vanished=vanished
        )

    async def fetch_body(
        self, uid: int, section: str, *, partial_chunk: int = PARTIAL_BYTES, decoded: bool = False
    ) -> tuple[int | None, AsyncIterator[bytes]]:
        """Read a section (``""`` is all, ``2.1``, ``HEADER``) piece by piece.

        Memory is about three times ``partial_chunk``. The size of a larger section is ``None``,
        that of a larger message its RFC822.SIZE, which some servers guess. ``decoded`` needs
        BINARY. The mailbox must stay selected to the last piece. Raises :exc:`NotFound`.
        """
        item = "BINARY" if decoded else "BODY"
        return await imap_body.fetch_body(
            self._wire, uid, section, partial_chunk=partial_chunk, item=item
        )

    async def uid_store(
        self,
        uids: MessageSet,
        how: str,
        flags: Sequence[str],
        *,
        unchanged_since: int | None = None,
    ) -> list[Fetched]:
        """Change flags or Gmail labels, ``how`` as in :func:`message_commands.uid_store`.

        Returns what the server told. ``unchanged_since`` (CONDSTORE) spares what changed later.
        """
        return await imap_messages.store(
            self._wire, uids, how, flags, unchanged_since=unchanged_since
        )

    async def uid_copy(self, uids: MessageSet, wire_name: bytes) -> CopyUidCode | None:
        """Copy; which UID became which, where the server has UIDPLUS."""
        return await imap_messages.copy(self._wire, uids, wire_name)

    async def uid_move(self, uids: MessageSet, wire_name: bytes) -> CopyUidCode | None:
        """Move; without MOVE it copies and expunges, others are never touched. RFC 6851."""
        return await imap_messages.move(self._wire, uids, wire_name)

    async def uid_remove(self, uids: MessageSet) -> None:
        """Mark messages deleted and expunge them, and no others."""
        await imap_messages.remove(self._wire, uids)

    async def uid_expunge(self, uids: MessageSet) -> None:
        """Expunge those of ``uids`` that are marked deleted, and no others."""
        await imap_messages.expunge(self._wire, uids)

    async def uid_search(self, criteria: Sequence[SearchWord], *, save: bool = False) -> list[int]:
        """UIDs that match all, ascending; ``save`` keeps them as :data:`SAVED` (SEARCHRES)."""
        return await imap_messages.search(self._wire, criteria, save=save)

    async def uid_sort(self, criteria: Sequence[SearchWord], order: Sequence[str]) -> list[int]:
        """UIDs that match, in the order wanted (``REVERSE DATE``). Needs SORT. RFC 5256."""
        return await imap_messages.sort(self._wire, criteria, order)

    async def search_header(self, name: str, value: str) -> list[int]:
        """UIDs of messages whose field ``name`` contains ``value``, ascending."""
        return await self.uid_search(("HEADER", name.encode(), value.encode()))

    # Commands: filing

    async def append(
        self,
        wire_name: bytes,
        content: Content,
        *,
        flags: Sequence[str] = (),
        date_ms: int | None = None,
    ) -> AppendUidCode | None:
        """File one message, streamed; says where it went if the server has UIDPLUS.

        Raises :exc:`TooLarge` where the server has told its limit (RFC 7889),
        :exc:`CommandRefused` with code ``TRYCREATE`` when there is no such mailbox, and
        :exc:`ConnectionLost`, whose ``was_sent`` tells whether the message may be there all the
        same.
        """
        return await self.append_many(wire_name, [ToAppend(content, flags, date_ms)])

    async def append_many(
        self, wire_name: bytes, messages: Sequence[ToAppend]
    ) -> AppendUidCode | None:
        """File several, in their order: all or none with MULTIAPPEND (RFC 3502), else one by one
        until one is refused.
        """
        return await imap_append.append(self._wire, wire_name, messages)
