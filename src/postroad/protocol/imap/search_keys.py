"""From what a caller looks for to the keys of SEARCH. RFC 9051 §6.4.4, contract B-068.

MODSEQ RFC 7162 §3.1.5; EMAILID and THREADID RFC 8474 §5.3; X-GM-RAW and its like X-GM-EXT-1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from postroad.domain.errors import LocalProtocolError
from postroad.domain.search import Ranges, SearchQuery
from postroad.protocol.imap import utf7
from postroad.protocol.imap.dates import date
from postroad.protocol.imap.message_commands import SearchWord
from postroad.protocol.imap.numset import NumSet

_FLAGS = (
    ("answered", "ANSWERED", "UNANSWERED"),
    ("deleted", "DELETED", "UNDELETED"),
    ("draft", "DRAFT", "UNDRAFT"),
    ("unseen", "UNSEEN", "SEEN"),
    ("seen", "SEEN", "UNSEEN"),
    ("flagged", "FLAGGED", "UNFLAGGED"),
)
_TEXTS = (
    ("from_", "FROM"),
    ("to", "TO"),
    ("cc", "CC"),
    ("bcc", "BCC"),
    ("body", "BODY"),
    ("subject", "SUBJECT"),
)
_DATES = (
    ("before", "BEFORE"),
    ("since", "SINCE"),
    ("sent_before", "SENTBEFORE"),
    ("sent_since", "SENTSINCE"),
)


def search_keys(
    query: SearchQuery, can: Callable[[str], bool], *, is_utf8: bool = False
) -> list[SearchWord]:
    """Keys that must all hold, for :func:`message_commands.uid_search`; ``ALL`` for no condition.

    ``can`` tells whether the server has a capability, ``is_utf8`` whether names, and so labels,
    are plain UTF-8 on the connection. Raises :exc:`LocalProtocolError` for
    conditions that only an extension knows which it does not have.
    """
    return [*_keys(query, can, is_utf8)] or ["ALL"]


def _keys(query: SearchQuery, can: Callable[[str], bool], is_utf8: bool) -> Iterator[SearchWord]:
    if query.seq is not None:
        yield _sequence_set(query.seq)
    if query.uid is not None:
        yield from ("UID", _sequence_set(query.uid))
    for name, yes, no in _FLAGS:
        wanted = getattr(query, name)
        if wanted is not None:
            yield yes if wanted else no
    for name, key in _TEXTS:
        text = getattr(query, name)
        if text:
            yield from (key, text.encode())
    for name, key in (("larger", "LARGER"), ("smaller", "SMALLER")):
        size = getattr(query, name)
        if size is not None:
            yield from (key, str(size))
    for name, key in _DATES:
        at_ms = getattr(query, name)
        if at_ms is not None:
            yield from (key, date(at_ms))
    yield from _identities(query, can)
    if query.modseq is not None:
        _need(can("CONDSTORE"), "modification sequences")
        yield from ("MODSEQ", str(query.modseq))
    for header, text in query.headers:
        yield from ("HEADER", header.encode(), text.encode())
    yield from _gmail(query, can, is_utf8)


def _identities(query: SearchQuery, can: Callable[[str], bool]) -> Iterator[SearchWord]:
    if query.email_id is None and query.thread_id is None and not query.email_ids:
        return
    if query.known_uids:
        yield from ("UID", str(NumSet.of(query.known_uids)))
        return
    if can("OBJECTID"):
        email_key, thread_key = "EMAILID", "THREADID"
    else:
        _need(can("X-GM-EXT-1"), "ids of messages and threads")
        email_key, thread_key = "X-GM-MSGID", "X-GM-THRID"
    if query.email_id is not None:
        yield from (email_key, _object_id(query.email_id))
    if query.thread_id is not None:
        yield from (thread_key, _object_id(query.thread_id))
    yield from _any_of([(email_key, _object_id(one)) for one in query.email_ids])


def _gmail(query: SearchQuery, can: Callable[[str], bool], is_utf8: bool) -> Iterator[SearchWord]:
    if not query.needs_gmail:
        return
    _need(can("X-GM-EXT-1"), "labels, it is not Gmail")
    if query.gmail_raw:
        yield from ("X-GM-RAW", query.gmail_raw.encode())
    for label in query.labels_has:
        yield from ("X-GM-LABELS", _label(label, is_utf8))
    for label in query.labels_not:
        yield from ("NOT", "X-GM-LABELS", _label(label, is_utf8))


def _any_of(keys: Sequence[tuple[SearchWord, ...]]) -> Iterator[SearchWord]:
    """``OR a OR b c``."""
    for key in keys[:-1]:
        yield "OR"
        yield from key
    if keys:
        yield from keys[-1]


def _sequence_set(ranges: Ranges) -> str:
    def spell(number: int | None) -> str:
        return "*" if number is None else str(number)

    return ",".join(
        spell(low) if low == high else f"{spell(low)}:{spell(high)}" for low, high in ranges
    )


def _object_id(text: str) -> str:
    if not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        raise LocalProtocolError(f"not an id of a message or thread: {text[:60]!r}")
    return text


def _label(label: str, is_utf8: bool) -> SearchWord:
    """A label of Gmail's own (``\\\\Inbox``) is an atom, others are mailbox names."""
    if label.startswith("\\") and label[1:].isascii() and label[1:].isalpha():
        return label
    return utf7.encode_utf8(label) if is_utf8 else utf7.encode(label)


def _need(there: bool, what: str) -> None:
    if not there:
        raise LocalProtocolError(f"The mail server has no {what}")
