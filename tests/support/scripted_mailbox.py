"""A mail server of a few lines, for tests that need every move of it to be known.

:class:`ScriptedServer` is the model: mailboxes in which a test appends, flags, expunges and moves.
:class:`ScriptedConnection` is a connection to it as the sync engine knows one, with or without
CONDSTORE, QRESYNC and OBJECTID. Nothing waits, except for what a test does next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from postroad.domain.mailbox_state import MailboxCursor
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.describe import Bodies, Description
from postroad.protocol.imap import utf7
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.listing import ListEntry, Namespace
from postroad.protocol.imap.mailbox_commands import QresyncParams
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.message_commands import SearchWord
from postroad.protocol.imap.numset import MessageSet, NumSet
from postroad.protocol.imap.response import Exists, Expunge, Untagged
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.status import Condition, Status
from postroad.protocol.imap.vanished import Vanished
from postroad.transport.imap import CommandRefused, ConnectionLost, IdleEnd, Listing

Heard = Callable[[Untagged | Status], None]
OLD_MS = 1_600_000_000_000  # the date of messages that a test says nothing about
_DAY_MS = 86_400_000


@dataclass(slots=True)
class ScriptedMessage:
    uid: int
    message_id: str
    flags: frozenset[str]
    date: int  # epoch ms, of the Date field and of the arrival
    modseq: int
    references: tuple[str, ...] = ()
    email_id: str = ""

    @property
    def size(self) -> int:
        return 100 + len(self.message_id)


@dataclass(slots=True)
class ScriptedMailbox:
    """One mailbox. Its methods are what happens at the server; every connection hears of it."""

    name: str
    server: ScriptedServer
    uidvalidity: int = 1
    uidnext: int = 1
    modseq: int = 1
    messages: list[ScriptedMessage] = field(default_factory=list)
    vanished: list[tuple[int, int]] = field(default_factory=list)  # MODSEQ and UID
    refuses: bool = False  # to be selected

    def append(
        self,
        message_id: str | None = None,
        *,
        flags: Sequence[str] = (),
        date: int = OLD_MS,
        references: Sequence[str] = (),
        email_id: str | None = None,
    ) -> ScriptedMessage:
        self.modseq += 1
        message_id = message_id or f"<{next(self.server.numbers)}@scripted>"
        message = ScriptedMessage(
            self.uidnext,
            message_id,
            frozenset(flags),
            date,
            self.modseq,
            tuple(references),
            email_id or f"e{next(self.server.numbers)}",
        )
        self.uidnext += 1
        self.messages.append(message)
        self._tell(Exists(len(self.messages)))
        return message

    def flag(self, uid: int, flags: Sequence[str]) -> None:
        message = self.get(uid)
        self.modseq += 1
        message.flags, message.modseq = frozenset(flags), self.modseq
        seq = self.messages.index(message) + 1
        self._tell(Fetched(seq, uid=None, flags=tuple(sorted(flags))))

    def expunge(self, uid: int) -> ScriptedMessage:
        message = self.get(uid)
        seq = self.messages.index(message) + 1
        self.messages.remove(message)
        self.modseq += 1
        self.vanished.append((self.modseq, uid))
        self._tell(Expunge(seq), Vanished(NumSet.of([uid])))
        return message

    def move(self, uid: int, to: ScriptedMailbox) -> ScriptedMessage:
        message = self.expunge(uid)
        return to.append(
            message.message_id,
            flags=sorted(message.flags),
            date=message.date,
            references=message.references,
            email_id=message.email_id,
        )

    def begin_anew(self) -> None:
        """Another life: other UIDs for the same messages."""
        self.uidvalidity += 1
        self.vanished.clear()
        for number, message in enumerate(self.messages, 1):
            message.uid, message.modseq = number, 1
        self.uidnext, self.modseq = len(self.messages) + 1, 1
        self.server.drop_connections()

    def get(self, uid: int) -> ScriptedMessage:
        return next(one for one in self.messages if one.uid == uid)

    @property
    def uids(self) -> list[int]:
        return [one.uid for one in self.messages]

    def _tell(self, told: Untagged, instead: Untagged | None = None) -> None:
        for connection in tuple(self.server.connections):
            has_qresync = "QRESYNC" in connection.enabled
            connection.hear(self, instead if instead is not None and has_qresync else told)


class ScriptedServer:
    """Mailboxes, and the connections to them."""

    def __init__(self, *names: str, capabilities: Sequence[str] = ()) -> None:
        self.numbers = count(1)
        self.capabilities = frozenset(capabilities)
        self.mailboxes: dict[str, ScriptedMailbox] = {}
        self.connections: list[ScriptedConnection] = []
        for name in names or ("INBOX",):
            self.create(name)

    def __getitem__(self, name: str) -> ScriptedMailbox:
        return self.mailboxes[name]

    def create(self, name: str, *, uidvalidity: int = 1) -> ScriptedMailbox:
        self.mailboxes[name] = ScriptedMailbox(name, self, uidvalidity)
        return self.mailboxes[name]

    def delete(self, name: str) -> None:
        del self.mailboxes[name]

    def connect(self) -> ScriptedConnection:
        connection = ScriptedConnection(self)
        self.connections.append(connection)
        return connection

    def drop_connections(self) -> None:
        for connection in tuple(self.connections):
            connection.abort()


class ScriptedConnection:
    """One connection; commands are counted by name in ``commands``."""

    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._mailbox: ScriptedMailbox | None = None
        self._told: list[Untagged | Status] = []
        self._stir = asyncio.Event()
        self._is_stopped = False
        self._has_notify = False
        self.told_of: Sequence[bytes] | None = None  # None: of all mailboxes
        self.is_open = True
        self.is_deaf = False  # IDLE hears nothing and soon ends
        self.enabled: frozenset[str] = frozenset()
        self.selected: SelectedMailbox | None = None
        self.commands: list[str] = []
        self.is_idling = asyncio.Event()
        self.waits: list[float] = []  # longest time of each IDLE, in seconds
        self.fails_after: int | None = None  # commands that still go through

    # What happens at the server

    def hear(self, mailbox: ScriptedMailbox, told: Untagged | Status) -> None:
        if mailbox is self._mailbox and self.selected is not None:
            self.selected.hear(told)
        elif self._has_notify and self._is_told_of(mailbox):
            told = _status(mailbox)
        else:
            return
        self._told.append(told)
        self._stir.set()

    # Connection

    def can(self, capability: str) -> bool:
        return capability in self._server.capabilities

    @property
    def identity_items(self) -> tuple[str, ...]:
        return ("EMAILID", "THREADID") if self.can("OBJECTID") else ()

    def wire_name(self, path: str) -> bytes:
        return utf7.encode(path)

    async def enable(self, *capabilities: str) -> frozenset[str]:
        self._take("ENABLE")
        self.enabled = frozenset(one for one in capabilities if self.can(one))
        return self.enabled

    async def idle(self, on_change: Heard, *, max_s: float) -> IdleEnd:
        self._take("IDLE")
        self.waits.append(max_s)
        self.is_idling.set()
        if self.is_deaf:
            await asyncio.sleep(0.01)
            self._check()
            self.is_idling.clear()
            self._told.clear()
            return IdleEnd.EXPIRED
        try:
            if not self._told and not self._is_stopped:
                async with asyncio.timeout(max_s):
                    await self._stir.wait()
        except TimeoutError:
            return IdleEnd.EXPIRED
        finally:
            self.is_idling.clear()
            self._stir.clear()
        self._check()
        told, self._told = self._told, []
        for one in told:
            on_change(one)
        stopped, self._is_stopped = self._is_stopped, False
        return IdleEnd.STOPPED if stopped and not told else IdleEnd.CHANGED

    def stop_idle(self) -> None:
        if self.is_idling.is_set():
            self._is_stopped = True
            self._stir.set()

    async def notify(
        self, *, mailboxes: Sequence[bytes] | None = None, status: bool = False
    ) -> None:
        self._take("NOTIFY")
        self._has_notify = True
        self.told_of = mailboxes

    async def namespace(self) -> Namespace:
        return Namespace()

    async def list_mailboxes(self, *, status: Sequence[str] = ()) -> Listing:
        self._take("LIST")
        entries = tuple(
            ListEntry("LIST", (), "/", utf7.encode(name)) for name in self._server.mailboxes
        )
        counts = [_status(one) for one in self._server.mailboxes.values()]
        return Listing(entries, None, self._visible(counts) if status else ())

    async def status_all(
        self, items: Sequence[str], *, names: Sequence[bytes] | None = None
    ) -> list[MailboxStatus]:
        self._take("STATUS")
        counts = [_status(one) for one in self._server.mailboxes.values()]
        return [one for one in self._visible(counts) if names is None or one.wire_name in names]

    async def select(
        self,
        wire_name: bytes,
        *,
        read_only: bool = False,
        condstore: bool = False,
        qresync: QresyncParams | None = None,
    ) -> SelectedMailbox:
        self._take("SELECT")
        mailbox = self._server.mailboxes.get(utf7.decode(wire_name))
        self._mailbox = self.selected = None
        self._told = [one for one in self._told if isinstance(one, MailboxStatus)]
        if mailbox is None or mailbox.refuses:
            raise CommandRefused(Status(None, Condition.NO, None, "not now"), "SELECT")
        selected = SelectedMailbox(
            wire_name,
            is_read_only=read_only,
            exists=len(mailbox.messages),
            uidvalidity=mailbox.uidvalidity,
            uidnext=mailbox.uidnext,
            highestmodseq=mailbox.modseq if self._has_modseq else None,
        )
        if qresync is not None and qresync.uidvalidity == mailbox.uidvalidity:
            selected.is_resynced = True
            gone = [uid for modseq, uid in mailbox.vanished if modseq > qresync.modseq]
            selected.vanished = NumSet.of(sorted(gone))
            selected.changed = [
                self._row(mailbox, one) for one in mailbox.messages if one.modseq > qresync.modseq
            ]
        self._mailbox, self.selected = mailbox, selected
        return selected

    async def uid_search(self, criteria: Sequence[SearchWord]) -> list[int]:
        self._take("SEARCH")
        mailbox = self._current()
        words = [str(word) for word in criteria]
        found = list(mailbox.messages)
        while words:
            word = words.pop(0)
            if word == "UID":
                wanted = NumSet.parse(words.pop(0).encode())
                found = [one for one in found if one.uid in wanted]
            elif word == "SINCE":
                since = _day(words.pop(0))
                found = [one for one in found if one.date >= since]
            elif word != "ALL":
                places = NumSet.parse(word.encode())
                found = [one for one in found if mailbox.messages.index(one) + 1 in places]
        return [one.uid for one in found]

    async def uid_fetch(
        self, uids: MessageSet, items: Sequence[str], *, max_bytes: int = 0
    ) -> list[Fetched]:
        self._take("FETCH")
        mailbox = self._current()
        assert isinstance(uids, NumSet)
        return [self._row(mailbox, one) for one in mailbox.messages if one.uid in uids]

    async def uid_fetch_stream(
        self,
        uids: MessageSet,
        items: Sequence[str],
        on_row: Callable[[Fetched], None],
        *,
        changed_since: int | None = None,
        vanished: bool = False,
    ) -> NumSet:
        self._take("FETCH")
        mailbox = self._current()
        assert isinstance(uids, NumSet)
        since = changed_since if changed_since is not None and self._has_modseq else -1
        for one in mailbox.messages:
            if one.uid in uids and one.modseq > since:
                on_row(self._row(mailbox, one))
        gone = [uid for modseq, uid in mailbox.vanished if vanished and modseq > since]
        return NumSet.of(sorted(gone))

    async def fetch_body(
        self, uid: int, section: str, *, partial_chunk: int = 0, decoded: bool = False
    ) -> tuple[int | None, AsyncIterator[bytes]]:
        raise NotImplementedError

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self.is_open = False
        if self in self._server.connections:
            self._server.connections.remove(self)
        self._stir.set()

    # Private

    def _is_told_of(self, mailbox: ScriptedMailbox) -> bool:
        return self.told_of is None or utf7.encode(mailbox.name) in self.told_of

    @property
    def _has_modseq(self) -> bool:
        return self.can("CONDSTORE") or "QRESYNC" in self.enabled

    def _take(self, name: str) -> None:
        self._check()
        self.commands.append(name)
        if self.fails_after is not None:
            if self.fails_after == 0:
                self.abort()
                self._check()
            self.fails_after -= 1

    def _check(self) -> None:
        if not self.is_open:
            raise ConnectionLost("The IMAP server closed the connection")

    def _current(self) -> ScriptedMailbox:
        assert self._mailbox is not None, "no mailbox is selected"
        return self._mailbox

    def _visible(self, counts: list[MailboxStatus]) -> tuple[MailboxStatus, ...]:
        if self._has_modseq:
            return tuple(counts)
        return tuple(replace(one, highestmodseq=None) for one in counts)

    def _row(self, mailbox: ScriptedMailbox, message: ScriptedMessage) -> Fetched:
        return Fetched(
            mailbox.messages.index(message) + 1,
            uid=message.uid,
            flags=tuple(sorted(message.flags)),
            size=message.size,
            internal_date=message.date,
            modseq=message.modseq if self._has_modseq else None,
            email_id=message.email_id if self.can("OBJECTID") else None,
            sections={"HEADER": _header(message)},
        )


class ScriptedDescriber:
    """Tells the Message-ID of a message, and its date."""

    def items(self, connection: Connection) -> Sequence[str]:
        return ("BODY.PEEK[HEADER]",)

    def is_complete(self, row: Fetched) -> bool:
        return row.sections.get("HEADER") is not None

    async def read_ahead(self, connection: Connection, rows: Sequence[Fetched]) -> Bodies:
        return {}

    async def describe(
        self,
        connection: Connection,
        cursor: MailboxCursor,
        row: Fetched,
        *,
        not_before: int | None,
        ahead: Bodies,
    ) -> Description:
        header = row.sections["HEADER"] or b""
        message_id, _, references = header.decode().partition(" ")
        return Description(
            {"uid": row.uid, "messageId": message_id},
            row.internal_date,
            message_id,
            tuple(references.split()),
        )


def _header(message: ScriptedMessage) -> bytes:
    return " ".join((message.message_id, *message.references)).encode()


def _status(mailbox: ScriptedMailbox) -> MailboxStatus:
    return MailboxStatus(
        utf7.encode(mailbox.name),
        messages=len(mailbox.messages),
        uidnext=mailbox.uidnext,
        uidvalidity=mailbox.uidvalidity,
        highestmodseq=mailbox.modseq,
    )


def _day(text: str) -> int:
    from datetime import UTC, datetime

    return int(datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC).timestamp() * 1000)
