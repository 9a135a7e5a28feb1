"""Mailboxes as JSON: listed, created, renamed, deleted. Contract B-064 to B-066, B-078 to B-080."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from postroad.domain.mailbox import MailboxCounters, MailboxEntry
from postroad.engine.providers.results import MadeMailbox
from postroad.surfaces.api.schemas.members import Answer, MailboxPath, Request, ShortText, given

SpecialUseName = Literal[
    "\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash", "\\Inbox"
]
Levels = Annotated[list[ShortText], Meta(min_length=1, max_length=64, extra={"single": True})]


class ListMailboxesQuery(Request):
    counters: bool = False


class CreateMailboxBody(Request):
    """A path, or its levels one by one."""

    path: Levels


class UpdateMailboxBody(Request):
    path: MailboxPath
    newPath: Levels | UnsetType = UNSET
    subscribed: bool | UnsetType = UNSET


class MailboxQuery(Request):
    path: MailboxPath


class MailboxStatus(Answer):
    """What the server counts now."""

    messages: int | UnsetType = UNSET
    unseen: int | UnsetType = UNSET
    error: str | UnsetType = UNSET

    @classmethod
    def of(cls, counters: MailboxCounters) -> MailboxStatus:
        return cls(
            messages=UNSET if counters.messages is None else counters.messages,
            unseen=UNSET if counters.unseen is None else counters.unseen,
            error=counters.error or UNSET,
        )


class MailboxEntryAnswer(Answer):
    path: str
    name: str
    delimiter: str | UnsetType | None = UNSET
    parentPath: str | UnsetType = UNSET
    listed: bool | UnsetType = UNSET
    subscribed: bool | UnsetType = UNSET
    specialUse: SpecialUseName | UnsetType = UNSET
    specialUseSource: Literal["user", "extension", "name"] | UnsetType = UNSET
    noInferiors: bool | UnsetType = UNSET
    messages: int | bool | UnsetType = UNSET  # false when it was never counted
    uidNext: int | bool | UnsetType = UNSET
    status: MailboxStatus | UnsetType = UNSET

    @classmethod
    def of(cls, entry: MailboxEntry) -> MailboxEntryAnswer:
        box = entry.mailbox
        return cls(
            path=box.path,
            name=entry.name or box.path,
            delimiter=box.delimiter,
            parentPath=entry.parent_path or UNSET,
            listed=entry.is_listed,
            subscribed=box.subscribed,
            specialUse=UNSET if box.special_use is None else box.special_use.value,
            specialUseSource=_source(box.special_use_source),
            noInferiors=entry.has_no_inferiors,
            messages=False if entry.messages is None else entry.messages,
            uidNext=False if entry.uid_next is None else entry.uid_next,
            status=UNSET if entry.counters is None else MailboxStatus.of(entry.counters),
        )


class ListMailboxesAnswer(Answer):
    mailboxes: list[MailboxEntryAnswer]


class CreateMailboxAnswer(Answer):
    path: str
    mailboxId: str | UnsetType = UNSET
    created: bool | UnsetType = UNSET

    @classmethod
    def of(cls, made: MadeMailbox) -> CreateMailboxAnswer:
        return cls(path=made.path, mailboxId=made.mailbox_id or UNSET, created=made.is_new)


class UpdateMailboxAnswer(Answer):
    path: str
    newPath: str | UnsetType = UNSET
    renamed: bool | UnsetType = UNSET
    subscribed: bool | UnsetType = UNSET


class DeleteMailboxAnswer(Answer):
    path: str
    deleted: bool


def path_of(value: str) -> str:
    """A path as the engine takes it, and as it is told: INBOX in capitals. Contract B-046."""
    path = given(value) or ""
    return "INBOX" if path.upper() == "INBOX" else path


def _source(source: str | None) -> Literal["user", "extension", "name"] | UnsetType:
    match source:
        case "user" | "extension" | "name":
            return source
        case _:
            return UNSET
