"""The queue."""

from __future__ import annotations

from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.members import Paging
from postroad.surfaces.api.schemas.outbox import (
    DeleteOutboxAnswer,
    ListOutboxAnswer,
    OutboxEntryAnswer,
)

TAG = "Outbox"


@operation("GET", "/v1/outbox", tag=TAG, action=Action.READ, group=Group.OUTBOX)
async def list_outbox(ctx: Context, query: Paging) -> ListOutboxAnswer:
    """List what is scheduled, waiting, under way or lately failed, in this order."""
    page = await ctx.engine.outbox.list(query.page, query.pageSize)
    return ListOutboxAnswer(
        total=page.total,
        page=page.page,
        pages=page.pages,
        messages=[OutboxEntryAnswer.of(entry) for entry in page.items],
    )


@operation(
    "GET",
    "/v1/outbox/{queueId}",
    tag=TAG,
    action=Action.READ,
    group=Group.OUTBOX,
    statuses=(400, 404),
)
async def get_queued(ctx: Context, queue_id: str) -> OutboxEntryAnswer:
    """Show one queued message."""
    return OutboxEntryAnswer.of(await ctx.engine.outbox.get(queue_id))


@operation("DELETE", "/v1/outbox/{queueId}", tag=TAG, action=Action.DESTRUCTIVE, group=Group.OUTBOX)
async def delete_queued(ctx: Context, queue_id: str) -> DeleteOutboxAnswer:
    """Take a message out of the queue, unless an attempt is under way."""
    return DeleteOutboxAnswer(deleted=await ctx.engine.outbox.cancel(queue_id))
