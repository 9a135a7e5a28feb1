"""What to search for, as JSON. Contract B-068, B-069."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from postroad.domain.errors import shorten
from postroad.domain.search import Ranges, SearchQuery, parse_ranges
from postroad.surfaces.api.schemas.formats import Timestamp
from postroad.surfaces.api.schemas.members import Request, given
from postroad.surfaces.api.schemas.text import is_field_name, is_field_text
from postroad.surfaces.api.validation import Problems

_MAX_VALUE_CHARS = 256

Text = Annotated[str, Meta(max_length=_MAX_VALUE_CHARS)]
Numbers = Annotated[str, Meta(max_length=8192)]
Size = Annotated[int, Meta(ge=0, le=1_073_741_824)]
Words = Annotated[list[Annotated[str, Meta(max_length=128)]], Meta(extra={"single": True})]
Ids = Annotated[list[Text], Meta(max_length=10_000, extra={"single": True})]


class SearchLabels(Request):
    has: Words | UnsetType = UNSET
    not_: Words | UnsetType = field(name="not", default=UNSET)


class Search(Request):
    """Conditions that must all hold; none at all matches everything."""

    seq: Numbers | UnsetType = UNSET
    uid: Numbers | UnsetType = UNSET
    answered: bool | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    draft: bool | UnsetType = UNSET
    unseen: bool | UnsetType = UNSET
    seen: bool | UnsetType = UNSET
    flagged: bool | UnsetType = UNSET
    from_: Text | UnsetType = field(name="from", default=UNSET)
    to: Text | UnsetType = UNSET
    cc: Text | UnsetType = UNSET
    bcc: Text | UnsetType = UNSET
    body: Text | UnsetType = UNSET
    subject: Annotated[str, Meta(max_length=2560)] | UnsetType = UNSET
    larger: Size | UnsetType = UNSET
    smaller: Size | UnsetType = UNSET
    before: Timestamp | UnsetType = UNSET
    since: Timestamp | UnsetType = UNSET
    sentBefore: Timestamp | UnsetType = UNSET
    sentSince: Timestamp | UnsetType = UNSET
    emailId: Text | UnsetType = UNSET
    threadId: Text | UnsetType = UNSET
    modseq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | UnsetType = UNSET
    header: dict[str, Any] | UnsetType = UNSET
    gmailRaw: Annotated[str, Meta(max_length=1024)] | UnsetType = UNSET
    labels: SearchLabels | UnsetType = UNSET
    emailIds: Ids | UnsetType = UNSET

    def to_domain(self) -> SearchQuery:
        """Map to the engine's words. Raises :exc:`Invalid` for ranges and headers that are none."""
        problems = Problems()
        labels = SearchLabels() if self.labels is UNSET else self.labels
        query = SearchQuery(
            seq=_ranges("seq", self.seq, problems),
            uid=_ranges("uid", self.uid, problems),
            answered=_flag(self.answered),
            deleted=_flag(self.deleted),
            draft=_flag(self.draft),
            unseen=_flag(self.unseen),
            seen=_flag(self.seen),
            flagged=_flag(self.flagged),
            from_=given(self.from_) or None,
            to=given(self.to) or None,
            cc=given(self.cc) or None,
            bcc=given(self.bcc) or None,
            body=given(self.body) or None,
            subject=given(self.subject) or None,
            larger=_number(self.larger),
            smaller=_number(self.smaller),
            before=_number(self.before),
            since=_number(self.since),
            sent_before=_number(self.sentBefore),
            sent_since=_number(self.sentSince),
            email_id=given(self.emailId) or None,
            thread_id=given(self.threadId) or None,
            modseq=_number(self.modseq),
            headers=() if self.header is UNSET else _headers(self.header, problems),
            gmail_raw=given(self.gmailRaw) or None,
            labels_has=_words(labels.has),
            labels_not=_words(labels.not_),
            email_ids=_words(self.emailIds),
        )
        problems.check()
        return query


def _ranges(key: str, text: str | UnsetType, problems: Problems) -> Ranges | None:
    if text is UNSET or not text.strip():
        return None
    try:
        return parse_ranges(text)
    except ValueError as error:
        problems.add(key, str(error), place=f"search.{key}")
        return None


def _flag(value: bool | UnsetType) -> bool | None:
    return None if value is UNSET else value


def _number(value: int | UnsetType) -> int | None:
    return None if value is UNSET else int(value)


def _words(values: list[str] | UnsetType) -> tuple[str, ...]:
    return () if values is UNSET else tuple(word for text in values if (word := text.strip()))


def _headers(values: dict[str, Any], problems: Problems) -> tuple[tuple[str, str], ...]:
    """``true`` asks whether the field is there at all."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        place = f"search.header.{shorten(name)}"
        if not is_field_name(name):
            problems.add(shorten(name), "must be a valid header name", place=place)
        elif value is True:
            found.append((name, ""))
        elif isinstance(value, bool) or not isinstance(value, (str, int, float)):
            problems.add(name, "must be a string", place=place)
        elif len(str(value)) > _MAX_VALUE_CHARS:
            problems.add(
                name,
                f"length must be less than or equal to {_MAX_VALUE_CHARS} characters long",
                place=place,
            )
        elif not is_field_text(str(value)):
            problems.add(name, "must not contain line breaks or NUL", place=place)
        else:
            found.append((name, str(value)))
    return tuple(found)
