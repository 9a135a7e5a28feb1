"""Messages as JSON: lists, details, bodies. Contract §4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from postroad.domain.address import Address
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import (
    AttachmentInfo,
    MessageDetails,
    MessagePage,
    MessageSummary,
    MessageText,
    TextInfo,
    TextWish,
    UnreadMessage,
)
from postroad.domain.sent import Returned
from postroad.engine.providers.results import PageWish
from postroad.surfaces.api.schemas.formats import No, iso
from postroad.surfaces.api.schemas.mailboxes import SpecialUseName
from postroad.surfaces.api.schemas.members import Answer, MailboxPath, Paging, Request, given
from postroad.surfaces.api.schemas.search import Search

Cursor = Annotated[str, Meta(max_length=1_048_576, extra={"trim": True})]
MessageUse = Literal["\\Drafts", "\\Junk", "\\Sent", "\\Trash", "\\Inbox"]
TextType = Annotated[Literal["html", "plain", "*"], Meta(extra={"lower": True})]
MaxBytes = Annotated[int, Meta(ge=0, le=1_073_741_824)]
_MESSAGE_USES: dict[SpecialUse, MessageUse] = {
    SpecialUse.DRAFTS: "\\Drafts",
    SpecialUse.JUNK: "\\Junk",
    SpecialUse.SENT: "\\Sent",
    SpecialUse.TRASH: "\\Trash",
    SpecialUse.INBOX: "\\Inbox",
}


class CursorPaging(Paging):
    cursor: Cursor | UnsetType = UNSET

    def to_wish(self) -> PageWish:
        return PageWish(self.page, self.pageSize, given(self.cursor) or None)


class ListMessagesQuery(CursorPaging, kw_only=True):
    path: MailboxPath


class SearchQueryString(CursorPaging, kw_only=True):
    path: MailboxPath | UnsetType = UNSET
    useOutlookSearch: No | UnsetType = UNSET


class SearchBody(Request):
    search: Search


class MessageQuery(Request):
    """Which bodies are wanted. ``splitReply`` is ours."""

    maxBytes: MaxBytes | UnsetType = UNSET
    textType: TextType | UnsetType = UNSET
    webSafeHtml: bool = False
    embedAttachedImages: bool | UnsetType = UNSET
    preProcessHtml: bool = False
    markAsSeen: bool = False
    splitReply: bool = False

    def to_wish(self) -> TextWish:
        """``webSafeHtml`` stands for both types, clean HTML and images in it. B-057, B-059."""
        kind = "*" if self.webSafeHtml else self.textType
        return TextWish(
            plain=kind in ("plain", "*"),
            html=kind in ("html", "*"),
            max_chars=_limit(self.maxBytes),
            is_web_safe=self.webSafeHtml or self.preProcessHtml,
            embed_images=self.webSafeHtml
            if self.embedAttachedImages is UNSET
            else self.embedAttachedImages,
            split_reply=self.splitReply,
        )


class TextQuery(Request):
    maxBytes: MaxBytes | UnsetType = UNSET
    textType: TextType = "*"
    webSafeHtml: bool = False
    splitReply: bool = False

    def to_wish(self) -> TextWish:
        kind = "*" if self.webSafeHtml else self.textType
        return TextWish(
            plain=kind in ("plain", "*"),
            html=kind in ("html", "*"),
            max_chars=_limit(self.maxBytes),
            is_web_safe=self.webSafeHtml,
            split_reply=self.splitReply,
        )


class AddressAnswer(Answer):
    address: str
    name: str | UnsetType = UNSET

    @classmethod
    def of(cls, address: Address) -> AddressAnswer:
        return cls(address=address.address, name=address.name)


class AttachmentAnswer(Answer):
    id: str
    contentType: str
    encodedSize: int
    embedded: bool
    inline: bool
    encodedInMessage: bool | UnsetType = UNSET
    contentId: str | UnsetType = UNSET
    filename: str | UnsetType = UNSET
    method: str | UnsetType = UNSET

    @classmethod
    def of(cls, info: AttachmentInfo) -> AttachmentAnswer:
        return cls(
            id=info.attachment,
            contentType=info.content_type,
            encodedSize=info.encoded_size,
            embedded=info.is_embedded,
            inline=info.is_inline,
            encodedInMessage=info.is_in_message or UNSET,
            contentId=info.content_id or UNSET,
            filename=info.filename or UNSET,
            method=info.method or UNSET,
        )


class BounceResponse(Answer):
    message: str | UnsetType = UNSET
    status: str | UnsetType = UNSET


class BounceEntry(Answer):
    """One recipient whom a message did not reach. Contract B-062."""

    message: str  # id of the bounce
    recipient: str | UnsetType = UNSET
    action: str | UnsetType = UNSET
    response: BounceResponse | UnsetType = UNSET
    date: str | UnsetType = UNSET

    @classmethod
    def of(cls, one: Returned) -> BounceEntry:
        response = BounceResponse(message=one.response or UNSET, status=one.status or UNSET)
        has_response = one.response or one.status
        return cls(
            message=one.report,
            recipient=one.recipient,
            action=one.action or UNSET,
            response=response if has_response else UNSET,
            date=iso(one.recorded_at),
        )


class EncodedSize(Answer):
    plain: int | UnsetType = UNSET
    html: int | UnsetType = UNSET

    @classmethod
    def of(cls, text: TextInfo) -> EncodedSize:
        return cls(
            plain=UNSET if text.plain_size is None else text.plain_size,
            html=UNSET if text.html_size is None else text.html_size,
        )


class TextEntry(Answer):
    """The text of a message in a list, without its contents."""

    id: str
    encodedSize: EncodedSize


class DetailsText(Answer):
    id: str | UnsetType = UNSET
    encodedSize: EncodedSize | UnsetType = UNSET
    plain: str | UnsetType = UNSET
    html: str | UnsetType = UNSET
    hasMore: bool | UnsetType = UNSET
    webSafe: bool | UnsetType = UNSET
    reply: str | UnsetType = UNSET
    quoted: str | UnsetType = UNSET


class TextAnswer(Answer):
    """Bodies alone."""

    plain: str | UnsetType = UNSET
    html: str | UnsetType = UNSET
    webSafe: bool | UnsetType = UNSET
    hasMore: bool | UnsetType = UNSET
    reply: str | UnsetType = UNSET
    quoted: str | UnsetType = UNSET

    @classmethod
    def of(cls, text: MessageText, wish: TextWish) -> TextAnswer:
        """Contract B-057: clean HTML comes alone."""
        members = _bodies(text, wish)
        if wish.is_web_safe:
            members.pop("plain", None)
        return cls(**members)


class MessageEntry(Answer):
    """A message in a list. Contract B-048."""

    id: str | UnsetType = UNSET
    uid: int | UnsetType = UNSET
    emailId: str | UnsetType = UNSET
    threadId: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    date: str | UnsetType = UNSET
    flags: list[str] | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    unseen: bool | UnsetType = UNSET
    flagged: bool | UnsetType = UNSET
    answered: bool | UnsetType = UNSET
    draft: bool | UnsetType = UNSET
    size: int | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    from_: AddressAnswer | UnsetType = field(name="from", default=UNSET)
    replyTo: list[AddressAnswer] | UnsetType = UNSET
    to: list[AddressAnswer] | UnsetType = UNSET
    cc: list[AddressAnswer] | UnsetType = UNSET
    messageId: str | UnsetType = UNSET
    inReplyTo: str | UnsetType = UNSET
    attachments: list[AttachmentAnswer] | UnsetType = UNSET
    text: TextEntry | UnsetType = UNSET
    messageSpecialUse: MessageUse | UnsetType = UNSET
    isAutoReply: bool | UnsetType = UNSET
    bounces: list[BounceEntry] | UnsetType = UNSET
    preview: str | UnsetType = UNSET
    status: str | UnsetType = UNSET  # "failed", with the reason in ``error``
    error: str | UnsetType = UNSET

    @classmethod
    def of(cls, item: MessageSummary | UnreadMessage) -> MessageEntry:
        if isinstance(item, UnreadMessage):
            return cls(uid=item.uid, status="failed", error=item.error)
        text, use, states = item.text, item.message_special_use, item.states
        # By position, in the order of the fields: a page holds a hundred and more. What is false
        # or empty is left out.
        return cls(
            item.message,
            UNSET if item.uid is None else item.uid,
            item.email_id or UNSET,
            item.thread_id or UNSET,
            item.path,
            UNSET if item.date is None else iso(item.date),
            [*item.flags],
            UNSET if item.labels is None else [*item.labels],
            "\\seen" not in states or UNSET,
            "\\flagged" in states or UNSET,
            "\\answered" in states or UNSET,
            "\\draft" in states or UNSET,
            UNSET if item.size is None else item.size,
            UNSET if item.subject is None else item.subject,
            UNSET if item.from_ is None else AddressAnswer.of(item.from_),
            _addresses(item.reply_to),
            _addresses(item.to),
            _addresses(item.cc),
            item.message_id or UNSET,
            item.in_reply_to or UNSET,
            [AttachmentAnswer.of(one) for one in item.attachments] if item.attachments else UNSET,
            UNSET if text is None else TextEntry(id=text.text_id, encodedSize=EncodedSize.of(text)),
            UNSET if use is None else _MESSAGE_USES.get(use, UNSET),
            item.is_auto_reply or UNSET,
            [BounceEntry.of(one) for one in item.bounces] if item.bounces else UNSET,
            item.preview or UNSET,
        )


class MessageAnswer(Answer):
    """A message in full."""

    id: str
    path: str
    uid: int | UnsetType = UNSET
    emailId: str | UnsetType = UNSET
    threadId: str | UnsetType = UNSET
    date: str | UnsetType = UNSET
    flags: list[str] | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    unseen: bool | UnsetType = UNSET
    flagged: bool | UnsetType = UNSET
    answered: bool | UnsetType = UNSET
    draft: bool | UnsetType = UNSET
    size: int | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    from_: AddressAnswer | UnsetType = field(name="from", default=UNSET)
    sender: AddressAnswer | UnsetType = UNSET
    replyTo: list[AddressAnswer] | UnsetType = UNSET
    to: list[AddressAnswer] | UnsetType = UNSET
    cc: list[AddressAnswer] | UnsetType = UNSET
    bcc: list[AddressAnswer] | UnsetType = UNSET
    messageId: str | UnsetType = UNSET
    inReplyTo: str | UnsetType = UNSET
    attachments: list[AttachmentAnswer] | UnsetType = UNSET
    headers: dict[str, Any] | UnsetType = UNSET
    text: DetailsText | UnsetType = UNSET
    isAutoReply: bool | UnsetType = UNSET
    bounces: list[BounceEntry] | UnsetType = UNSET
    preview: str | UnsetType = UNSET
    specialUse: SpecialUseName | UnsetType = UNSET
    messageSpecialUse: MessageUse | UnsetType = UNSET

    @classmethod
    def of(cls, details: MessageDetails, wish: TextWish) -> MessageAnswer:
        item = details.summary
        entry = MessageEntry.of(item)
        return cls(
            **{name: getattr(entry, name) for name in _SHARED},
            sender=UNSET if item.sender is None else AddressAnswer.of(item.sender),
            bcc=_addresses(item.bcc),
            headers={name: list(values) for name, values in details.headers.items()} or UNSET,
            text=_details_text(item.text, details.text, wish),
            specialUse=UNSET if details.special_use is None else details.special_use.value,
        )


# What lists and details have in common.
_SHARED = [
    name
    for name in MessageEntry.__struct_fields__
    if name in MessageAnswer.__struct_fields__ and name != "text"
]


class ListMessagesAnswer(Answer):
    total: int
    page: int
    pages: int
    nextPageCursor: str | None
    prevPageCursor: str | None
    messages: list[MessageEntry]

    @classmethod
    def of(cls, page: MessagePage) -> ListMessagesAnswer:
        return cls(
            total=page.total,
            page=page.page,
            pages=page.pages,
            nextPageCursor=page.next_cursor,
            prevPageCursor=page.prev_cursor,
            messages=[MessageEntry.of(item) for item in page.items],
        )


def _limit(value: int | UnsetType) -> int | None:
    """No limit is written as none or as zero."""
    return None if value is UNSET or value == 0 else value


def _addresses(addresses: Sequence[Address]) -> list[AddressAnswer] | UnsetType:
    return [AddressAnswer.of(address) for address in addresses] if addresses else UNSET


def _bodies(text: MessageText, wish: TextWish) -> dict[str, Any]:
    """A type that was asked for and is not there is an empty text. Contract B-055."""
    members: dict[str, Any] = {"hasMore": text.has_more}
    if wish.plain and (text.plain is not None or not wish.html):
        members["plain"] = text.plain or ""
    if wish.html and (text.html is not None or not wish.plain):
        members["html"] = text.html or ""
    if text.is_web_safe:
        members["webSafe"] = True
    if wish.split_reply:
        members["reply"] = UNSET if text.reply is None else text.reply
        members["quoted"] = UNSET if text.quoted is None else text.quoted
    return members


def _details_text(
    info: TextInfo | None, text: MessageText | None, wish: TextWish
) -> DetailsText | UnsetType:
    if info is None and text is None:
        return UNSET
    members = {} if text is None else _bodies(text, wish)
    if info is not None:
        members |= {"id": info.text_id, "encodedSize": EncodedSize.of(info)}
    return DetailsText(**members)
