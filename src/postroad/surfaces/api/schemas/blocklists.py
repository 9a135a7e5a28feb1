"""Suppression lists as JSON, where they are called blocklists. Contract B-253, B-254."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from postroad.domain.suppression import MAX_REASON_CHARS, ListSize, Suppressed
from postroad.surfaces.api.schemas.formats import Email, iso
from postroad.surfaces.api.schemas.members import AccountName, Answer, Request

_REASON = {"trim": True, "pattern": "must not contain line breaks"}
# Everything is bounded; the reason is told with each recipient that is left out.
Reason = Annotated[str, Meta(max_length=MAX_REASON_CHARS, pattern=r"\A[^\r\n]*\Z", extra=_REASON)]


class AddToBlocklistBody(Request):
    """An address to put onto a list."""

    account: AccountName
    recipient: Email
    reason: Reason = "block"


class ReleaseQuery(Request):
    recipient: Email


class AddToBlocklistAnswer(Answer):
    success: bool
    added: bool


class ReleaseAnswer(Answer):
    deleted: bool


class BlocklistEntryAnswer(Answer):
    recipient: str
    account: str
    created: str
    messageId: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    remoteAddress: str | UnsetType = UNSET
    userAgent: str | UnsetType = UNSET

    @classmethod
    def of(cls, entry: Suppressed) -> BlocklistEntryAnswer:
        return cls(
            recipient=entry.recipient,
            account=entry.account,
            created=iso(entry.created_at),
            messageId=entry.message_id or UNSET,
            source=entry.source,
            reason=entry.reason,
            remoteAddress=entry.remote_address or UNSET,
            userAgent=entry.user_agent or UNSET,
        )


class BlocklistAnswer(Answer):
    listId: str
    total: int
    page: int
    pages: int
    addresses: list[BlocklistEntryAnswer]


class BlocklistSizeAnswer(Answer):
    listId: str
    count: int

    @classmethod
    def of(cls, size: ListSize) -> BlocklistSizeAnswer:
        return cls(listId=size.list_id, count=size.count)


class BlocklistsAnswer(Answer):
    total: int
    page: int
    pages: int
    blocklists: list[BlocklistSizeAnswer]
