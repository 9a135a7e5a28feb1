"""What following mailboxes asks of a connection.

:class:`~postroad.transport.imap.ImapConnection` is one; see there for what each method promises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.listing import Namespace
from postroad.protocol.imap.mailbox_commands import QresyncParams
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.message_commands import SearchWord
from postroad.protocol.imap.numset import MessageSet, NumSet
from postroad.protocol.imap.selected import SelectedMailbox
from postroad.transport.imap import IdleEnd, Listing
from postroad.transport.imap_news import Heard


class Connection(Protocol):
    """An authenticated connection to a mail server."""

    def can(self, capability: str) -> bool: ...

    @property
    def enabled(self) -> frozenset[str]: ...

    @property
    def selected(self) -> SelectedMailbox | None: ...

    @property
    def identity_items(self) -> tuple[str, ...]: ...

    def wire_name(self, path: str) -> bytes: ...

    async def enable(self, *capabilities: str) -> frozenset[str]: ...

    async def idle(self, on_change: Heard, *, max_s: float) -> IdleEnd: ...

    def stop_idle(self) -> None: ...

    async def notify(
        self, *, mailboxes: Sequence[bytes] | None = None, status: bool = False
    ) -> None: ...

    async def namespace(self) -> Namespace: ...

    async def list_mailboxes(self, *, status: Sequence[str] = ()) -> Listing: ...

    async def status_all(
        self, items: Sequence[str], *, names: Sequence[bytes] | None = None
    ) -> list[MailboxStatus]: ...

    async def select(
        self,
        wire_name: bytes,
        *,
        read_only: bool = False,
        condstore: bool = False,
        qresync: QresyncParams | None = None,
    ) -> SelectedMailbox: ...

    async def uid_search(self, criteria: Sequence[SearchWord]) -> list[int]: ...

    async def uid_fetch(
        self, uids: MessageSet, items: Sequence[str], *, max_bytes: int = ...
    ) -> list[Fetched]: ...

    async def uid_fetch_stream(
        self,
        uids: MessageSet,
        items: Sequence[str],
        on_row: Callable[[Fetched], None],
        *,
        changed_since: int | None = None,
        vanished: bool = False,
    ) -> NumSet: ...

    async def fetch_body(
        self, uid: int, section: str, *, partial_chunk: int = ..., decoded: bool = False
    ) -> tuple[int | None, AsyncIterator[bytes]]: ...

    async def close(self) -> None: ...

    def abort(self) -> None: ...
