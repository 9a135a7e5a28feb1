"""Members of paths."""

from __future__ import annotations

from typing import ClassVar, Final, Self

from postroad.surfaces.api.schemas.formats import HexId, Hostname, Schema

MAX_ACCOUNT_CHARS: Final = 256


class _Id(str):
    """A text that names something, of a bounded length."""

    __slots__ = ()
    MAX_CHARS: ClassVar[int]
    SCHEMA: ClassVar[Schema] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        text = str(value).strip()
        if not text:
            raise ValueError("is not allowed to be empty")
        if len(text) > cls.MAX_CHARS:
            raise ValueError(
                f"length must be less than or equal to {cls.MAX_CHARS} characters long"
            )
        if "\x00" in text:
            raise ValueError("must not contain NUL characters")
        return cls(text)


class AccountId(_Id):
    __slots__ = ()
    MAX_CHARS = MAX_ACCOUNT_CHARS
    SCHEMA: ClassVar[Schema] = {"type": "string", "maxLength": MAX_ACCOUNT_CHARS}


class QueueId(_Id):
    __slots__ = ()
    MAX_CHARS = 100
    SCHEMA: ClassVar[Schema] = {"type": "string", "maxLength": 100}


class MessageIdMember(_Id):
    __slots__ = ()
    MAX_CHARS = 256
    SCHEMA: ClassVar[Schema] = {"type": "string", "maxLength": 256}


class AttachmentIdMember(_Id):
    __slots__ = ()
    MAX_CHARS = 2048
    SCHEMA: ClassVar[Schema] = {"type": "string", "maxLength": 2048}


class TextIdMember(_Id):
    __slots__ = ()
    MAX_CHARS = 10_240
    SCHEMA: ClassVar[Schema] = {"type": "string", "maxLength": 10_240}


PATH_MEMBERS: Final[dict[str, type[_Id] | type[HexId] | type[Hostname]]] = {
    "account": AccountId,
    "attachment": AttachmentIdMember,
    "listId": Hostname,
    "message": MessageIdMember,
    "text": TextIdMember,
    "queueId": QueueId,
    "token": HexId,
}
