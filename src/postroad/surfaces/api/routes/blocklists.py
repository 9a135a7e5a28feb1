"""Suppression lists."""

from __future__ import annotations

from postroad.domain.suppression import SuppressionSource
from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.blocklists import (
    AddToBlocklistAnswer,
    AddToBlocklistBody,
    BlocklistAnswer,
    BlocklistEntryAnswer,
    BlocklistsAnswer,
    BlocklistSizeAnswer,
    ReleaseAnswer,
    ReleaseQuery,
)
from postroad.surfaces.api.schemas.members import Paging

TAG = "Blocklists"
MAX_USER_AGENT_CHARS = 1024


@operation("GET", "/v1/blocklists", tag=TAG, action=Action.READ, group=Group.BLOCKLIST)
async def list_blocklists(ctx: Context, query: Paging) -> BlocklistsAnswer:
    """List the suppression lists that have anybody on them, with their sizes."""
    page = await ctx.engine.suppression.lists(query.page, query.pageSize)
    return BlocklistsAnswer(
        total=page.total,
        page=page.page,
        pages=page.pages,
        blocklists=[BlocklistSizeAnswer.of(item) for item in page.items],
    )


@operation(
    "GET",
    "/v1/blocklist/{listId}",
    tag=TAG,
    action=Action.READ,
    group=Group.BLOCKLIST,
    statuses=(400, 404),
)
async def list_blocklist(ctx: Context, list_id: str, query: Paging) -> BlocklistAnswer:
    """List the addresses on one suppression list."""
    page = await ctx.engine.suppression.entries(list_id, query.page, query.pageSize)
    return BlocklistAnswer(
        listId=list_id,
        total=page.total,
        page=page.page,
        pages=page.pages,
        addresses=[BlocklistEntryAnswer.of(entry) for entry in page.items],
    )


@operation(
    "POST",
    "/v1/blocklist/{listId}",
    tag=TAG,
    action=Action.WRITE,
    group=Group.BLOCKLIST,
    statuses=(400, 404),
)
async def add_to_blocklist(
    ctx: Context, list_id: str, body: AddToBlocklistBody
) -> AddToBlocklistAnswer:
    """Put an address onto a suppression list; the list is there from its first address on."""
    user_agent = ctx.headers.get(b"user-agent", b"").decode("latin-1")[:MAX_USER_AGENT_CHARS]
    is_new = await ctx.engine.suppression.add(
        list_id,
        str(body.recipient),
        account=body.account.strip(),
        source=SuppressionSource.API,
        reason=body.reason.strip(),
        remote_address=ctx.actor.address or None,
        user_agent=user_agent or None,
    )
    return AddToBlocklistAnswer(success=True, added=is_new)


@operation(
    "DELETE",
    "/v1/blocklist/{listId}",
    tag=TAG,
    action=Action.DESTRUCTIVE,
    group=Group.BLOCKLIST,
    statuses=(400, 404),
)
async def release_from_blocklist(ctx: Context, list_id: str, query: ReleaseQuery) -> ReleaseAnswer:
    """Take an address off a suppression list, for all accounts."""
    return ReleaseAnswer(deleted=await ctx.engine.suppression.remove(list_id, str(query.recipient)))
