"""Ids of messages and threads that were computed, where the server knows none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postroad.domain.message import MessageSummary, UnreadMessage
from postroad.engine.sync.arrivals import fingerprint_of
from postroad.engine.sync.threads import email_name, thread_name, thread_node
from postroad.protocol.imap.fetch import Fetched
from postroad.store import Store

Shown = MessageSummary | UnreadMessage


async def with_threads(
    store: Store, account: str, shown: Sequence[Shown], rows: Sequence[Fetched]
) -> tuple[Shown, ...]:
    """Put ``threadId`` and ``emailId`` in where they lack; ``rows`` is what each was made of."""
    nodes = {
        one.message_id: thread_node(one.message_id)
        for one in shown
        if isinstance(one, MessageSummary) and one.thread_id is None and one.message_id
    }
    if not nodes:
        return tuple(shown)
    threads = await store.read(
        lambda tx: tx.messages.threads_of(account, list(nodes.values())), quick=True
    )
    return tuple(
        _filled(one, row, account, threads.get(nodes.get(one.message_id or "", 0)))
        if isinstance(one, MessageSummary)
        else one
        for one, row in zip(shown, rows, strict=True)
    )


def _filled(
    summary: MessageSummary, row: Fetched, account: str, thread: int | None
) -> MessageSummary:
    if summary.thread_id is not None or thread is None:
        return summary
    email_id = summary.email_id
    if email_id is None and row.internal_date is not None:
        email_id = email_name(fingerprint_of(account, row, summary.message_id))
    return replace(summary, thread_id=thread_name(thread), email_id=email_id)
