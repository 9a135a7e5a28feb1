"""Messages: list, search, read, change."""

from __future__ import annotations

from msgspec import UNSET

from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.changes import (
    DeleteMessageAnswer,
    DeleteMessageQuery,
    FlagsAnswer,
    MoveAnswer,
    MoveBody,
    UpdateMessageAnswer,
    UpdateMessageBody,
)
from postroad.surfaces.api.schemas.mailboxes import path_of
from postroad.surfaces.api.schemas.messages import (
    ListMessagesAnswer,
    ListMessagesQuery,
    MessageAnswer,
    MessageQuery,
    SearchBody,
    SearchQueryString,
    TextAnswer,
    TextQuery,
)
from postroad.surfaces.api.schemas.upload import UploadAnswer, UploadBody
from postroad.surfaces.api.stream import Stream

TAG = "Message"
STATUSES = (400, 404, 502, 503, 504)
_TEXT = {"type": "string"}


@operation(
    "GET",
    "/v1/account/{account}/messages",
    tag=TAG,
    action=Action.READ,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def list_messages(ctx: Context, account: str, query: ListMessagesQuery) -> ListMessagesAnswer:
    """List one page of a mailbox, newest first."""
    path = path_of(query.path)
    return ListMessagesAnswer.of(await ctx.engine.mail.list(account, path, query.to_wish()))


@operation(
    "POST",
    "/v1/account/{account}/search",
    tag=TAG,
    action=Action.READ,
    group=Group.MESSAGE,
    statuses=(*STATUSES, 422),
    is_bounded=True,
)
async def search_messages(
    ctx: Context, account: str, query: SearchQueryString, body: SearchBody
) -> ListMessagesAnswer:
    """Search in one mailbox; without a path in All Mail where there is one, else in INBOX."""
    path = None if query.path is UNSET else path_of(query.path)
    wanted = body.search.to_domain()
    return ListMessagesAnswer.of(
        await ctx.engine.mail.search(account, path or None, wanted, query.to_wish())
    )


@operation(
    "GET",
    "/v1/account/{account}/message/{message}",
    tag=TAG,
    action=Action.READ,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def get_message(
    ctx: Context, account: str, message: str, query: MessageQuery
) -> MessageAnswer:
    """Show a message; its bodies only when ``textType`` or ``webSafeHtml`` asks for them."""
    wish = query.to_wish()
    details = await ctx.engine.mail.read(account, message, wish, mark_seen=query.markAsSeen)
    return MessageAnswer.of(details, wish)


@operation(
    "GET",
    "/v1/account/{account}/message/{message}/source",
    tag=TAG,
    action=Action.READ,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
    answer_type="message/rfc822",
    answer_schema=_TEXT,
)
async def get_source(ctx: Context, account: str, message: str) -> Stream:
    """Download a message as it lies in the mailbox."""
    source = await ctx.engine.mail.open_source(account, message)
    return Stream(source.chunks, "message/rfc822", f"message_{message}.eml", source.size)


@operation(
    "GET",
    "/v1/account/{account}/attachment/{attachment}",
    tag=TAG,
    action=Action.READ,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
    answer_type="application/octet-stream",
    answer_schema=_TEXT,
)
async def get_attachment(ctx: Context, account: str, attachment: str) -> Stream:
    """Download an attachment, decoded."""
    part = await ctx.engine.mail.open_attachment(account, attachment)
    content_type = part.info.content_type
    if part.charset is not None:
        content_type += f"; charset={part.charset}"
    return Stream(part.chunks, content_type, part.info.filename, part.size)


@operation(
    "GET",
    "/v1/account/{account}/text/{text}",
    tag=TAG,
    action=Action.READ,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def get_text(ctx: Context, account: str, text: str, query: TextQuery) -> TextAnswer:
    """Show the bodies of a message by the text id that lists and details tell."""
    wish = query.to_wish()
    return TextAnswer.of(await ctx.engine.mail.read_text(account, text, wish), wish)


@operation(
    "PUT",
    "/v1/account/{account}/message/{message}",
    tag=TAG,
    action=Action.WRITE,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def update_message(
    ctx: Context, account: str, message: str, body: UpdateMessageBody
) -> UpdateMessageAnswer:
    """Add, remove or replace flags, and labels where the provider has them."""
    flags, labels = body.to_flags(), body.to_labels()
    labels = await ctx.engine.mail.change_flags(account, message, flags, labels)
    return UpdateMessageAnswer(flags=FlagsAnswer.of(flags), labels=FlagsAnswer.of(labels))


@operation(
    "PUT",
    "/v1/account/{account}/message/{message}/move",
    tag=TAG,
    action=Action.WRITE,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def move_message(ctx: Context, account: str, message: str, body: MoveBody) -> MoveAnswer:
    """Move a message to another mailbox; its old id is of no use afterwards."""
    return MoveAnswer.of(await ctx.engine.mail.move(account, message, path_of(body.path)))


@operation(
    "DELETE",
    "/v1/account/{account}/message/{message}",
    tag=TAG,
    action=Action.DESTRUCTIVE,
    group=Group.MESSAGE,
    statuses=STATUSES,
    is_bounded=True,
)
async def delete_message(
    ctx: Context, account: str, message: str, query: DeleteMessageQuery
) -> DeleteMessageAnswer:
    """Move a message to the trash; from Trash and Junk, or with ``force``, it goes for good."""
    removal = await ctx.engine.mail.remove(account, message, force=query.force)
    return DeleteMessageAnswer.of(removal)


@operation(
    "POST",
    "/v1/account/{account}/message",
    tag=TAG,
    action=Action.WRITE,
    group=Group.MESSAGE,
    statuses=(*STATUSES, 413, 422),
    is_upload=True,
    is_bounded=True,
)
async def upload_message(ctx: Context, account: str, body: UploadBody) -> UploadAnswer:
    """Compose a message, or take a raw one, and file it in a mailbox."""
    request = body.to_upload(max_chars=ctx.max_chars)
    return UploadAnswer.of(await ctx.engine.mail.upload(account, request))
