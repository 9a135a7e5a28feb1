"""The octets of messages.

Up to :data:`INLINE_MAX` they lie in their row. Larger ones are put down before the unit that
inserts the row (``Store.stage``): on SQLite into a file beside the database, on PostgreSQL into
rows of their own. A crash in between leaves octets without a row, which the sweep removes.
Every content has exactly one owner; whoever wants the octets longer keeps a copy.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from postroad.domain.submission import Content
from postroad.store import jsontext
from postroad.store.backend import Session

INLINE_MAX = 256 * 1024  # octets
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Staged:
    """Content whose octets are in safe hands but that no row speaks of yet."""

    content: Content
    data: bytes | None = field(repr=False)  # the octets, when small
    spill: str | None = None  # name of the file, when large on SQLite


class Contents:
    """The ``content`` and ``content_chunk`` tables."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, staged: Staged) -> Content:
        """Make staged content part of this unit. Each is inserted once."""
        content = staged.content
        self._session.defer(
            "insert_content",
            content_id=content.content_id,
            size=content.size,
            bcc_start=content.bcc_start,
            bcc_end=content.bcc_end,
            created_at=self._session.now,
            spill=staged.spill,
            data=staged.data,
        )
        return content

    async def delete(self, content_id: str) -> bool:
        """Drop content; its file goes once the unit is committed. False when it was gone."""
        return await drop_contents(self._session, [content_id]) == 1

    async def find_inline(self, content_id: str) -> tuple[bytes | None, str | None] | None:
        """Octets in the row and name of the spilled file; ``None`` when there is no row."""
        row = await self._session.maybe("find_content", content_id=content_id)
        return (row[0], row[1]) if row is not None else None

    async def insert_chunk(self, content_id: str, n: int, data: bytes) -> None:
        """Put down one piece of large content, before its row."""
        self._session.defer("insert_chunk", content_id=content_id, n=n, data=data)

    async def find_chunk(self, content_id: str, n: int) -> bytes | None:
        row = await self._session.maybe("find_chunk", content_id=content_id, n=n)
        return row[0] if row is not None else None

    async def sweep_chunks(self, *, older_than: str, limit: int = 100) -> int:
        """Drop chunks without a row whose content id sorts before ``older_than``."""
        return await self._session.run("sweep_chunks", older_than=older_than, limit=limit)

    async def missing(self, content_ids: Sequence[str]) -> set[str]:
        """Those of ``content_ids`` that have no row."""
        rows = await self._session.many("present_contents", ids=jsontext.write(list(content_ids)))
        return set(content_ids) - {row[0] for row in rows}


async def drop_contents(session: Session, content_ids: Sequence[str]) -> int:
    """Delete content rows and all that hangs on them; returns how many there were."""
    if not content_ids:
        return 0
    for content_id in content_ids:
        session.recent.take(content_id)
    if len(content_ids) == 1:
        rows = await session.many("delete_content", content_id=content_ids[0])
    else:
        rows = await session.many("delete_contents", ids=jsontext.write(list(content_ids)))
    for content_id, spill, size in rows:
        if spill is not None:
            session.drop_file(spill)
        elif size > INLINE_MAX:
            session.defer("delete_chunks", content_id=content_id)
    return len(rows)


def new_content_id(now: int) -> str:
    """An id that sorts by time and that nobody can guess. ``now`` is epoch ms."""
    return f"{now:012x}{secrets.token_hex(10)}"


def content_ids_before(time: int) -> str:
    """A text that sorts behind every content id made before ``time`` (epoch ms)."""
    return f"{time:012x}"
