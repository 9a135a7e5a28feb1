"""Learning of new messages what is told about them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from postroad.domain.errors import NotFound
from postroad.domain.mailbox_state import MailboxCursor
from postroad.domain.message import MessageSummary
from postroad.domain.message_id import pack_message
from postroad.domain.setting import SettingValues
from postroad.engine.mail.details import headers_of, summary_of
from postroad.engine.mail.payload import message_new_data, needed_items, wanted_bodies
from postroad.engine.mail.text import LARGE_BYTES
from postroad.engine.providers.imap_reading import fetch_bodies, fetch_one, fetch_small_bodies
from postroad.engine.providers.results import FoundBody, PartWish
from postroad.engine.returns.clue import MAX_SOURCE, Clue, Outside, clue_of, may_tell, wants_source
from postroad.engine.sync.connection import Connection
from postroad.engine.sync.threads import identity_of
from postroad.observe import get_logger
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.headers import message_ids
from postroad.protocol.report import read_report
from postroad.transport.imap import CommandRefused

log = get_logger(__name__)


class SettingsSource(Protocol):
    """Settings as they are now."""

    @property
    def snapshot(self) -> SettingValues: ...


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of one message once it was read."""

    data: Mapping[str, object]  # of messageNew
    date: int | None  # epoch ms, of the Date field or else of the arrival
    identity: str  # see :func:`~postroad.engine.sync.threads.identity_of`
    references: tuple[str, ...] = ()  # Message-IDs that it names, that of In-Reply-To first
    clue: Clue | None = None  # to the message that it is about, if there may be one


Bodies = Mapping[int, Sequence[FoundBody]]  # by UID


class Describer(Protocol):
    """Reads messages for their announcement."""

    def items(self, connection: Connection) -> Sequence[str]:
        """What to fetch for :meth:`describe`, besides UID, FLAGS and ids."""
        ...

    def is_complete(self, row: Fetched) -> bool:
        """Whether the server gave enough to describe the message."""
        ...

    async def read_ahead(self, connection: Connection, rows: Sequence[Fetched]) -> Bodies:
        """Read at once what several messages lack; who is not in it is read by itself."""
        ...

    async def describe(
        self,
        connection: Connection,
        cursor: MailboxCursor,
        row: Fetched,
        *,
        not_before: int | None,
        ahead: Bodies,
    ) -> Description:
        """Read what is still lacking, such as the text, unless it was read ``ahead`` or the
        message is older than ``not_before`` (epoch ms) and is not announced anyway.
        """
        ...


class MessageDescriber:
    """Describes messages as the settings of the moment want them."""

    def __init__(self, settings: SettingsSource, *, folds: bool = True) -> None:
        self._settings = settings
        self._folds = folds  # quoted history in clean HTML

    def items(self, connection: Connection) -> Sequence[str]:
        return needed_items(self._settings.snapshot)

    def is_complete(self, row: Fetched) -> bool:
        return row.envelope is not None or row.structure is not None or bool(row.sections)

    async def read_ahead(self, connection: Connection, rows: Sequence[Fetched]) -> Bodies:
        settings = self._settings.snapshot
        try:
            return await fetch_small_bodies(
                connection, [(row, wanted_bodies(row, settings)) for row in rows]
            )
        except CommandRefused:
            return {}  # one of them may be what the server chokes on

    async def describe(
        self,
        connection: Connection,
        cursor: MailboxCursor,
        row: Fetched,
        *,
        not_before: int | None,
        ahead: Bodies,
    ) -> Description:
        assert row.uid is not None
        settings = self._settings.snapshot
        message = pack_message(cursor.number, row.uid)
        summary = summary_of(row, message=message, path=cursor.path, special_use=cursor.special_use)
        identity = identity_of(summary, row.internal_date)
        known = Description({}, summary.date, identity, references_of(row, summary))
        if not_before is not None and (summary.date is None or summary.date < not_before):
            return known
        bodies = ahead.get(row.uid)
        if bodies is None:
            bodies = await _bodies(connection, row, wanted_bodies(row, settings))
        make = partial(
            message_new_data,
            row,
            summary,
            special_use=cursor.special_use,
            settings=settings,
            bodies=bodies,
            folds=self._folds,
        )
        is_large = sum(len(body.octets) for body in bodies) > LARGE_BYTES
        data = await asyncio.to_thread(make) if is_large else make()
        known = replace(known, data=data)
        if not may_tell(cursor.special_use, row.labels):
            return known
        outside = Outside.of(row, cursor.special_use)
        source = await _source(connection, row) if wants_source(outside, row) else None
        if source is None:
            report = None
        elif len(source) > LARGE_BYTES:
            report = await asyncio.to_thread(read_report, source)
        else:
            report = read_report(source)
        return replace(known, clue=clue_of(outside, row, summary, report))


async def _bodies(
    connection: Connection, row: Fetched, wishes: Sequence[PartWish]
) -> list[FoundBody]:
    """The parts that the settings want; none when the message has just gone or is withheld."""
    if not wishes:
        return []
    try:
        return await fetch_bodies(connection, row, wishes)
    except (CommandRefused, NotFound):
        return []


async def _source(connection: Connection, row: Fetched) -> bytes | None:
    """The beginning of a message; none when it has just gone or is withheld."""
    assert row.uid is not None
    is_small = row.size is not None and row.size <= MAX_SOURCE
    item = "BODY.PEEK[]" if is_small else f"BODY.PEEK[]<0.{MAX_SOURCE}>"
    try:
        got = await fetch_one(connection, row.uid, ["UID", item], max_bytes=2 * MAX_SOURCE)
    except (CommandRefused, NotFound):
        log.info("what may be a report could not be fetched", uid=row.uid)
        return None
    octets = got.sections.get("") or got.sections.get("<0>")
    return None if octets is None else octets[:MAX_SOURCE]


def references_of(row: Fetched, summary: MessageSummary) -> tuple[str, ...]:
    """Message-IDs that a message names, first the one that it answers. RFC 5256 §3."""
    headers = headers_of(row)
    value = headers.raw("references") if headers is not None else None
    answered = (summary.in_reply_to,) if summary.in_reply_to else ()
    return (*answered, *message_ids(value or ""))
