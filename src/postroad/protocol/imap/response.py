"""From one frame to one value: what a server can say. RFC 9051 §7."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.fetch import Fetched, msg_att
from postroad.protocol.imap.flag_rows import flag_row
from postroad.protocol.imap.listed_rows import listed_row
from postroad.protocol.imap.listing import (
    ListEntry,
    Namespace,
    mailbox_list,
    namespace_response,
)
from postroad.protocol.imap.mailbox_status import MailboxStatus, mailbox_status
from postroad.protocol.imap.numset import MAX_NUMBER, NumSet
from postroad.protocol.imap.quota import (
    Quota,
    QuotaRoot,
    quota_response,
    quota_root_response,
)
from postroad.protocol.imap.search import (
    Esearch,
    Search,
    Sort,
    esearch_response,
    search_response,
    sort_response,
)
from postroad.protocol.imap.status import (
    AppendUidCode,
    Condition,
    Status,
    capability_data,
    resp_text,
)
from postroad.protocol.imap.vanished import Vanished, expunged_resp


@dataclass(frozen=True, slots=True)
class Continuation:
    """The server asks for more. ``data`` is the text, or base64 while a SASL exchange runs."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Capability:
    capabilities: frozenset[str]  # in capitals


@dataclass(frozen=True, slots=True)
class Enabled:
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True)
class ServerId:
    """Who the server says it is. RFC 2971. Names in lower case."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags that a mailbox knows."""

    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    number: int


@dataclass(frozen=True, slots=True)
class Recent:
    number: int


@dataclass(frozen=True, slots=True)
class Expunge:
    seq: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """An untagged response of a kind that we do not read."""

    keyword: str


Untagged = (
    Capability
    | Enabled
    | ServerId
    | Flags
    | Exists
    | Recent
    | Expunge
    | Fetched
    | ListEntry
    | MailboxStatus
    | Namespace
    | Search
    | Sort
    | Esearch
    | Vanished
    | Quota
    | QuotaRoot
    | Unknown
)
Response = Continuation | Status | Untagged

_CONDITIONS = frozenset(Condition)


def parse_response(frame: bytes, *, is_utf8: bool = False) -> Response:
    """Read one whole response, as the framer cut it.

    ``is_utf8`` says that mailbox names are plain UTF-8, because that was enabled.

    ::

        response = *(continue-req / response-data) response-done

    Raises :exc:`RemoteProtocolError`; the stream is still in step after it.
    """
    common = flag_row(frame) or listed_row(frame) or _common(frame)
    if common is not None:
        return common
    c = Cursor(frame)
    if c.take(b"+"):
        c.take(b" ")
        return Continuation(c.rest())
    if c.take(b"*"):
        c.space()
        return _untagged(c, is_utf8=is_utf8)
    tag = c.atom().decode("ascii", "replace")
    c.space()
    condition = c.atom().decode("ascii", "replace").upper()
    if condition not in (Condition.OK, Condition.NO, Condition.BAD):
        raise RemoteProtocolError(f"expected OK, NO or BAD, got {condition[:20]!r}")
    return resp_text(c, tag, Condition(condition))


# What every command brings, read in one stroke; all else takes the long way.
_COUNT = re.compile(rb"\* ([0-9]{1,10}) (EXISTS|RECENT|EXPUNGE)")
_DONE = re.compile(
    rb"([A-Za-z0-9]{1,20}) OK (?:\[APPENDUID ([0-9]{1,10}) ([0-9]{1,10})\] )?([^\[ ][^\[]*)"
)


def _common(frame: bytes) -> Response | None:
    match = _DONE.fullmatch(frame)
    if match is not None:
        tag, uidvalidity, uid, text = match.groups()
        code = None
        if uid is not None:
            number = int(uid)
            if not 1 <= number <= MAX_NUMBER:
                return None
            code = AppendUidCode(int(uidvalidity), NumSet(((number, number),)))
        words = text.decode("utf-8", "replace").strip()
        return Status(tag.decode("ascii"), Condition.OK, code, words)
    match = _COUNT.fullmatch(frame)
    if match is None or (number := int(match[1])) > MAX_NUMBER:
        return None
    match match[2]:
        case b"EXISTS":
            return Exists(number)
        case b"RECENT":
            return Recent(number)
        case _:
            return Expunge(number) if number else None


def _untagged(c: Cursor, *, is_utf8: bool) -> Status | Untagged:
    if c.data[c.pos : c.pos + 1].isdigit():
        return _message_data(c)
    keyword = c.atom().decode("ascii", "replace").upper()
    if keyword in _CONDITIONS:
        return resp_text(c, None, Condition(keyword))
    c.spaces()
    match keyword:
        case "CAPABILITY":
            return Capability(capability_data(c))
        case "ENABLED":
            return Enabled(capability_data(c))
        case "LIST" | "XLIST" | "LSUB":
            return mailbox_list(c, keyword, is_utf8=is_utf8)
        case "STATUS":
            return mailbox_status(c, is_utf8=is_utf8)
        case "NAMESPACE":
            return namespace_response(c)
        case "ID":
            return _id_response(c)
        case "SEARCH":
            return search_response(c)
        case "ESEARCH":
            return esearch_response(c)
        case "SORT":
            return sort_response(c)
        case "VANISHED":
            return expunged_resp(c)
        case "QUOTA":
            return quota_response(c)
        case "QUOTAROOT":
            return quota_root_response(c)
        case "FLAGS":
            return Flags(c.flag_list())
        case _:
            return Unknown(keyword[:64])


def _message_data(c: Cursor) -> Untagged:
    number = c.number()
    if number > MAX_NUMBER:
        raise RemoteProtocolError("message number is larger than 32 bits")
    c.space()
    keyword = c.atom().decode("ascii", "replace").upper()
    match keyword:
        case "FETCH":
            c.space()
            return msg_att(c, number)
        case "EXISTS":
            return Exists(number)
        case "RECENT":
            return Recent(number)
        case "EXPUNGE":
            if number == 0:
                raise RemoteProtocolError("EXPUNGE of message 0")
            return Expunge(number)
        case _:
            return Unknown(keyword[:64])


def _id_response(c: Cursor) -> ServerId:
    """``"ID" SP nil / "(" *(string SP nstring) ")"``. RFC 2971 §3.2."""
    value = c.value()
    if value is None:
        return ServerId({})
    if not isinstance(value, tuple):
        raise RemoteProtocolError("expected a list in ID")
    fields: dict[str, str] = {}
    for name, text in zip(value[::2], value[1::2], strict=False):
        if isinstance(name, bytes) and isinstance(text, bytes):
            fields[name.decode("utf-8", "replace").lower()] = text.decode("utf-8", "replace")
    return ServerId(fields)
