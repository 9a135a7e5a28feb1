"""What is known of the mailboxes of an account and of the messages in them.

Written by whoever holds the account's lease; every unit that writes begins with its check.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, KeysView, Sequence
from dataclasses import dataclass

from postroad.domain.mailbox import Mailbox, SpecialUse
from postroad.domain.mailbox_state import Indexer, MailboxCursor
from postroad.domain.message_index import Chunk
from postroad.store.backend import Row, Session

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DECODE = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a message with some fingerprint was met, or was lost."""

    fingerprint: int
    number: int  # of the mailbox
    uid: int
    is_gone: bool
    seen_at: int  # epoch ms


class Cursors:
    """The cursors of an account by path, each made when it is asked for.

    There may be tens of thousands. As rows the garbage collector passes them over.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {row[0]: tuple(row) for row in rows}

    def __contains__(self, path: str) -> bool:
        return path in self._rows

    def paths(self) -> KeysView[str]:
        return self._rows.keys()

    def get(self, path: str) -> MailboxCursor | None:
        row = self._rows.get(path)
        return _cursor(row) if row is not None else None


class Messages:
    """Cursors and listing of mailboxes, chunks and traces of messages."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    # Mailboxes

    async def cursor(self, account: str, path: str) -> MailboxCursor | None:
        row = await self._session.maybe("find_mailbox_cursor", account=account, path=path)
        return _cursor(row) if row is not None else None

    async def cursors(self, account: str) -> Cursors:
        """Every mailbox that is followed."""
        return Cursors(await self._session.many("mailbox_cursors", account=account))

    async def has_cursors(self, account: str) -> bool:
        """Whether any mailbox is followed."""
        return await self._session.maybe("find_any_cursor", account=account) is not None

    async def put_cursor(self, account: str, cursor: MailboxCursor) -> None:
        """Raises :exc:`Conflict` for an unknown account."""
        await self._session.run(
            "put_mailbox_cursor",
            account=account,
            path=cursor.path,
            number=cursor.number,
            uidvalidity=cursor.uidvalidity,
            uidnext=cursor.uidnext,
            announced=cursor.announced,
            baseline=cursor.baseline,
            messages=cursor.messages,
            highestmodseq=cursor.highestmodseq,
            checked_at=cursor.checked_at,
            indexer=cursor.indexer.value,
            special_use=cursor.special_use.value if cursor.special_use is not None else None,
            delimiter=cursor.delimiter,
        )

    async def forget_mailbox(self, account: str, cursor: MailboxCursor) -> None:
        """Drop a mailbox and its messages."""
        await self._session.run("delete_mailbox_cursor", account=account, path=cursor.path)
        await self.forget_messages(account, cursor.number)

    async def forget_account(self, account: str) -> None:
        """Drop everything known of an account's mailboxes; their numbers stay."""
        await self._session.run("delete_mailbox_cursors", account=account)
        await self._session.run("delete_account_chunks", account=account)
        await self._session.run("delete_mailbox_listing", account=account)
        await self._session.run("forget_threads", account=account)

    async def listing(self, account: str) -> str:
        """The mailboxes as the server last listed them, for :func:`decode_listing`."""
        row = await self._session.maybe("find_mailbox_listing", account=account)
        return str(row[0]) if row is not None else "[]"

    async def put_listing(self, account: str, encoded: str) -> bool:
        """Keep a listing, of :func:`encode_listing`; whether it is another than before."""
        row = await self._session.maybe("find_mailbox_listing", account=account)
        if row is not None and row[0] == encoded:
            return False
        await self._session.run("put_mailbox_listing", account=account, data=encoded)
        return True

    # Messages

    async def chunk_of(self, account: str, number: int, uid: int) -> tuple[int, Chunk] | None:
        """The chunk in which ``uid`` lies or would lie, with its first UID.

        Raises :exc:`ValueError` when it cannot be read.
        """
        row = await self._session.maybe(
            "find_message_chunk", account=account, number=number, uid=uid
        )
        return (row[0], Chunk.decode(row[1])) if row is not None else None

    async def chunks(
        self, account: str, number: int, *, from_uid: int, limit: int
    ) -> list[tuple[int, Chunk]]:
        """Chunks whose first UID is ``from_uid`` or higher, in order."""
        rows = await self._session.many(
            "message_chunks", account=account, number=number, uid=from_uid, limit=limit
        )
        return [(row[0], Chunk.decode(row[1])) for row in rows]

    async def chunk_starts(self, account: str, number: int) -> list[int]:
        """The first UID of every chunk, ascending."""
        rows = await self._session.many("message_chunk_starts", account=account, number=number)
        return [row[0] for row in rows]

    async def put_chunk(self, account: str, number: int, first_uid: int, chunk: Chunk) -> None:
        """Write a chunk; one without messages is deleted."""
        if not len(chunk):
            await self._session.run(
                "delete_message_chunk", account=account, number=number, first_uid=first_uid
            )
            return
        await self._session.run(
            "put_message_chunk",
            account=account,
            number=number,
            first_uid=first_uid,
            data=chunk.encode(),
        )

    async def forget_messages(self, account: str, number: int) -> None:
        """Drop what is known of the messages of one life of a mailbox."""
        await self._session.run("delete_message_chunks", account=account, number=number)

    # Traces

    async def put_trace(self, trace: Trace) -> None:
        await self._session.run(
            "put_message_trace",
            fingerprint=trace.fingerprint,
            number=trace.number,
            uid=trace.uid,
            is_gone=int(trace.is_gone),
            now=trace.seen_at,
        )

    async def traces(self, low: int, high: int, *, since: int) -> list[Trace]:
        """At most 100 traces of the fingerprints ``low`` to ``high``, not older than ``since``."""
        rows = await self._session.many("message_traces", low=low, high=high, since=since)
        return [Trace(row[0], row[1], row[2], bool(row[3]), row[4]) for row in rows]

    async def purge_traces(self, *, before: int, limit: int = 500) -> int:
        """Forget up to ``limit`` traces older than ``before`` (epoch ms); how many they were."""
        return await self._session.run("purge_message_traces", before=before, limit=limit)


