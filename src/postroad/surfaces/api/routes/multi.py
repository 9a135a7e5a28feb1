"""One change for all messages of a mailbox that match."""

from __future__ import annotations

from msgspec import UNSET

from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.changes import (
    DeleteMessagesAnswer,
    DeleteMessagesBody,
    DeleteMessagesQuery,
    FlagsAnswer,
    MoveMessagesAnswer,
    MoveMessagesBody,
    PathQuery,
    UpdateMessageAnswer,
    UpdateMessageBody,
    UpdateMessagesBody,
)
from postroad.surfaces.api.schemas.mailboxes import path_of

TAG = "Multi Message Actions"
STATUSES = (400, 404, 422, 502, 503, 504)


@operation(
    "PUT",
    "/v1/account/{account}/messages",
    tag=TAG,
    action=Action.WRITE,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def update_messages(
    ctx: Context, account: str, query: PathQuery, body: UpdateMessagesBody
) -> UpdateMessageAnswer:
    """Change flags and labels of all messages that match."""
    update = UpdateMessageBody() if body.update is UNSET else body.update
    flags, labels = update.to_flags(), update.to_labels()
    labels = await ctx.engine.mail.change_flags_of(
        account, path_of(query.path), body.search.to_domain(), flags, labels
    )
    return UpdateMessageAnswer(flags=FlagsAnswer.of(flags), labels=FlagsAnswer.of(labels))


@operation(
    "PUT",
    "/v1/account/{account}/messages/move",
    tag=TAG,
    action=Action.WRITE,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def move_messages(
    ctx: Context, account: str, query: PathQuery, body: MoveMessagesBody
) -> MoveMessagesAnswer:
    """Move all messages that match; ``idMap`` pairs old ids with new ones."""
    moved = await ctx.engine.mail.move_all(
        account, path_of(query.path), body.search.to_domain(), path_of(body.path)
    )
    return MoveMessagesAnswer.of(moved)


@operation(
    "PUT",
    "/v1/account/{account}/messages/delete",
    tag=TAG,
    action=Action.DESTRUCTIVE,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def delete_messages(
    ctx: Context, account: str, query: DeleteMessagesQuery, body: DeleteMessagesBody
) -> DeleteMessagesAnswer:
    """Move all messages that match to the trash, or remove them as for a single one."""
    removal = await ctx.engine.mail.remove_all(
        account, path_of(query.path), body.search.to_domain(), force=query.force
    )
    return DeleteMessagesAnswer.of(removal)
