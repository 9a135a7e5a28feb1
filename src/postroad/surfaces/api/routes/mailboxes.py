"""Mailboxes: list, create, rename, subscribe, delete."""

from __future__ import annotations

from msgspec import UNSET

from postroad.domain.errors import FieldProblem, Invalid
from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.mailboxes import (
    CreateMailboxAnswer,
    CreateMailboxBody,
    DeleteMailboxAnswer,
    ListMailboxesAnswer,
    ListMailboxesQuery,
    MailboxEntryAnswer,
    MailboxQuery,
    UpdateMailboxAnswer,
    UpdateMailboxBody,
    path_of,
)

TAG = "Mailbox"
STATUSES = (400, 404, 503, 504)


@operation(
    "GET",
    "/v1/account/{account}/mailboxes",
    tag=TAG,
    action=Action.READ,
    group=Group.MAILBOX,
    statuses=STATUSES,
    is_bounded=True,
)
async def list_mailboxes(
    ctx: Context, account: str, query: ListMailboxesQuery
) -> ListMailboxesAnswer:
    """List the mailboxes of an account, special ones first; counters are asked from the server."""
    entries = await ctx.engine.mail.mailboxes(account, counters=query.counters)
    return ListMailboxesAnswer(mailboxes=[MailboxEntryAnswer.of(entry) for entry in entries])


@operation(
    "POST",
    "/v1/account/{account}/mailbox",
    tag=TAG,
    action=Action.WRITE,
    group=Group.MAILBOX,
    statuses=STATUSES,
    is_bounded=True,
)
async def create_mailbox(
    ctx: Context, account: str, body: CreateMailboxBody
) -> CreateMailboxAnswer:
    """Create a mailbox, given as a path or level by level."""
    return CreateMailboxAnswer.of(await ctx.engine.mail.create_mailbox(account, body.path))


@operation(
    "PUT",
    "/v1/account/{account}/mailbox",
    tag=TAG,
    action=Action.WRITE,
    group=Group.MAILBOX,
    statuses=STATUSES,
    is_bounded=True,
)
async def update_mailbox(
    ctx: Context, account: str, body: UpdateMailboxBody
) -> UpdateMailboxAnswer:
    """Rename a mailbox, change its subscription, or both; a renamed one is subscribed to."""
    if body.newPath is UNSET and body.subscribed is UNSET:
        raise Invalid(fields=[FieldProblem("newPath", '"newPath" or "subscribed" is required')])
    path = path_of(body.path)
    answer = UpdateMailboxAnswer(path=path)
    subscribed = body.subscribed
    if body.newPath is not UNSET:
        answer.newPath = await ctx.engine.mail.rename_mailbox(account, path, body.newPath)
        answer.renamed = True
        subscribed = True if subscribed is UNSET else subscribed
    if subscribed is not UNSET:
        place = path if answer.newPath is UNSET else answer.newPath
        answer.subscribed = subscribed
        if not await ctx.engine.mail.subscribe(account, place, subscribed=subscribed):
            answer.subscribed = not subscribed
    return answer


@operation(
    "DELETE",
    "/v1/account/{account}/mailbox",
    tag=TAG,
    action=Action.DESTRUCTIVE,
    group=Group.MAILBOX,
    statuses=STATUSES,
    is_bounded=True,
)
async def delete_mailbox(ctx: Context, account: str, query: MailboxQuery) -> DeleteMailboxAnswer:
    """Delete a mailbox with everything in it; ``deleted`` is false when the server refuses."""
    path = path_of(query.path)
    is_deleted = await ctx.engine.mail.delete_mailbox(account, path)
    return DeleteMailboxAnswer(path=path, deleted=is_deleted)
