"""One IMAP connection: dial, prove who we are, then commands as coroutines.

:meth:`ImapConnection.open` does everything up to the authenticated state: TLS or STARTTLS, login,
ID, COMPRESS. After it the typed commands can be awaited, also side by side where the protocol
lets them travel together (see the table in :mod:`postroad.protocol.imap.state`). Every wait is
bounded twice, by silence and in all. A command that runs out of time or is cancelled takes the
connection with it, because what the server would still say could not be told apart from the next
answer.

Errors are those of :mod:`postroad.transport.imap_errors`, :exc:`DialError` while opening,
:exc:`TimedOut`, and :exc:`RemoteProtocolError` for a server that speaks nonsense. Nothing that a
server does outlives its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postroad.domain.account import ImapSettings
from postroad.domain.errors import PostroadError, RemoteProtocolError, TooLarge
from postroad.domain.secret import Secret
from postroad.protocol.imap import commands
from postroad.protocol.imap.command import Command
from postroad.protocol.imap.fetch import Fetched, merge_rows
from postroad.protocol.imap.framer import DEFAULT_MAX_SIZE
from postroad.protocol.imap.listing import ListEntry, Namespace
from postroad.protocol.imap.numset import NumSet
from postroad.protocol.imap.response import ServerId
from postroad.protocol.imap.search import Esearch, Search
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.protocol.imap.session import ImapSession
from postroad.protocol.imap.state import State
from postroad.protocol.imap.status import AppendUidCode, Condition
from postroad.transport.imap_errors import (
    AuthenticationRefused,
    CommandRefused,
    ConnectionLost,
    no_answer,
)
from postroad.transport.imap_login import log_in, start_tls
from postroad.transport.imap_wire import (
    DEFAULT_MAX_ANSWER_BYTES,
    Answer,
    Content,
    ImapTimeouts,
    ImapWire,
)
from postroad.transport.stream import DialError, Endpoint, connect

__all__ = [
    "AuthenticationRefused",
    "CommandRefused",
    "ConnectionLost",
    "Content",
    "DialError",
    "ImapConnection",
    "ImapTimeouts",
    "Listing",
    "ToAppend",
]

_FETCH_ROOM = 64 * 1024  # beside the octets that were asked for
_APPENDLIMIT = "APPENDLIMIT="


@dataclass(frozen=True, slots=True)
class Listing:
    """All mailboxes, and which of them are subscribed to; ``None`` when the server cannot say."""

    entries: tuple[ListEntry, ...]
    subscribed: frozenset[bytes] | None  # wire names


@dataclass(frozen=True, slots=True)
class ToAppend:
    """One message to file."""

    content: Content
    flags: Sequence[str] = ()
    date_ms: int | None = None  # INTERNALDATE, epoch ms; None is now


class ImapConnection:
    """An authenticated connection. Make it with :meth:`open`."""

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
    ) -> ImapConnection:
        """Dial, secure and log in.

        Without ``secure`` TLS begins with STARTTLS where the server offers it; one that offers
        and then refuses is not spoken to. ``client_id`` is told where the server has ID (contract
        B-234). Raises :exc:`DialError`, :exc:`AuthenticationRefused`, :exc:`Unavailable`,
        :exc:`TimedOut`, :exc:`RemoteProtocolError`. Nothing stays open on failure.
        """
        timeouts = timeouts or ImapTimeouts()
        stream = await connect(
            Endpoint(
                host=settings.host,
                port=settings.port,
                tls="implicit" if settings.secure else "none",
                tls_options=settings.tls,
                proxy=proxy,
                local_address=local_address,
                connect_timeout_s=timeouts.connect_s,
            )
        )
        session = ImapSession(allows_rev2=not settings.disable_rev2)
        wire = ImapWire(stream, session, timeouts)
        connection = cls(wire, timeouts)
        try:
            async with asyncio.timeout(timeouts.open_s):
                await connection._begin(settings, client_id, compress=compress)
        except TimeoutError as error:
            await wire.close()
            raise no_answer("the login") from error
        except BaseException:
            await wire.close()
            raise
        return connection

    # What is known

    @property
    def capabilities(self) -> frozenset[str]:
        """In capitals."""
        return self._wire.session.capabilities or frozenset()

    def can(self, capability: str) -> bool:
        return self._wire.session.can(capability)

    @property
    def is_compressed(self) -> bool:
        return self._wire.session.is_compressed

    @property
    def selected(self) -> SelectedMailbox | None:
        return self._wire.selected

    @property
    def is_open(self) -> bool:
        return self._wire.loss is None

    # Watching over it

    async def wait_closed(self) -> PostroadError:
        """Wait until the connection has ended, for whatever reason, and return that reason."""
        return await self._wire.wait_closed()

    async def keep_alive(self, *, interval_s: float = 120.0) -> PostroadError:
        """Ask the server for a sign of life now and then; return the reason once it has ended.

        Servers log idle clients out after 30 minutes (RFC 9051 §5.4), routers forget them
        sooner. A command that is running is sign enough.
        """
        while True:
            try:
                async with asyncio.timeout(interval_s):
                    return await self._wire.wait_closed()
            except TimeoutError:
                pass
            if not self._wire.is_busy:
                try:
                    await self.noop()
                except PostroadError:
                    pass  # then wait_closed tells why

    async def close(self) -> None:
        """Log out politely and close; by force after ``close_s``."""
        try:
            if self.is_open and not self._wire.is_busy:
                self._wire.expect_end()
                async with asyncio.timeout(self._timeouts.close_s):
                    await self._wire.run(commands.LOGOUT)
        except (TimeoutError, PostroadError):
            pass  # it ends either way
        finally:
            await self._wire.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._wire.abort()

    # Commands

    async def noop(self) -> None:
        await self._run(commands.NOOP)

    async def namespace(self) -> Namespace:
        """Where mailboxes lie; the empty prefix where the server does not say."""
        if not self.can("NAMESPACE"):
            return Namespace()
        answer = await self._run(commands.NAMESPACE, wants=(Namespace,))
        return next((told for told in answer.told if isinstance(told, Namespace)), Namespace())

    async def list_mailboxes(self) -> Listing:
        """List everything, with special uses where the server knows them. RFC 6154, RFC 5258."""
        if self.can("LIST-EXTENDED"):
            wanted = ["SUBSCRIBED"]
            if self.can("SPECIAL-USE"):
                wanted.append("SPECIAL-USE")
            entries = await self._list(commands.list_mailboxes(returning=wanted))
            return Listing(
                entries, frozenset(e.wire_name for e in entries if e.has("\\Subscribed"))
            )
        has_xlist = self.can("XLIST") and not self.can("SPECIAL-USE")
        entries = await self._list(commands.XLIST if has_xlist else commands.list_mailboxes())
        try:
            subscribed = await self._list(commands.LSUB)
        except CommandRefused:
            return Listing(entries, None)
        return Listing(entries, frozenset(e.wire_name for e in subscribed))

    async def select(self, wire_name: bytes, *, read_only: bool = False) -> SelectedMailbox:
        """Select a mailbox, or examine it. Raises :exc:`CommandRefused` if there is none."""
        mailbox = SelectedMailbox(wire_name, is_read_only=read_only)
        command = commands.examine(wire_name) if read_only else commands.select(wire_name)
        self._wire.selected = None
        answer = await self._run(command, selecting=mailbox)
        mailbox.hear(answer.status)
        self._wire.selected = mailbox
        return mailbox

    async def uid_fetch(
        self, uids: NumSet, items: Sequence[str], *, max_bytes: int = DEFAULT_MAX_SIZE
    ) -> list[Fetched]:
        """Fetch items of messages, in the order of the answer; missing ones are left out.

        ``max_bytes`` bounds one message's answer; what a server sends beyond it ends the
        connection. Rows of the same message are joined, rows of others dropped.
        """
        command = commands.uid_fetch(uids, items)
        session = self._wire.session
        before = session.max_response_bytes
        session.max_response_bytes = max(before, max_bytes + _FETCH_ROOM)
        try:
            answer = await self._run(
                command,
                wants=(Fetched,),
                max_answer_bytes=max(DEFAULT_MAX_ANSWER_BYTES, max_bytes + _FETCH_ROOM),
            )
        finally:
            session.max_response_bytes = before
        return merge_rows((row for row in answer.told if isinstance(row, Fetched)), uids)

    async def uid_store(self, uids: NumSet, how: str, flags: Sequence[str]) -> list[Fetched]:
        """Change flags; ``how`` as in :func:`commands.uid_store`. Returns what the server told."""
        answer = await self._run(commands.uid_store(uids, how, flags), wants=(Fetched,))
        return merge_rows((row for row in answer.told if isinstance(row, Fetched)), uids)

    async def uid_search(self, criteria: Sequence[bytes | str]) -> list[int]:
        """UIDs that match all criteria, ascending. See :func:`commands.uid_search`."""
        return await self._search(commands.uid_search(criteria))

    async def search_header(self, name: str, value: str) -> list[int]:
        """UIDs of messages whose field ``name`` contains ``value``, ascending."""
        return await self._search(commands.header_search(name, value))

    async def append(
        self,
        wire_name: bytes,
        content: Content,
        *,
        flags: Sequence[str] = (),
        date_ms: int | None = None,
    ) -> AppendUidCode | None:
        """File one message; says where it went if the server has UIDPLUS.

        The octets are streamed, never held whole. Raises :exc:`TooLarge` before anything is sent
        where the server has told its limit (RFC 7889), :exc:`CommandRefused` with code
        ``TRYCREATE`` when there is no such mailbox, and :exc:`ConnectionLost`, whose ``was_sent``
        tells whether the message may be there nevertheless.
        """
        return await self.append_many(wire_name, [ToAppend(content, flags, date_ms)])

    async def append_many(
        self, wire_name: bytes, messages: Sequence[ToAppend]
    ) -> AppendUidCode | None:
        """File several messages in one command, all or none. Needs MULTIAPPEND. RFC 3502.

        UIDs stand in the code in the order of ``messages``.
        """
        limit = self._append_limit()
        for message in messages:
            if limit is not None and message.content.size > limit:
                raise TooLarge(f"The mail server takes messages of at most {limit} bytes")
        command = commands.append(
            wire_name, [(one.content.size, one.flags, one.date_ms) for one in messages]
        )
        answer = await self._run(command, contents=[one.content for one in messages])
        code = answer.status.code
        return code if isinstance(code, AppendUidCode) else None

    # Private

    async def _begin(
        self, settings: ImapSettings, client_id: Mapping[str, str] | None, *, compress: bool
    ) -> None:
        wire, session = self._wire, self._wire.session
        self.is_encrypted = settings.secure
        greeting = await wire.greeting()
        if greeting.condition is Condition.BYE:
            raise ConnectionLost(
                f"The IMAP server turned us away: {greeting.line}", code=greeting.code_name
            )
        wire.raise_if_lost()  # a server may say goodbye in the same breath
        await self._learn_capabilities()
        if not settings.secure and session.can("STARTTLS"):
            if session.state is State.NOT_AUTHENTICATED:
                await start_tls(wire, settings)
                self.is_encrypted = True
                await self._learn_capabilities()
        if session.state is not State.AUTHENTICATED:
            await log_in(
                wire,
                settings.login,
                host=settings.host,
                port=settings.port,
                is_encrypted=self.is_encrypted,
            )
            await self._learn_capabilities()
        if session.can("ID"):
            await self._identify(client_id)
        if compress and session.can("COMPRESS=DEFLATE"):
            await wire.run(commands.COMPRESS_DEFLATE)  # a refusal leaves all as it is
        wire.raise_if_lost()

    async def _learn_capabilities(self) -> None:
        if self._wire.session.capabilities is None:
            await self._run(commands.CAPABILITY)

    async def _identify(self, fields: Mapping[str, str] | None) -> None:
        answer = await self._wire.run(commands.client_id(fields), wants=(ServerId,))
        for told in answer.told:
            if isinstance(told, ServerId):
                self.server_id = told.fields

    async def _list(self, command: Command) -> tuple[ListEntry, ...]:
        answer = await self._run(command, wants=(ListEntry,))
        return tuple(told for told in answer.told if isinstance(told, ListEntry))

    async def _search(self, command: Command) -> list[int]:
        answer = await self._run(command, wants=(Search, Esearch))
        found: set[int] = set()
        for told in answer.told:
            if isinstance(told, Search):
                found.update(told.numbers)
            elif isinstance(told, Esearch) and told.all is not None:
                if len(told.all) > DEFAULT_MAX_ANSWER_BYTES // 8:
                    raise RemoteProtocolError("the server found more messages than can be")
                found.update(told.all)
        return sorted(found)

    def _append_limit(self) -> int | None:
        for capability in self.capabilities:
            digits = capability.removeprefix(_APPENDLIMIT)
            if digits != capability and digits.isdigit():
                return int(digits)
        return None

    async def _run(
        self,
        command: Command,
        *,
        wants: tuple[type, ...] = (),
        contents: Sequence[Content] = (),
        selecting: SelectedMailbox | None = None,
        max_answer_bytes: int = DEFAULT_MAX_ANSWER_BYTES,
    ) -> Answer:
        """Run a command and raise :exc:`CommandRefused` unless it succeeds."""
        answer = await self._wire.run(
            command,
            wants=wants,
            contents=contents,
            selecting=selecting,
            max_answer_bytes=max_answer_bytes,
        )
        if answer.status.condition is not Condition.OK:
            raise CommandRefused(answer.status, command.name)
        return answer
