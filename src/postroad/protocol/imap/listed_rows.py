"""A FETCH of what lists show, read in one stroke: short items, envelope and structure.

Whatever does not look exactly like one, a literal in it above all, is left to
:func:`~postroad.protocol.imap.fetch.msg_att`, which reads the same thing the same way, five times
slower.
"""

from __future__ import annotations

import re
from functools import lru_cache

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.envelope import ImapAddress, ImapEnvelope, address_list
from postroad.protocol.imap.fetch import Fetched
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
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def listed_row(frame: bytes) -> Fetched | None:
    """Read a row; ``None`` for anything but a well-formed one."""
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
        )
    except RemoteProtocolError:
        return None


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
