"""Finding those of many old messages that are recent enough to be announced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from postroad.domain.mailbox_state import MailboxCursor
from postroad.engine.sync.connection import Connection
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NumSet

_CLOCKS_DIFFER_S = 60  # between the server's and ours
_FEW = 50  # whose details are read without looking at the day first


async def find_recent(
    connection: Connection, cursor: MailboxCursor, *, since: int | None, now: int
) -> list[int]:
    """UIDs of known messages that arrived after ``since`` (epoch ms), give or take a minute.

    ``cursor`` is that of the selected mailbox; what it has announced is left out. Without
    ``since`` all are recent. WITHIN (RFC 5032) finds them by the second, plain SEARCH by the day.
    """
    criteria = ["UID", f"{cursor.announced}:{cursor.uidnext - 1}"]
    if since is None:
        return await _search(connection, cursor, criteria)
    age_s = (now - since) // 1000 + _CLOCKS_DIFFER_S
    if connection.can("WITHIN") and age_s > 0:
        return await _search(connection, cursor, [*criteria, "YOUNGER", str(age_s)])
    uids = await _search(connection, cursor, [*criteria, "SINCE", _search_date(since)])
    if len(uids) <= _FEW:
        return uids
    # A day may have brought many.
    wanted, recent = set(uids), set[int]()
    oldest = since - _CLOCKS_DIFFER_S * 1000

    def take(row: Fetched) -> None:
        if row.uid in wanted and not (row.internal_date is not None and row.internal_date < oldest):
            recent.add(row.uid)

    span = NumSet(((uids[0], uids[-1]),))
    await connection.uid_fetch_stream(span, ["UID", "INTERNALDATE"], take)
    return sorted(recent)


async def _search(
    connection: Connection, cursor: MailboxCursor, criteria: Sequence[str]
) -> list[int]:
    return [uid for uid in await connection.uid_search(criteria) if uid < cursor.uidnext]


def _search_date(notify_from: int) -> str:
    """A day before, because servers compare days in a zone of their own. RFC 9051 §6.4.4."""
    day = datetime.fromtimestamp(notify_from / 1000, UTC) - timedelta(days=1)
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04d}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
