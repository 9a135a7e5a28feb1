"""The commonest response by far, read in one stroke: a FETCH of nothing but short items.

A first look at a mailbox brings one such row for each message. Whatever does not look exactly like
one is left to :func:`~postroad.protocol.imap.fetch.msg_att`, which reads the same thing the same
way, eight times slower.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.cursor import MAX_NUMBER as MAX_NUMBER64
from postroad.protocol.imap.cursor import Cursor
from postroad.protocol.imap.dates import parse_date_time
from postroad.protocol.imap.envelope import ImapEnvelope
from postroad.protocol.imap.fetch import NO_SECTIONS, NO_SIZES, Fetched, words
from postroad.protocol.imap.numset import MAX_NUMBER
from postroad.protocol.mime.part import BodyPart

# Possessive throughout, so that what does not fit fails in linear time.
SHORT_ITEMS = (
    rb"UID ([0-9]{1,10}+)"
    rb'|FLAGS \(([^()"{\x00-\x1f\x7f]{0,400}+)\)'
    rb"|MODSEQ \(([0-9]{1,19}+)\)"
    rb"|RFC822\.SIZE ([0-9]{1,19}+)"
    rb'|INTERNALDATE "([^"]{1,40}+)"'
    rb"|EMAILID \(([A-Za-z0-9_-]{1,255}+)\)"
    rb"|THREADID \(([A-Za-z0-9_-]{1,255}+)\)"
    rb"|X-GM-MSGID ([0-9]{1,20}+)"
    rb"|X-GM-THRID ([0-9]{1,20}+)"
    rb'|X-GM-LABELS (\((?:[^()"{\x00-\x1f\x7f]|"(?:[^()"{\\\x00-\x1f\x7f]|\\\\)*+"){0,400}+\))'
)
_ROW = re.compile(rb"\* ([0-9]{1,10}) FETCH \((?: ?+(?:%b)(?= |\)))++\)\Z" % SHORT_ITEMS)


def flag_row(frame: bytes) -> Fetched | None:
    """Read a row; ``None`` for anything but a well-formed one."""
    match = _ROW.match(frame)
    if match is None:
        return None
    try:
        return short_row(match.groups())
    except RemoteProtocolError:
        return None


def short_row(
    groups: Sequence[bytes | None],
    envelope: ImapEnvelope | None = None,
    structure: BodyPart | None = None,
) -> Fetched | None:
    """Make a row of the number and what :data:`SHORT_ITEMS` took; ``None`` if it makes no sense.

    Raises :exc:`RemoteProtocolError` for the same reason.
    """
    seq, uid, flags, modseq, size, date, email, thread, msgid, thrid, labels = groups
    number = int(seq or 0)
    uid_number = None if uid is None else int(uid)
    modseq_number = None if modseq is None else int(modseq)
    size_number = None if size is None else int(size)
    if not 1 <= number <= MAX_NUMBER:
        return None
    if uid_number is not None and not 1 <= uid_number <= MAX_NUMBER:
        return None
    if (modseq_number or 0) > MAX_NUMBER64 or (size_number or 0) > MAX_NUMBER64:
        return None
    if (email and msgid) or (thread and thrid):
        return None
    email = email or msgid
    thread = thread or thrid
    return Fetched(
        number,
        uid_number,
        None if flags is None else _words(b"(" + flags + b")"),
        size_number,
        None if date is None else parse_date_time(date),
        envelope,
        structure,
        NO_SECTIONS,
        modseq_number,
        None if email is None else _ident(email),
        None if thread is None else _ident(thread),
        None if labels is None else _words(labels),
        None,
        NO_SIZES,
    )


@lru_cache(maxsize=4096)
def _words(octets: bytes) -> tuple[str, ...]:
    """Few sets of flags make up a whole mailbox: one tuple serves all messages that have it."""
    c = Cursor(octets)
    return words(c.value())


def _ident(octets: bytes) -> str:
    if octets.upper() == b"NIL":
        raise RemoteProtocolError("no id")
    return octets.decode("ascii")
