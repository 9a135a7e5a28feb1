"""Members that several bodies share, and the two base classes of all wire structures."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from postroad.domain.address import Address
from postroad.domain.submission import MAX_TAG_CHARS
from postroad.surfaces.api.schemas.formats import Email

_NO_BREAK = r"\A[^\r\n]*\Z"
_LINE = {"trim": True, "pattern": "must not contain line breaks"}

AccountName = Annotated[str, Meta(max_length=256, pattern=_NO_BREAK, extra=_LINE)]
NewAccountId = Annotated[str, Meta(max_length=256, extra={"trim": True})]
DisplayName = Annotated[str, Meta(max_length=256, pattern=_NO_BREAK, extra=_LINE)]
Subject = Annotated[str, Meta(max_length=10_240, pattern=_NO_BREAK, extra=_LINE)]
Description = Annotated[str, Meta(max_length=1024, pattern=_NO_BREAK, extra=_LINE)]
MessageId = Annotated[
    str,
    Meta(
        max_length=996,
        pattern=r"\A\s*<?[^\s<>\x00-\x1f\x7f]+>?\s*\Z",
        extra={"trim": True, "pattern": "must be a message id such as <id@host>"},
    ),
]
FileName = Annotated[str, Meta(max_length=256, pattern=_NO_BREAK, extra=_LINE)]
ContentType = Annotated[
    str,
    Meta(
        max_length=256,
        pattern=r"\A\s*[^\s/;,\x00-\x1f\x7f]+/[^\s/;,\x00-\x1f\x7f]+\s*(?:;[^\x00-\x1f\x7f]*)?\Z",
        extra={"trim": True, "pattern": "must be a media type such as image/png"},
    ),
]
ContentId = Annotated[
    str,
    Meta(
        max_length=256,
        pattern=r"\A\s*<?[^\s<>\x00-\x1f\x7f]+>?\s*\Z",
        extra={"trim": True, "pattern": "must be a content id without spaces"},
    ),
]
MailboxPath = Annotated[str, Meta(max_length=1024, pattern=_NO_BREAK, extra=_LINE)]
ShortText = Annotated[str, Meta(max_length=256, pattern=_NO_BREAK, extra=_LINE)]
# What ``is_tag`` asks for; blanks around it fail here, and are taken off by the slow pass.
Tag = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_TAG_CHARS,
        pattern=r"\A(?!\s)[^\x00-\x1f\x7f-\x9f\u2028\u2029]*(?<!\s)\Z",
        extra={"trim": True, "pattern": "must not contain control characters"},
    ),
]
Credential = Annotated[str, Meta(max_length=256)]
AccessTokenText = Annotated[str, Meta(max_length=16_384)]

Page = Annotated[int, Meta(ge=0, le=1_048_576)]
PageSize = Annotated[int, Meta(ge=1, le=1000)]


class Request(Struct, forbid_unknown_fields=True, kw_only=True):
    """What comes in. Members that are not given are ``UNSET``; unknown ones are refused."""


class Answer(Struct, kw_only=True, omit_defaults=True):
    """What goes out. Members that are ``UNSET`` are left out."""


class AddressMember(Request):
    """One mailbox with its display name."""

    address: Email
    name: DisplayName | UnsetType = UNSET

    def to_domain(self) -> Address:
        return Address(str(self.address), given(self.name) or "")


class NoQuery(Request):
    """The query of an operation that takes none."""


class Paging(Request):
    page: Page = 0
    pageSize: PageSize = 20


def given(value: str | UnsetType | None) -> str | None:
    """Return a text without surrounding blanks, or ``None`` when it is absent."""
    return None if value is UNSET or not isinstance(value, str) else value.strip()
