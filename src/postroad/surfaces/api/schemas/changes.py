"""Changes to messages, as JSON. Contract §5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from postroad.domain.errors import FieldProblem, Invalid
from postroad.domain.message import FlagChange
from postroad.engine.providers.results import BulkMoved, BulkRemoval, Moved, Removal
from postroad.surfaces.api.schemas.members import Answer, MailboxPath, Request
from postroad.surfaces.api.schemas.search import Search

Flags = Annotated[
    list[Annotated[str, Meta(max_length=128, extra={"trim": True})]],
    Meta(max_length=1000, extra={"single": True}),
]
MessageIdText = Annotated[str, Meta(max_length=256)]
IdPair = Annotated[list[MessageIdText], Meta(min_length=2, max_length=2)]


class FlagUpdate(Request):
    """``set`` replaces all and wins over the others."""

    add: Flags | UnsetType = UNSET
    delete: Flags | UnsetType = UNSET
    set: Flags | UnsetType = UNSET

    def to_domain(self) -> FlagChange:
        return FlagChange(
            add=_flags(self.add),
            delete=_flags(self.delete),
            set=None if self.set is UNSET else _flags(self.set),
        )


class LabelUpdate(Request):
    add: Flags | UnsetType = UNSET
    delete: Flags | UnsetType = UNSET

    def to_domain(self) -> FlagChange:
        return FlagChange(add=_flags(self.add), delete=_flags(self.delete))


class UpdateMessageBody(Request):
    flags: FlagUpdate | UnsetType = UNSET
    labels: LabelUpdate | UnsetType = UNSET

    def to_flags(self) -> FlagChange:
        """Raises :exc:`Invalid` for flags that could not be written."""
        change = FlagChange() if self.flags is UNSET else self.flags.to_domain()
        check_flags((*change.add, *change.delete, *(change.set or ())))
        return change

    def to_labels(self) -> FlagChange | None:
        return None if self.labels is UNSET else self.labels.to_domain()


class UpdateMessagesBody(Request):
    search: Search
    update: UpdateMessageBody | UnsetType = UNSET


class MoveBody(Request):
    path: MailboxPath
    source: MailboxPath | UnsetType = UNSET


class MoveMessagesBody(Request):
    search: Search
    path: MailboxPath


class DeleteMessagesBody(Request):
    search: Search


class PathQuery(Request):
    path: MailboxPath


class DeleteMessagesQuery(Request):
    path: MailboxPath
    force: bool = False


class DeleteMessageQuery(Request):
    force: bool = False


class FlagsAnswer(Answer):
    """Which kinds of change were made."""

    add: bool | UnsetType = UNSET
    delete: bool | UnsetType = UNSET
    set: bool | UnsetType = UNSET

    @classmethod
    def of(cls, change: FlagChange | None) -> FlagsAnswer | UnsetType:
        """Mirrors what was asked for. Contract B-070."""
        if change is None or change.is_empty:
            return UNSET
        if change.set is not None:
            return cls(set=True)
        return cls(
            add=True if change.add else UNSET,
            delete=True if change.delete else UNSET,
        )


class UpdateMessageAnswer(Answer):
    flags: FlagsAnswer | UnsetType = UNSET
    labels: FlagsAnswer | UnsetType = UNSET


class MoveAnswer(Answer):
    path: str
    id: str | UnsetType = UNSET
    uid: int | UnsetType = UNSET

    @classmethod
    def of(cls, moved: Moved) -> MoveAnswer:
        uid = UNSET if moved.uid is None else moved.uid
        return cls(path=moved.path, id=moved.message or UNSET, uid=uid)


class MovedToTrash(Answer):
    destination: str
    message: str | UnsetType = UNSET


class DeleteMessageAnswer(Answer):
    deleted: bool
    moved: MovedToTrash | UnsetType = UNSET

    @classmethod
    def of(cls, removal: Removal) -> DeleteMessageAnswer:
        moved = removal.moved
        return cls(
            deleted=removal.is_deleted,
            moved=UNSET
            if moved is None
            else MovedToTrash(destination=moved.path, message=moved.message or UNSET),
        )


class MoveMessagesAnswer(Answer):
    path: str
    idMap: list[IdPair] | UnsetType = UNSET

    @classmethod
    def of(cls, moved: BulkMoved) -> MoveMessagesAnswer:
        return cls(path=moved.path, idMap=_pairs(moved))


class MovedAllToTrash(Answer):
    destination: str
    idMap: list[IdPair] | UnsetType = UNSET


class DeleteMessagesAnswer(Answer):
    deleted: bool
    moved: MovedAllToTrash | UnsetType = UNSET

    @classmethod
    def of(cls, removal: BulkRemoval) -> DeleteMessagesAnswer:
        moved = removal.moved
        return cls(
            deleted=removal.is_deleted,
            moved=UNSET
            if moved is None
            else MovedAllToTrash(destination=moved.path, idMap=_pairs(moved)),
        )


def check_flags(flags: Sequence[str]) -> None:
    """Hold flags to the grammar: an atom, perhaps behind a backslash. RFC 9051 §9, ``flag``."""
    if not all(_is_flag(flag) for flag in flags):
        message = '"flags" must be IMAP flags or keywords without spaces'
        raise Invalid(fields=[FieldProblem("flags", message)])


def _is_flag(flag: str) -> bool:
    word = flag.removeprefix("\\")
    return bool(word) and all("!" <= char <= "~" and char not in '(){%*"\\]' for char in word)


def _flags(values: Sequence[str] | UnsetType) -> tuple[str, ...]:
    return () if values is UNSET else tuple(dict.fromkeys(v.strip() for v in values if v.strip()))


def _pairs(moved: BulkMoved) -> list[IdPair] | UnsetType:
    return UNSET if moved.id_map is None else [list(pair) for pair in moved.id_map]