def _cursor(row: Row) -> MailboxCursor:
    path, number, uidvalidity, uidnext, announced, baseline, messages, modseq = row[:8]
    checked_at, indexer, special_use, delimiter = row[8:]
    return MailboxCursor(
        path=path,
        number=number,
        uidvalidity=uidvalidity,
        uidnext=uidnext,
        announced=announced,
        baseline=baseline,
        messages=messages,
        highestmodseq=modseq,
        checked_at=checked_at,
        indexer=Indexer(indexer),
        special_use=SpecialUse(special_use) if special_use is not None else None,
        delimiter=delimiter,
    )


def encode_listing(mailboxes: Sequence[Mailbox]) -> str:
    """A listing as it is stored, a JSON array; takes some 4 us for each mailbox.

    One after the other: the library would keep all other threads waiting for the whole.
    """
    written = [
        _ENCODE(
            {
                "path": one.path,
                "delimiter": one.delimiter,
                "special_use": one.special_use,
                "special_use_source": one.special_use_source,
                "subscribed": one.subscribed,
                "attributes": one.attributes,
            }
        )
        for one in mailboxes
    ]
    return f"[{','.join(written)}]"


def decode_listing(encoded: str) -> list[Mailbox]:
    """A listing as it was stored, one after the other as :func:`encode_listing`."""
    found = []
    at = 1
    while at < len(encoded) - 1:
        stored, at = _DECODE(encoded, at)
        found.append(_mailbox(stored))
        at += 1
    return found


def _mailbox(stored: dict[str, object]) -> Mailbox:
    use = stored["special_use"]
    attributes = stored["attributes"]
    assert isinstance(attributes, list)
    return Mailbox(
        path=str(stored["path"]),
        delimiter=None if stored["delimiter"] is None else str(stored["delimiter"]),
        special_use=None if use is None else SpecialUse(str(use)),
        special_use_source=(
            None if stored["special_use_source"] is None else str(stored["special_use_source"])
        ),
        subscribed=bool(stored["subscribed"]),
        attributes=tuple(str(one) for one in attributes),
    )
