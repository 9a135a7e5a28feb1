"""Mail as surfaces see it: mailboxes and messages of an account, read and changed.

Every call finds the account's provider, asks it, and makes of its answer what is shown. What lists
have shown is left with the provider, which knows for how long it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from postroad.domain.account import Account, AccountKind, AccountState
from postroad.domain.errors import Invalid, NotFound, TimedOut, Unavailable
from postroad.domain.mailbox import MailboxEntry, SpecialUse, split_path
from postroad.domain.mailbox_state import MailboxCursor
from postroad.domain.message import (
    FlagChange,
    MessageDetails,
    MessagePage,
    MessageSummary,
    MessageText,
    TextWish,
)
from postroad.domain.message_id import unpack_attachment
from postroad.domain.search import SearchQuery
from postroad.engine.accounts.directory import Directory
from postroad.engine.mail.access import MailboxAccess, as_unavailable, check_state
from postroad.engine.mail.bounces import with_bounces
from postroad.engine.mail.details import details_of, entry_again, entry_of
from postroad.engine.mail.text import LARGE_BYTES, assemble, wanted_parts
from postroad.engine.mail.text_id import unpack_text
from postroad.engine.mail.threads import with_known, with_threads
from postroad.engine.mail.upload import Uploaded, UploadRequest, upload
from postroad.engine.providers.base import WholeProvider
from postroad.engine.providers.entries import in_order
from postroad.engine.providers.results import (
    BulkMoved,
    BulkRemoval,
    FoundPage,
    MadeMailbox,
    Moved,
    PageWish,
    PartStream,
    PartWish,
    Quota,
    ReadMessage,
    Removal,
    SourceStream,
)
from postroad.engine.sync.folders import matches
from postroad.engine.sync.refused import begin_again
from postroad.protocol.imap.fetch import Fetched
from postroad.store import Store, Tx
from postroad.store.messages import decode_listing

_SLOW_ROWS = 100  # describing more takes many milliseconds


class Mail:
    """The mail service. ``look_again`` is told of accounts whose mailboxes were changed here.

    All methods raise :exc:`NotFound` for an unknown account and :exc:`Unavailable` for one whose
    mailbox cannot be read just now, beside what the provider raises.
    """

    def __init__(
        self,
        store: Store,
        directory: Directory,
        provider_of: Callable[[Account], Awaitable[WholeProvider]],
        *,
        look_again: Callable[[str], None] = lambda account: None,
        folds: bool = True,
        threading: Callable[[Account], bool] = lambda account: False,
    ) -> None:
        self._store = store
        self._threading = threading  # whether ids of threads are computed
        self._access = MailboxAccess(store, directory, provider_of)
        self._look_again = look_again
        self._folds = folds  # quoted history in web-safe HTML (contract B-058)

    # Messages

    async def list(self, account: str, path: str, wish: PageWish) -> MessagePage:
        provider = await self._access.provider(account)
        with as_unavailable():
            return await self._page(account, await provider.list_messages(path, wish))

    async def search(
        self, account: str, path: str | None, query: SearchQuery, wish: PageWish
    ) -> MessagePage:
        """Without a path in All Mail where there is one, else in INBOX."""
        provider = await self._access.provider(account)
        with as_unavailable():
            if path is None:
                everything = await provider.find_mailbox(SpecialUse.ALL)
                path = "INBOX" if everything is None else everything.path
            query = await self._known(account, provider, path, query)
            return await self._page(account, await provider.search(path, query, wish))

    async def read(
        self, account: str, message: str, wish: TextWish, *, mark_seen: bool = False
    ) -> MessageDetails:
        provider = await self._access.provider(account)

        def choose(row: Fetched) -> Sequence[PartWish]:
            if not wish.is_any or row.structure is None:
                return ()
            return wanted_parts(row.structure, wish)

        with as_unavailable():
            read = await provider.read_message(message, choose=choose, mark_seen=mark_seen)
        text = await self._text(read, wish) if wish.is_any else None
        found = read.found
        details = details_of(
            found.row,
            message=found.message,
            path=found.path,
            special_use=read.mailbox.special_use,
            text=text,
        )
        shown = await with_bounces(self._store, account, [details.summary])
        if self._threading(await self._access.account(account)):
            shown = await with_threads(self._store, account, shown, [found.row])
        assert isinstance(shown[0], MessageSummary)
        return replace(details, summary=shown[0])

    async def read_text(self, account: str, text: str, wish: TextWish) -> MessageText:
        provider = await self._access.provider(account)
        key = unpack_text(text)
        if key is None:
            raise NotFound("Requested text was not found", code="MessageNotFound")
        only = frozenset((*key.plain, *key.html))

        def choose(row: Fetched) -> Sequence[PartWish]:
            if row.structure is None:
                return ()
            return wanted_parts(row.structure, wish, only=only)

        with as_unavailable():
            likely = (*(key.plain if wish.plain else ()), *(key.html if wish.html else ()))
            read = await provider.read_message(key.message, choose=choose, likely=likely)
        return await self._text(read, wish, only=only)

    async def open_source(self, account: str, message: str) -> SourceStream:
        provider = await self._access.provider(account)
        with as_unavailable():
            return await provider.open_source(message)

    async def open_attachment(self, account: str, attachment: str) -> PartStream:
        provider = await self._access.provider(account)
        key = unpack_attachment(attachment)
        if key is None:
            raise NotFound("Requested attachment was not found", code="MessageNotFound")
        with as_unavailable():
            return await provider.open_part(key.message, key.part)

    # Changes

    async def change_flags(
        self, account: str, message: str, flags: FlagChange, labels: FlagChange | None
    ) -> FlagChange | None:
        """The change of labels that was made: none where the provider has none."""
        provider = await self._access.provider(account)
        with as_unavailable():
            await provider.change_flags(message, flags, labels)
        return labels if provider.traits.has_labels else None

    async def move(self, account: str, message: str, path: str) -> Moved:
        provider = await self._access.provider(account)
        with as_unavailable():
            return await provider.move(message, path)

    async def remove(self, account: str, message: str, *, force: bool) -> Removal:
        provider = await self._access.provider(account)
        with as_unavailable():
            return await provider.remove(message, force=force)

    async def change_flags_of(
        self,
        account: str,
        path: str,
        query: SearchQuery,
        flags: FlagChange,
        labels: FlagChange | None,
    ) -> FlagChange | None:
        """As :meth:`change_flags`, for all that match."""
        provider = await self._access.provider(account)
        with as_unavailable():
            query = await self._known(account, provider, path, query)
            await provider.change_flags_of(path, query, flags, labels)
        return labels if provider.traits.has_labels else None

    async def move_all(
        self, account: str, path: str, query: SearchQuery, destination: str
    ) -> BulkMoved:
        provider = await self._access.provider(account)
        with as_unavailable():
            query = await self._known(account, provider, path, query)
            return await provider.move_all(path, query, destination)

    async def remove_all(
        self, account: str, path: str, query: SearchQuery, *, force: bool
    ) -> BulkRemoval:
        provider = await self._access.provider(account)
        with as_unavailable():
            query = await self._known(account, provider, path, query)
            return await provider.remove_all(path, query, force=force)

    async def upload(self, account: str, request: UploadRequest) -> Uploaded:
        configured = await self._access.account(account)
        if configured.kind is AccountKind.SENDING and request.message.reference is not None:
            raise Invalid(  # contract B-125
                "The account has no mailbox to look the reference up in",
                code="ReferenceNotSupported",
            )
        provider = await self._access.provider(account)
        with as_unavailable():
            return await upload(provider, configured, request, now=self._store.now())

    # Mailboxes

    async def mailboxes(self, account: str, *, counters: bool) -> Sequence[MailboxEntry]:
        """Mailboxes as the server lists them; as last seen while it cannot be asked. B-065."""
        configured = await self._access.account(account)
        if not configured.is_sandbox and not counters:
            state = await self._access.state(configured)
            if state in (AccountState.INIT, AccountState.UNSET):
                check_state(state)
            seen = await self._seen(account)
            try:
                check_state(state)
                entries = await self._entries(account, counters=False)
            except (Unavailable, TimedOut):
                if not seen:
                    raise
                return seen
            known = {entry.mailbox.path: entry for entry in seen}
            return [_with_counts(entry, known.get(entry.mailbox.path)) for entry in entries]
        return await self._entries(account, counters=counters)

    async def create_mailbox(self, account: str, levels: Sequence[str]) -> MadeMailbox:
        provider = await self._access.provider(account)
        with as_unavailable():
            made = await provider.create_mailbox(levels)
        self._look_again(account)
        return made

    async def rename_mailbox(self, account: str, path: str, levels: Sequence[str]) -> str:
        provider = await self._access.provider(account)
        with as_unavailable():
            renamed = await provider.rename_mailbox(path, levels)
        self._look_again(account)
        return renamed

    async def subscribe(self, account: str, path: str, *, subscribed: bool) -> bool:
        provider = await self._access.provider(account)
        with as_unavailable():
            return await provider.subscribe(path, subscribed=subscribed)

    async def delete_mailbox(self, account: str, path: str) -> bool:
        """False when the server refuses; what is known of it is forgotten all the same. B-080."""
        provider = await self._access.provider(account)
        with as_unavailable():
            is_deleted = await provider.delete_mailbox(path)
            there = () if is_deleted else await provider.mailboxes()
        for mailbox in there:
            if path != "*" and matches(mailbox, (path,)):
                await begin_again(self._store, account, mailbox.path)
                break
        self._look_again(account)
        return is_deleted

    async def quota(self, account: str) -> Quota | None:
        provider = await self._access.provider(account)
        with as_unavailable():
            return await provider.quota()

    # Private

    async def _page(self, account: str, found: FoundPage) -> MessagePage:
        if sum([one.known is None for one in found.items]) <= _SLOW_ROWS:
            page = _shown(found)
        else:
            page = await asyncio.to_thread(_shown, found)
        if found.remember is not None:
            found.remember(page.items)
        items = await with_bounces(self._store, account, page.items)
        if self._threading(await self._access.account(account)):
            rows = [one.row for one in found.items]
            items = await with_threads(self._store, account, items, rows)
        return replace(page, items=items)

    async def _known(
        self, account: str, provider: WholeProvider, path: str, query: SearchQuery
    ) -> SearchQuery:
        """A query of which the index answers what the server cannot."""
        if not (query.thread_id or query.email_id or query.email_ids):
            return query
        if not self._threading(await self._access.account(account)):
            return query
        use = next((use for use in SpecialUse if use.lower() == path.lower()), None)
        if use is not None and (found := await provider.find_mailbox(use)) is not None:
            path = found.path
        path = "INBOX" if path.upper() == "INBOX" else path
        return await with_known(self._store, account, path, query)

    async def _text(
        self, read: ReadMessage, wish: TextWish, *, only: frozenset[str] | None = None
    ) -> MessageText:
        root = read.found.row.structure
        if root is None:
            return MessageText()
        size = sum(len(body.octets) for body in read.bodies)
        if size <= LARGE_BYTES:
            return assemble(root, read.bodies, wish, only=only, folds=self._folds)
        return await asyncio.to_thread(
            assemble, root, read.bodies, wish, only=only, folds=self._folds
        )

    async def _entries(self, account: str, *, counters: bool) -> Sequence[MailboxEntry]:
        provider = await self._access.provider(account)
        with as_unavailable():
            return await provider.entries(counters=counters)

    async def _seen(self, account: str) -> Sequence[MailboxEntry]:
        """The listing and the counts that the synchronisation left."""

        async def unit(tx: Tx) -> Sequence[MailboxEntry]:
            cursors = await tx.messages.cursors(account)
            entries = []
            for mailbox in decode_listing(await tx.messages.listing(account)):
                parent, name = split_path(mailbox.path, mailbox.delimiter)
                entry = MailboxEntry(mailbox, parent_path=parent, name=name)
                entries.append(_counted(entry, cursors.get(mailbox.path)))
            return in_order(entries)

        return await self._store.read(unit)


def _shown(found: FoundPage) -> MessagePage:
    return MessagePage(
        items=tuple(
            [
                entry_of(one.row, message=one.message, path=one.path)
                if one.known is None
                else entry_again(one.known, one.row)
                for one in found.items
            ]
        ),
        total=found.total,
        page=found.page,
        pages=found.pages,
        next_cursor=found.next_cursor,
        prev_cursor=found.prev_cursor,
    )


def _counted(entry: MailboxEntry, cursor: MailboxCursor | None) -> MailboxEntry:
    if cursor is None:
        return entry
    return replace(entry, messages=cursor.messages, uid_next=cursor.uidnext)


def _with_counts(entry: MailboxEntry, seen: MailboxEntry | None) -> MailboxEntry:
    if seen is None or seen.messages is None:
        return entry
    return replace(entry, messages=seen.messages, uid_next=seen.uid_next)
