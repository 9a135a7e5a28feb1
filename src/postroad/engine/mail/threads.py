"""Ids of messages and threads that were computed, where the server knows none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postroad.domain.mailbox_state import Indexer
from postroad.domain.message import MessageSummary, UnreadMessage
from postroad.domain.message_id import unpack_message
from postroad.domain.message_index import Chunk
from postroad.domain.search import SearchQuery
from postroad.engine.sync.arrivals import fingerprint_of
from postroad.engine.sync.threads import (
    email_name,
    identity_of,
    parse_name,
    thread_name,
    thread_node,
)
from postroad.protocol.imap.fetch import Fetched
from postroad.store import Store, Tx

Shown = MessageSummary | UnreadMessage

_CHUNKS_AT_A_TIME = 50
_MAX_MEMBERS = 100_000  # of one thread that is searched for


async def with_threads(
    store: Store, account: str, shown: Sequence[Shown], rows: Sequence[Fetched]
) -> tuple[Shown, ...]:
    """Put ``threadId`` and ``emailId`` in where they lack; ``rows`` is what each was made of.

    What the index remembers of a message goes before what it is called: servers and we may differ
    about a message with two names.
    """
    lacking = [
        (one, row)
        for one, row in zip(shown, rows, strict=True)
        if isinstance(one, MessageSummary) and one.thread_id is None
    ]
    if not lacking:
        return tuple(shown)

    async def unit(tx: Tx) -> dict[str, tuple[int, int]]:
        """Thread and fingerprint by the id of the message."""
        nodes = await _remembered(tx, account, [one for one, _ in lacking])
        for one, row in lacking:
            if one.message not in nodes:
                identity = identity_of(one, row.internal_date)
                print_ = fingerprint_of(account, row, identity)
                nodes[one.message] = thread_node(identity), print_
        names = await tx.threads.names(account, {node for node, _ in nodes.values()})
        return {
            message: (names[node], print_)
            for message, (node, print_) in nodes.items()
            if node in names
        }

    threads = await store.read(unit, quick=True)
    return tuple(
        _filled(one, threads.get(one.message)) if isinstance(one, MessageSummary) else one
        for one in shown
    )


def _filled(one: MessageSummary, known: tuple[int, int] | None) -> MessageSummary:
    if one.thread_id is not None or known is None:
        return one
    thread, print_ = known
    email_id = one.email_id or email_name(print_)
    return replace(one, thread_id=thread_name(thread), email_id=email_id)


async def _remembered(
    tx: Tx, account: str, messages: Sequence[MessageSummary]
) -> dict[str, tuple[int, int]]:
    """Node and fingerprint of those that the index has read for their threads."""
    found: dict[str, tuple[int, int]] = {}
    cursors = {path: await tx.messages.cursor(account, path) for path in {m.path for m in messages}}
    number, chunk = 0, Chunk()
    for message in sorted(messages, key=lambda one: (one.path, one.uid or 0)):
        cursor, key = cursors[message.path], unpack_message(message.message)
        if cursor is None or key is None or key.mailbox != cursor.number:
            continue
        at = chunk.find(key.uid) if number == key.mailbox else None
        if at is None:
            try:
                held = await tx.messages.chunk_of(account, key.mailbox, key.uid)
            except ValueError:
                held = None  # the next look makes it anew
            number, chunk = key.mailbox, held[1] if held is not None else Chunk()
            at = chunk.find(key.uid)
        if at is not None and chunk.nodes[at]:
            found[message.message] = chunk.nodes[at], chunk.prints[at]
    return found


async def with_known(store: Store, account: str, path: str, query: SearchQuery) -> SearchQuery:
    """Put in which messages have the computed ids that a query asks for.

    A query without such ids, or about a mailbox of which single messages are not remembered, is
    left as it is.
    """
    threads = [] if query.thread_id is None else [parse_name(query.thread_id)]
    emails = [parse_name(one) for one in query.email_ids]
    if query.email_id is not None:
        emails = [one for one in (parse_name(query.email_id),) if not emails or one in emails]
        emails = emails or [0]  # nothing is both
    if None in threads or None in emails or not (threads or emails):
        return query

    async def unit(tx: Tx) -> SearchQuery:
        cursor = await tx.messages.cursor(account, path)
        if cursor is None or cursor.indexer is not Indexer.FULL:
            return query
        members: set[int | None] = set()
        for thread in threads:
            if thread is not None:
                members.update(await tx.threads.members(account, thread, limit=_MAX_MEMBERS))
        prints = set(emails)
        found: list[int] = []
        first = 1
        while chunks := await tx.messages.chunks(
            account, cursor.number, from_uid=first, limit=_CHUNKS_AT_A_TIME
        ):
            for first_uid, chunk in chunks:
                first = first_uid + 1
                found += [
                    uid
                    for uid, node, print_ in zip(chunk.uids, chunk.nodes, chunk.prints, strict=True)
                    if (not threads or node in members) and (not emails or print_ in prints)
                ]
        return replace(query, known_uids=tuple(found))

    return await store.read(unit)
