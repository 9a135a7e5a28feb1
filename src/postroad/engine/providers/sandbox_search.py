"""Whether a message in the sandbox fits a search. Contract B-068.

The rules are those of IMAP: texts are found anywhere in a field and in any case, arrival counts
by its day in UTC, ``sent`` dates by the day that the Date field names (RFC 9051 §6.4.4).
"""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_tz

from postroad.domain.errors import Unprocessable
from postroad.domain.search import SearchQuery, in_ranges
from postroad.protocol.mime.charsets import decode_octets
from postroad.protocol.mime.headers import Headers, parse_headers
from postroad.protocol.mime.structure import decoded, header_block, leaves
from postroad.store.sandbox import SandboxMessage

_DAY_MS = 86_400_000
_ADDRESS_FIELDS = ("from", "to", "cc", "bcc")


def check(query: SearchQuery) -> None:
    """Raise :exc:`Unprocessable` for what only some servers can answer. Contract B-020."""
    if query.needs_gmail:
        raise Unprocessable("Gmail's search is not available here", code="MissingServerExtension")


def may_match(query: SearchQuery, message: SandboxMessage, seq: int, seqs: int, last: int) -> bool:
    """Judge by what is known without the octets; false is final.

    ``seqs`` is the highest message number and ``last`` the highest UID of the mailbox.
    """
    flags = {flag.lower() for flag in message.flags}
    wanted_flags = (
        (query.answered, "\\answered"),
        (query.deleted, "\\deleted"),
        (query.draft, "\\draft"),
        (query.seen, "\\seen"),
        (None if query.unseen is None else not query.unseen, "\\seen"),
        (query.flagged, "\\flagged"),
    )
    day = message.received_at // _DAY_MS
    return (
        all(wish is None or wish == (flag in flags) for wish, flag in wanted_flags)
        and (query.seq is None or in_ranges(seq, query.seq, seqs))
        and (query.uid is None or in_ranges(message.uid, query.uid, last))
        and (query.larger is None or message.content.size > query.larger)
        and (query.smaller is None or message.content.size < query.smaller)
        and (query.before is None or day < query.before // _DAY_MS)
        and (query.since is None or day >= query.since // _DAY_MS)
        # The sandbox gives no such ids, so none fits.
        and not (query.email_id or query.thread_id or query.email_ids)
        and query.modseq is None
    )


def needs_octets(query: SearchQuery) -> bool:
    """Whether :func:`may_match` leaves anything open."""
    texts = (query.from_, query.to, query.cc, query.bcc, query.subject, query.body)
    dates = (query.sent_before, query.sent_since)
    return any(texts) or any(date is not None for date in dates) or bool(query.headers)


def matches(query: SearchQuery, octets: bytes) -> bool:
    """Judge the rest by the message itself."""
    headers = parse_headers(header_block(octets))
    fields = (query.from_, query.to, query.cc, query.bcc)
    return (
        all(
            wish is None or _has(headers, name, wish)
            for name, wish in zip(_ADDRESS_FIELDS, fields, strict=True)
        )
        and (query.subject is None or _has(headers, "subject", query.subject))
        and all(_has(headers, name, text) for name, text in query.headers)
        and _is_sent_within(headers, query)
        and (query.body is None or _body_has(octets, query.body))
    )


def _has(headers: Headers, name: str, text: str) -> bool:
    wanted = text.lower()
    return any(wanted in value.lower() for value in headers.get_all(name))


def _is_sent_within(headers: Headers, query: SearchQuery) -> bool:
    if query.sent_before is None and query.sent_since is None:
        return True
    parsed = parsedate_tz(headers.get("date") or "")
    if parsed is None:
        return False
    # The day as it is written, whatever the zone.
    sent = (parsed[0], parsed[1], parsed[2])
    before, since = query.sent_before, query.sent_since
    return (before is None or sent < _day(before)) and (since is None or sent >= _day(since))


def _day(epoch_ms: int) -> tuple[int, int, int]:
    date = dt.datetime.fromtimestamp(epoch_ms / 1000, dt.UTC)
    return date.year, date.month, date.day


def _body_has(octets: bytes, text: str) -> bool:
    wanted = text.lower()
    for leaf in leaves(octets):
        if leaf.content_type.startswith("text/"):
            body = decode_octets(decoded(octets, leaf), "utf-8")
            if wanted in body.lower():
                return True
    return False
