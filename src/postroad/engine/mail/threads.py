"""Ids of messages and threads that were computed, where the server knows none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postroad.domain.mailbox_state import Indexer
from postroad.domain.message import MessageSummary, UnreadMessage
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
    """Put ``threadId`` and ``emailId`` in where they lack; ``rows`` is what each was made of."""
    identities = [
        identity_of(one, row.internal_date)
        if isinstance(one, MessageSummary) and one.thread_id is None
        else None
        for one, row in zip(shown, rows, strict=True)
    ]
    nodes = [0 if one is None else thread_node(one) for one in identities]
    wanted = {node for node in nodes if node}
    if not wanted:
        return tuple(shown)
    threads = await store.read(lambda tx: tx.threads.names(account, wanted), quick=True)
    filled: list[Shown] = []
    for one, row, identity, node in zip(shown, rows, identities, nodes, strict=True):
        thread = threads.get(node)
        if isinstance(one, MessageSummary) and identity is not None and thread is not None:
            email_id = one.email_id or email_name(fingerprint_of(account, row, identity))
            one = replace(one, thread_id=thread_name(thread), email_id=email_id)
        filled.append(one)
    return tuple(filled)


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
