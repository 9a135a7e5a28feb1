"""A FETCH of what lists show, read in one stroke: short items, envelope and structure.

New mail brings a header block behind them, as one literal. Whatever does not look exactly like
that, any other literal above all, is left to :func:`~postroad.protocol.imap.fetch.msg_att`, which
reads the same thing the same way, five times slower.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.envelope import ImapAddress, ImapEnvelope, address_list
from postroad.protocol.imap.fetch import NO_SECTIONS, Fetched
from postroad.protocol.imap.flag_rows import SHORT_ITEMS, short_row
from postroad.protocol.imap.known_structures import read_structure

_MAX_KEPT_BYTES = 256  # of an address list
_DEPTH = 8  # of lists in a structure; deeper ones take the long way

# Possessive throughout, so that what does not fit fails in linear time.
_NSTRING = rb'(?:NIL|"[^"\\]*+(?:\\["\\][^"\\]*+)*+")'
_ADDRESSES = rb"(NIL|\((?:\(%b(?: %b){3}\) ?+)++\))" % (_NSTRING, _NSTRING)
_ENVELOPE = rb"ENVELOPE \((%b) (%b) %b (%b) (%b)\)" % (
    _NSTRING,
    _NSTRING,
    b" ".join([_ADDRESSES] * 6),
    _NSTRING,
    _NSTRING,
)


def _list(depth: int) -> bytes:
    inner = b"|" + _list(depth - 1) if depth > 1 else b""
    return rb"\((?:(?:%b|[0-9]++%b) ?+)++\)" % (_NSTRING, inner)


_ROW = re.compile(
    rb"\* ([0-9]{1,10}) FETCH \((?: ?+(?:%b|%b|BODYSTRUCTURE (%b))(?= |\)))++\)\Z"
    % (SHORT_ITEMS, _ENVELOPE, _list(_DEPTH))
)
# Header fields at the end of a row; no quoted string has a line break, so the first is here.
_HEADER = re.compile(
    rb" BODY\[(HEADER(?:\.FIELDS \([!#-'*-Z^-z|~]++(?: [!#-'*-Z^-z|~]++)*+\))?)\]"
    rb" \{([0-9]{1,8})\}\r\n"
)
_HEADER_AHEAD = 8192  # octets before the literal in which its name is looked for
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def listed_row(frame: bytes) -> Fetched | None:
    """Read a row; ``None`` for anything but a well-formed one."""
    sections = NO_SECTIONS
    if (at := frame.find(b"}\r\n")) >= 0:
        found = _header(frame, at + 3)
        if found is None:
            return None
        frame, sections = found
    match = _ROW.match(frame)
    if match is None:
        return None
    groups = match.groups()
    (date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id, structure) = (
        groups[-11:]
    )
    try:
        return short_row(
            groups[:-11],
            envelope=None
            if date is None
            else ImapEnvelope(
                _text(date),
                _text(subject),
                _addresses(from_),
                _addresses(sender),
                _addresses(reply_to),
                _addresses(to),
                _addresses(cc),
                _addresses(bcc),
                _text(in_reply_to),
                _text(message_id),
            ),
            structure=None if structure is None else read_structure(structure),
            sections=sections,
        )
    except RemoteProtocolError:
        return None


def _header(frame: bytes, start: int) -> tuple[bytes, Mapping[str, bytes | None]] | None:
    """The row without its header block, and that; ``start`` is where its first literal begins."""
    name_at = frame.rfind(b" BODY[", max(0, start - _HEADER_AHEAD), start)
    match = _HEADER.match(frame, name_at) if name_at >= 0 else None
    if match is None or match.end() != start:
        return None
    end = start + int(match[2])
    if frame[end:] != b")":
        return None
    return frame[:name_at] + b")", {match[1].decode("ascii").upper(): frame[start:end]}


def _text(octets: bytes) -> bytes | None:
    if octets == b"NIL":
        return None
    inner = octets[1:-1]
    return _ESCAPED.sub(rb"\1", inner) if b"\\" in inner else inner


def _addresses(octets: bytes) -> tuple[ImapAddress, ...]:
    if octets == b"NIL":
        return ()
    return _kept(octets) if len(octets) <= _MAX_KEPT_BYTES else _read(octets)


def _read(octets: bytes) -> tuple[ImapAddress, ...]:
    return address_list(Cursor(octets).value())


# A page of a list names the same people over and over. At most 2 MiB.
_kept = lru_cache(maxsize=2048)(_read)
