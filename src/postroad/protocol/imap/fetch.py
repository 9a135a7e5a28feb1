"""FETCH responses. RFC 9051 §7.5.2; RFC 7162; RFC 8474; RFC 8970; X-GM-EXT-1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, fields, replace
from types import MappingProxyType
from typing import Any

from postroad.domain.errors import RemoteProtocolError
from postroad.domain.quick import quick_dataclass
from postroad.protocol.imap.cursor import Cursor, Value
from postroad.protocol.imap.dates import parse_date_time
from postroad.protocol.imap.envelope import ImapEnvelope, envelope
from postroad.protocol.imap.numset import MAX_NUMBER, NumSet
from postroad.protocol.imap.structure import BodyPart, body

NO_SECTIONS: Mapping[str, bytes | None] = MappingProxyType({})
NO_SIZES: Mapping[str, int] = MappingProxyType({})


@quick_dataclass(frozen=True, slots=True)
class Fetched:
    """What one FETCH response told of one message; ``None`` for what it did not tell.

    ``sections`` has the contents of BODY[...] under the section's name in capitals: ``""`` for
    the whole message, ``HEADER``, ``2.1``, ``2.MIME``, ``HEADER.FIELDS (SUBJECT)``; a partial
    fetch adds its origin, ``2<0>``. An item that could not be read stands in ``unread``.
    """

    seq: int
    uid: int | None = None
    flags: tuple[str, ...] | None = None
    size: int | None = None  # RFC822.SIZE
    internal_date: int | None = None  # epoch ms
    envelope: ImapEnvelope | None = None
    structure: BodyPart | None = None
    sections: Mapping[str, bytes | None] = field(default_factory=lambda: NO_SECTIONS)
    modseq: int | None = None
    email_id: str | None = None  # EMAILID or X-GM-MSGID
    thread_id: str | None = None  # THREADID or X-GM-THRID
    labels: tuple[str, ...] | None = None  # X-GM-LABELS, as sent
    preview: str | None = None  # a few words of the text. RFC 8970
    sizes: Mapping[str, int] = field(default_factory=lambda: NO_SIZES)  # BINARY.SIZE by section
    unread: tuple[str, ...] = ()


# The word before "[" or SP; then perhaps a section; then perhaps the origin of a partial fetch.
_ITEM = re.compile(rb"([A-Za-z0-9.\-]{1,64})(?:\[([^\]\"{]{0,8192})\])?(?:<([0-9]{1,19})>)?")
_SECTION_START = re.compile(rb"[A-Za-z0-9.\-]{1,64}\[")
_SPACES = re.compile(rb" +")
_MAX_SECTION_WORDS = 10_000
_PLAIN_NAMES = frozenset(
    {"UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE", "MODSEQ"}
    | {"EMAILID", "THREADID", "X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS"}
)
_FEW_RANGES = 8


def msg_att(c: Cursor, seq: int) -> Fetched:
    """Read the list behind ``FETCH``.

    ::

        msg-att = "(" (msg-att-dynamic / msg-att-static) *(SP ...) ")"

    An item that makes no sense (a date that does not exist, a broken structure, one that is nested
    too deep) is named in ``unread`` and costs nothing but itself. Unknown items are passed over.
    """
    if not 1 <= seq <= MAX_NUMBER:
        raise RemoteProtocolError("FETCH of a message number out of range")
    plain = _plain_row(c, seq)
    if plain is not None:
        return plain
    told: dict[str, Any] = {}  # keyword arguments of Fetched; _read_item knows their types
    sections: dict[str, bytes | None] = {}
    sizes: dict[str, int] = {}
    unread: list[str] = []
    c.expect(b"(")
    c.spaces()
    while not c.take(b")"):
        name, section = _item_name(c)
        c.space()
        if section is not None and name in ("BODY", "BINARY"):
            sections[section] = c.nstring()
        elif section is not None and name == "BINARY.SIZE":
            sizes[section] = c.number()
        elif name in ("RFC822", "RFC822.HEADER", "RFC822.TEXT"):
            sections[name[7:]] = c.nstring()
        else:
            start = c.pos
            try:
                _read_item(told, name, c.value())
            except (RemoteProtocolError, UnicodeDecodeError):
                c.pos = start
                c.pass_over()
                unread.append(name)
        c.spaces()
    if sections:
        told["sections"] = sections
    if sizes:
        told["sizes"] = sizes
    return Fetched(seq, unread=tuple(unread), **told)


def _plain_row(c: Cursor, seq: int) -> Fetched | None:
    """A row without contents, literals or escapes, as lists of messages bring; else ``None``."""
    if c.data.find(b"[", c.pos) >= 0:
        return None
    start = c.pos
    values = c.plain_list()
    if values is None or len(values) % 2:
        c.pos = start
        return None
    told: dict[str, Any] = {}
    unread: list[str] = []
    for name, value in zip(values[::2], values[1::2], strict=False):
        word = name.decode("ascii", "replace").upper() if isinstance(name, bytes) else ""
        if word not in _PLAIN_NAMES:
            c.pos = start
            return None
        try:
            _read_item(told, word, value)
        except (RemoteProtocolError, UnicodeDecodeError):
            unread.append(word)
    return Fetched(seq, unread=tuple(unread), **told)


def _item_name(c: Cursor) -> tuple[str, str | None]:
    match = _ITEM.match(c.data, c.pos)
    if match is None:
        raise c.fail("an item of FETCH")
    if match[2] is None and _SECTION_START.match(c.data, c.pos):
        # Header names in a section may be quoted or literal; take them word by word.
        return _long_section(c)
    c.pos = match.end()
    section = None
    if match[2] is not None:
        section = _SPACES.sub(b" ", match[2]).decode("utf-8", "replace").upper()
        if match[3] is not None:
            section += f"<{int(match[3])}>"
    return match[1].decode("ascii").upper(), section


def _long_section(c: Cursor) -> tuple[str, str]:
    name, _, first = c.data[c.pos : c.data.index(b"[", c.pos) + 1].partition(b"[")
    c.pos += len(name) + 1
    words: list[bytes] = [first]
    while not c.take(b"]"):
        if len(words) > _MAX_SECTION_WORDS:
            raise RemoteProtocolError("the name of a section has no end")
        if c.take(b"("):
            words.append(b"(")
        elif c.take(b")"):
            words.append(b")")
        elif c.take(b" "):
            words.append(b" ")
        elif c.data[c.pos : c.pos + 1] in (b'"', b"{"):
            words.append(c.string())
        else:
            end = c.pos
            while end < len(c.data) and c.data[end] not in b' ()]"{':
                end += 1
            if end == c.pos:
                raise c.fail("the end of a section")
            words.append(c.data[c.pos : end])
            c.pos = end
    if c.take(b"<"):
        words.append(b"<%d>" % c.number())
        c.expect(b">")
    section = b"".join(words).decode("utf-8", "replace").upper()
    return name.decode("ascii").upper(), section


def _read_item(told: dict[str, Any], name: str, value: Value) -> None:
    match name:
        case "UID":
            uid = _number(value)
            if not 1 <= uid <= MAX_NUMBER:
                raise RemoteProtocolError("UID out of range")
            told["uid"] = uid
        case "FLAGS":
            told["flags"] = words(value)
        case "RFC822.SIZE":
            told["size"] = _number(value)
        case "INTERNALDATE":
            told["internal_date"] = parse_date_time(_octets(value))
        case "ENVELOPE":
            told["envelope"] = envelope(value)
        case "BODYSTRUCTURE" | "BODY":
            told["structure"] = body(value)
        case "MODSEQ":
            told["modseq"] = _number(value[0] if isinstance(value, tuple) and value else value)
        case "EMAILID" | "X-GM-MSGID":
            told["email_id"] = _id(value)
        case "THREADID" | "X-GM-THRID":
            told["thread_id"] = _id(value)
        case "X-GM-LABELS":
            told["labels"] = words(value)
        case "PREVIEW":
            # Before the RFC servers named the algorithm too: (FUZZY "text").
            text = value[-1] if isinstance(value, tuple) and value else value
            told["preview"] = None if text is None else _octets(text).decode("utf-8", "replace")
        case _:
            pass


def _number(value: Value) -> int:
    return Cursor(_octets(value)).number()


def _octets(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise RemoteProtocolError("expected a string or a number")
    return value


def words(value: Value) -> tuple[str, ...]:
    """A list of atoms and strings as text; NIL is an empty one."""
    if value is None:
        return ()
    if not isinstance(value, tuple):
        raise RemoteProtocolError("expected a list")
    return tuple(_octets(word).decode("utf-8", "replace") for word in value)


def _id(value: Value) -> str | None:
    """``"(" objectid ")"`` by RFC 8474 §5, a bare number from Gmail, NIL for none."""
    if isinstance(value, tuple):
        value = value[0] if value else None
    return None if value is None else _octets(value).decode("ascii")


def merge_rows(rows: Iterable[Fetched], uids: NumSet) -> list[Fetched]:
    """Join what several responses told of the same message, in order of first mention.

    Servers split an answer, and tell of flag changes in between; later words win. Rows without
    a UID, and of UIDs that were not asked for, are dropped.
    """
    wanted = uids if len(uids.ranges) < _FEW_RANGES else frozenset(uids)
    merged: dict[int, Fetched] = {}
    for row in rows:
        if row.uid is None or row.uid not in wanted:
            continue
        before = merged.get(row.uid)
        merged[row.uid] = row if before is None else _merge(before, row)
    return list(merged.values())


def merge_numbered(rows: Iterable[Fetched], low: int, high: int) -> list[Fetched]:
    """:func:`merge_rows` of messages that were asked for by number; rows may lack a UID.

    Numbers stay what they are while FETCH runs (RFC 9051 §7.5.1), so they tell messages apart.
    """
    merged: dict[int, Fetched] = {}
    for row in rows:
        if low <= row.seq <= high:
            before = merged.get(row.seq)
            merged[row.seq] = row if before is None else _merge(before, row)
    return [row for row in merged.values() if row.uid is not None]


def _merge(before: Fetched, row: Fetched) -> Fetched:
    told = {name: getattr(row, name) for name in _MERGED_FIELDS if getattr(row, name) is not None}
    return replace(
        before,
        **told,
        seq=row.seq,
        sections={**before.sections, **row.sections},
        sizes={**before.sizes, **row.sizes},
        unread=before.unread + row.unread,
    )


_MERGED_FIELDS = tuple(
    one.name for one in fields(Fetched) if one.name not in ("seq", "sections", "sizes", "unread")
)
