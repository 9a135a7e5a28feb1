"""What happens in sandbox mailboxes, told in the transaction that makes it true.

The same events as for mail on a server (contract, events §2.1, §2.3), without anything to watch:
whoever changes a sandbox mailbox tells of it. What has to be read for an announcement is read
before the transaction begins (:func:`arrival`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from postroad.domain.account import Account
from postroad.domain.bounce import Report
from postroad.domain.event import Event
from postroad.domain.mailbox import Mailbox
from postroad.domain.message import MessageSummary
from postroad.domain.message_id import pack_message
from postroad.domain.message_index import marks
from postroad.domain.setting import SettingValues
from postroad.engine.mail.details import summary_of
from postroad.engine.mail.payload import message_new_data, wanted_bodies
from postroad.engine.providers.results import FoundBody
from postroad.engine.returns.clue import MAX_SOURCE, Outside, clue_of
from postroad.engine.returns.record import Returns
from postroad.engine.returns.tally import tally
from postroad.engine.sync.arrivals import fingerprint_of
from postroad.engine.sync.describe import references_of
from postroad.engine.sync.diff import Changed
from postroad.engine.sync.threads import email_name, identity_of, thread_name, thread_nodes
from postroad.engine.sync.told import Place, Teller
from postroad.observe import metrics
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.parser import parse_message
from postroad.protocol.report import read_report
from postroad.protocol.report.candidate import may_report
from postroad.store import Tx

MAX_READ = 4 * 1024 * 1024  # octets of a message that its announcement is made of
_SLOW_BYTES = 64 * 1024


class SettingsSource(Protocol):
    """Settings as they are now."""

    @property
    def snapshot(self) -> SettingValues: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as far as it can be described before it has a UID."""

    row: Fetched
    bodies: tuple[FoundBody, ...]
    settings: SettingValues
    report: Report | None  # what its source tells, if it may be a report


async def arrival(octets: bytes, size: int, settings: SettingsSource | None) -> Arrival:
    """Read what is told of a new message; ``octets`` are its first ones, ``size`` is of all."""
    current = SettingValues() if settings is None else settings.snapshot
    if len(octets) < _SLOW_BYTES:
        return _arrival(octets, size, current)
    return await asyncio.to_thread(_arrival, octets, size, current)


def _arrival(octets: bytes, size: int, settings: SettingValues) -> Arrival:
    parsed = parse_message(octets)
    row = Fetched(1, size=size, structure=parsed.root, sections={"HEADER": parsed.header_block})
    bodies = []
    for wish in wanted_bodies(row, settings):
        node, body = parsed.root.find(wish.part), parsed.body(wish.part)
        if node is not None and body is not None:
            cut = body[: wish.max_bytes]
            bodies.append(FoundBody(node, cut, is_cut=len(cut) < len(body)))
    is_candidate = may_report(Outside.of(row, None).signs, row.structure)
    report = read_report(octets[:MAX_SOURCE]) if is_candidate else None
    return Arrival(row, tuple(bodies), settings, report)


class SandboxNews:
    """Records the events of one unit; :meth:`told` are to be counted once it is committed."""

    def __init__(self, tx: Tx, account: Account) -> None:
        self._tx = tx
        self._account = account
        self._events: list[Event] = []

    async def new(
        self,
        mailbox: Mailbox,
        number: int,
        uid: int,
        came: Arrival,
        *,
        flags: Sequence[str],
        received_at: int,
        is_first: bool = True,
    ) -> None:
        """A message has come, unless it is older than the account wants to hear of.

        ``is_first`` tells it from one that was in another mailbox before.
        """
        row = replace(came.row, uid=uid, flags=tuple(flags), internal_date=received_at)
        message = pack_message(number, uid)
        use = mailbox.special_use
        summary = summary_of(row, message=message, path=mailbox.path, special_use=use)
        ids = await self._ids(row, summary, came.settings)
        if (since := self._account.notify_from) is not None:
            # A Date field knows whole seconds only, and would make the bounce of a first message
            # older than an account that is as young as this second.
            if summary.date is None or summary.date < since // 1000 * 1000:
                return
        data = message_new_data(
            row,
            summary,
            special_use=use,
            settings=came.settings,
            bodies=came.bodies,
        )
        data |= ids
        if not self._is_told(mailbox):
            return
        clue = clue_of(Outside.of(row, use), row, summary, came.report)
        returns = await Returns.begin(self._tx, self._account.account, [(data, clue)])
        told = await returns.tell(data, clue, is_first=is_first)
        self._events.append(self._teller(mailbox, number).message_new(told.data))
        self._events += told.events

    async def _ids(
        self, row: Fetched, summary: MessageSummary, settings: SettingValues
    ) -> dict[str, object]:
        """Put a message into its thread, where threads are computed."""
        wanted = self._account.threading
        if not (settings.threading if wanted is None else wanted):
            return {}
        name = self._account.account
        identity = identity_of(summary, row.internal_date)
        nodes = thread_nodes(identity, references_of(row, summary))
        (thread,) = await self._tx.threads.join(name, [nodes])
        email = fingerprint_of(name, row, identity)
        return {"threadId": thread_name(thread), "emailId": email_name(email)}

    def changed(
        self,
        mailbox: Mailbox,
        number: int,
        uid: int,
        before: Sequence[str],
        after: Sequence[str],
    ) -> None:
        """The flags of a message are others now."""
        if self._is_full:
            change = Changed(uid, marks(tuple(before)), marks(tuple(after)))
            self._tell(mailbox, self._teller(mailbox, number).message_updated(change))

    def gone(self, mailbox: Mailbox, number: int, uid: int) -> None:
        """A message is there no more."""
        if self._is_full:
            self._tell(mailbox, self._teller(mailbox, number).message_deleted(uid))

    def moved(self, mailbox: Mailbox, number: int, uid: int, origin: Place) -> None:
        """A message lies here now that lay elsewhere."""
        if self._is_full:
            teller = self._teller(mailbox, number)
            self._tell(mailbox, teller.message_moved(uid, origin=origin, email_id=None))

    def mailbox_made(self, mailbox: Mailbox, uidvalidity: int) -> None:
        self._tell(mailbox, self._teller(mailbox, 0).mailbox_new(uidvalidity))

    def mailbox_gone(self, mailbox: Mailbox) -> None:
        self._tell(mailbox, self._teller(mailbox, 0).mailbox_deleted())

    async def record(self) -> list[Event]:
        """Put everything into the log; what :func:`count` is to be given after the commit."""
        if self._events:
            await self._tx.events.record(*self._events)
        return self._events

    @property
    def _is_full(self) -> bool:
        """The fast indexer tells of new messages alone. Contract B-223."""
        return self._account.indexer != "fast"

    def _tell(self, mailbox: Mailbox, event: Event) -> None:
        if self._is_told(mailbox):
            self._events.append(event)

    def _is_told(self, mailbox: Mailbox) -> bool:
        paths = self._account.paths
        return paths is None or mailbox.path in paths or mailbox.special_use in paths

    def _teller(self, mailbox: Mailbox, number: int) -> Teller:
        name = self._account.account
        return Teller(name, mailbox.path, number, mailbox.special_use, mailbox.delimiter)


def count(events: Sequence[Event]) -> None:
    """Count what was told, for the metrics."""
    for event in events:
        metrics.event_recorded(event.name.value)
    tally(events)
