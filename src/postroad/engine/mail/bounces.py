"""The bounces that are remembered of messages, put beside them where they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postroad.domain.message import MessageSummary, UnreadMessage
from postroad.domain.sent import Returned, bare_id
from postroad.store import Store

Shown = MessageSummary | UnreadMessage

_IDS_AT_ONCE = 250


async def with_bounces(store: Store, account: str, shown: Sequence[Shown]) -> tuple[Shown, ...]:
    """Messages with their bounces, found by Message-ID. Contract B-062, B-196."""
    ids = [one.message_id for one in shown if isinstance(one, MessageSummary) and one.message_id]
    bounces: dict[str, list[Returned]] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        bounces |= await store.read(
            lambda tx, some=some: tx.returned.bounces_of(account, some),  # type: ignore[misc]  # a default cannot be inferred
            quick=True,
        )
    if not bounces:
        return tuple(shown)
    return tuple(_with(one, bounces) if isinstance(one, MessageSummary) else one for one in shown)


def _with(summary: MessageSummary, bounces: dict[str, list[Returned]]) -> MessageSummary:
    found = bounces.get(bare_id(summary.message_id or ""))
    return replace(summary, bounces=tuple(found)) if found else summary
