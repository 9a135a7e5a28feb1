"""Writing down what came back, in the transaction that announces the mail that told it.

So no report is lost or told twice when a process dies: either the mailbox's cursor has passed the
mail and its events are in the log, or neither. A report that comes again under another folder is
shown as what it is, and its events are not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from postroad.domain.bounce import Action, Feedback, Report, ReportedRecipient, ReportKind
from postroad.domain.event import Event, EventName
from postroad.domain.sent import Match, MatchedBy, Returned, ReturnedKind, bare_id, report_key
from postroad.domain.suppression import ReturnedMail
from postroad.engine.returns.clue import Clue
from postroad.engine.returns.match import Matcher
from postroad.engine.returns.told import (
    bounce_data,
    bounce_entry,
    complaint_data,
    delivery_report,
    reply_data,
    submission_data,
)
from postroad.engine.suppression.automatic import Fate, suppress_returned
from postroad.store import Tx

_MAX_ENTRIES = 100  # bounces of one message that are shown with it
_MAX_ROWS = 1_000  # recipients of one report


@dataclass(frozen=True, slots=True)
class Told:
    """What becomes of one announcement."""

    data: Mapping[str, object]  # of messageNew
    events: Sequence[Event] = ()  # right behind it


class Returns:
    """What came back to one account, in one unit."""

    def __init__(self, tx: Tx, account: str) -> None:
        self._tx = tx
        self._account = account
        self._matcher = Matcher(tx, account)
        self._bounces: Mapping[str, Sequence[Returned]] = {}

    @classmethod
    async def begin(
        cls,
        tx: Tx,
        account: str,
        news: Iterable[tuple[Mapping[str, object] | None, Clue | None]],
    ) -> Returns:
        """Look up at once what all mails of the unit name; those without data are not told."""
        returns = cls(tx, account)
        shown = [(data, clue) for data, clue in news if data is not None]
        await returns._matcher.learn(clue for _, clue in shown if clue is not None)
        ids = [name for data, _ in shown if isinstance(name := data.get("messageId"), str)]
        returns._bounces = await tx.returned.bounces_of(account, ids)
        return returns

    async def tell(
        self, data: Mapping[str, object], clue: Clue | None, *, is_first: bool = True
    ) -> Told:
        """Complete the data of messageNew, and make the events that go with it.

        ``is_first`` says that the mail was not met before in another mailbox.
        """
        known = self._bounces.get(bare_id(str(data.get("messageId", ""))))
        if known:
            data = {**data, "bounces": [bounce_entry(one) for one in known[:_MAX_ENTRIES]]}
        if clue is None:
            return Told(data)
        match clue.report.kind:
            case ReportKind.BOUNCE | ReportKind.DELIVERY:
                return await self._delivery(data, clue)
            case ReportKind.COMPLAINT:
                return await self._complaint(data, clue)
            case ReportKind.AUTO_REPLY | ReportKind.ORDINARY:
                return await self._answer(data, clue, is_first=is_first)

    async def _delivery(self, data: Mapping[str, object], clue: Clue) -> Told:
        report = clue.report
        found = await self._matcher.report(clue)
        failed = [one for one in report.recipients if one.action is Action.FAILED]
        data = {name: value for name, value in data.items() if name != "isAutoReply"}
        if failed or not report.recipients:
            data["isBounce"] = True
        elif (fields := delivery_report(report)) is not None:
            data["deliveryReport"] = fields
        data |= self._related(report, found)
        rows = self._bounce_rows(data, report, failed, found)
        if not rows or not await self._record(clue, data, [row for _, row in rows]):
            return Told(data)
        events = []
        for item, row in rows:
            told = bounce_data(report, item, row.recipient, data.get("id"), events=len(rows))
            events.append(self._event(EventName.MESSAGE_BOUNCE, told, found))
        events += await self._suppress(data, clue, [item for item, _ in rows], found)
        return Told(data, events)

    def _bounce_rows(
        self,
        data: Mapping[str, object],
        report: Report,
        failed: Sequence[ReportedRecipient],
        found: Match | None,
    ) -> list[tuple[ReportedRecipient, Returned]]:
        """One for each address; the same one twice in a report is told once."""
        by_address: dict[str, tuple[ReportedRecipient, Returned]] = {}
        only = found.sent.recipients if found is not None and found.is_sure else ()
        for item in failed:
            recipient = item.recipient or (only[0] if len(only) == 1 else "")
            if not recipient or recipient.lower() in by_address:
                continue
            row = self._row(ReturnedKind.BOUNCE, data, report, recipient, found)
            row = replace(
                row,
                action=item.action.value,
                type=item.verdict.type.value,
                reason=item.verdict.reason.value,
                status=item.status,
                response=item.response.text if item.response is not None else None,
            )
            by_address[recipient.lower()] = (item, row)
        return list(by_address.values())

    async def _complaint(self, data: Mapping[str, object], clue: Clue) -> Told:
        report, feedback = clue.report, clue.report.feedback
        found = await self._matcher.report(clue)
        data = {name: value for name, value in data.items() if name != "isAutoReply"}
        data |= {"isComplaint": True, **self._related(report, found)}
        if feedback is not None and not feedback.recipients and found is not None:
            # Left out of most reports for privacy, and yet known if there was only one.
            only = found.sent.recipients if found.is_sure else ()
            feedback = replace(feedback, recipients=only if len(only) == 1 else ())
        if feedback is None or not feedback.recipients:
            return Told(data)
        rows = [
            replace(
                self._row(ReturnedKind.COMPLAINT, data, report, recipient, found),
                reason=feedback.feedback_type,
            )
            for recipient in feedback.recipients[:_MAX_ROWS]
        ]
        if not await self._record(clue, data, rows):
            return Told(data)
        told = complaint_data(report, feedback, data.get("id"))
        suppressed = await self._suppress(data, clue, [feedback], found)
        return Told(data, [self._event(EventName.MESSAGE_COMPLAINT, told, found), *suppressed])

    async def _answer(self, data: Mapping[str, object], clue: Clue, *, is_first: bool) -> Told:
        found = await self._matcher.answer(clue)
        if clue.is_automatic:
            data = {**data, "isAutoReply": True}
            if found is not None:
                data["submission"] = submission_data(found, self._account)
            return Told(data)
        if found is None or not is_first:
            return Told(data)
        return Told(data, [self._event(EventName.MESSAGE_REPLY, reply_data(data, found), found)])

    async def _suppress(
        self, data: Mapping[str, object], clue: Clue, fates: Sequence[Fate], found: Match | None
    ) -> list[Event]:
        """A message that was only guessed by its recipient suppresses nobody: anybody can guess.

        Nor does one of several that go by the same id, unless the report tells which it is.
        """
        if found is None or found.by is MatchedBy.RECIPIENT or not found.is_sure:
            return []
        sent, now = found.sent, self._tx.now
        mail = ReturnedMail(
            reporter=self._account,
            message=str(data.get("id", "")),
            arrived_at=now if clue.arrived_at is None else clue.arrived_at,
            queue_id=sent.queue_id,
            message_id=sent.message_id,
        )
        wrote_to = list(sent.recipients)
        if sent.further:
            # Those that the report names are enough: nobody else is asked about.
            named = await self._tx.sent.further([sent], _named(fates))
            wrote_to += named.get(sent.queue_id, ())
        return await suppress_returned(self._tx, sent.account, fates, wrote_to=wrote_to, mail=mail)

    def _related(self, report: Report, found: Match | None) -> dict[str, object]:
        related: dict[str, object] = {}
        if report.original.message_id is not None:
            related["relatedMessageId"] = report.original.message_id
        if found is not None:
            related["submission"] = submission_data(found, self._account)
        return related

    def _row(
        self,
        kind: ReturnedKind,
        data: Mapping[str, object],
        report: Report,
        recipient: str,
        found: Match | None,
    ) -> Returned:
        sent = None if found is None else found.sent
        told = report.original.message_id
        message_id = told if sent is None else sent.message_id
        is_remote = told is not None and bare_id(told) != bare_id(message_id or "")
        return Returned(
            kind=kind,
            account=self._account if sent is None else sent.account,
            reporter=self._account,
            report=str(data.get("id", "")),
            message_id=message_id,
            recipient=recipient,
            action=None,
            type=None,
            reason=None,
            status=None,
            response=None,
            queue_id=None if sent is None else sent.queue_id,
            recorded_at=self._tx.now,
            remote_id=told if is_remote else None,
        )

    async def _record(
        self, clue: Clue, data: Mapping[str, object], rows: Sequence[Returned]
    ) -> bool:
        """Keep the rows; false when the same mail was recorded before."""
        identity = clue.message_id or str(data.get("id", ""))
        key = report_key(self._account, identity, arrived_at=clue.arrived_at, size=clue.size)
        if await self._tx.returned.knows(key):
            return False
        await self._tx.returned.record(key, rows)
        return True

    def _event(self, name: EventName, data: dict[str, object], found: Match | None) -> Event:
        if found is not None:
            data["submission"] = submission_data(found, self._account)
        path = data.get("path")
        return Event(
            name,
            self._account,
            data,
            queue_id=None if found is None else found.sent.queue_id,
            path=path if isinstance(path, str) else None,
        )


def _named(fates: Iterable[Fate]) -> Iterator[str]:
    for fate in fates:
        match fate:
            case ReportedRecipient(recipient=recipient, original_recipient=original):
                yield recipient
                if original is not None:
                    yield original
            case Feedback(recipients=recipients):
                yield from recipients
