"""What a new mail gives to find out which message of ours it is about. Pure.

Ordinary mail is judged by the header fields and the tree of parts that were fetched of it anyway;
only what may be a report is read whole (:func:`wants_source`). Contract B-187, B-188, B-197.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from postroad.domain.bounce import Action, Report, ReportKind
from postroad.domain.mailbox import SpecialUse
from postroad.domain.message import MessageSummary
from postroad.domain.return_path import queue_ids_in
from postroad.engine.mail.details import headers_of, message_uses
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.mime.headers import Headers, message_ids
from postroad.protocol.report.candidate import is_automatic, may_report
from postroad.protocol.report.signs import Signs, read_signs

MAX_SOURCE = 1024 * 1024  # octets of a mail that a report is read from
MAX_NAMED = 12  # Message-IDs that a mail refers to, by which ours is looked for

_OWN_FIELDS = ("To", "Delivered-To", "X-Original-To")
_MAX_OWN = 5  # addresses of each
_REPORTED_IN = frozenset({SpecialUse.INBOX, SpecialUse.JUNK})
_NOT_ANSWERED_IN = frozenset(
    {SpecialUse.SENT, SpecialUse.DRAFTS, SpecialUse.TRASH, SpecialUse.JUNK}
)
_OURS = frozenset({SpecialUse.SENT, SpecialUse.DRAFTS})
_ORDINARY = Report(ReportKind.ORDINARY)


def may_tell(special_use: SpecialUse | None, labels: Iterable[str] | None) -> bool:
    """Whether new mail of a mailbox can be about ours: all but what we have written ourselves."""
    uses = message_uses(special_use, labels)
    return bool(uses & _REPORTED_IN) or not uses & _OURS


@dataclass(frozen=True, slots=True)
class Clue:
    """One new mail."""

    report: Report  # of the kind ``ordinary`` when it reports nothing
    message_id: str | None  # its own, with <>
    named: tuple[str, ...]  # In-Reply-To, then References from the newest on
    arrived_at: int | None  # epoch ms
    size: int | None  # octets
    sender: str  # address in From; empty when there is none
    is_automatic: bool  # a machine answered
    is_answer: bool  # lies where answers are looked for
    returned_to: tuple[str, ...] = ()  # queue ids in the addresses that it came to


@dataclass(frozen=True, slots=True)
class Outside:
    """The outer side of a new mail, read once."""

    headers: Headers
    signs: Signs
    uses: frozenset[SpecialUse]

    @classmethod
    def of(cls, row: Fetched, special_use: SpecialUse | None) -> Outside:
        """``row`` has at least the fields that a report is known by."""
        headers = headers_of(row) or Headers()
        return cls(headers, read_signs(headers), message_uses(special_use, row.labels))


def wants_source(outside: Outside, row: Fetched) -> bool:
    """Whether the mail is to be read whole."""
    return bool(outside.uses & _REPORTED_IN) and may_report(outside.signs, row.structure)


def clue_of(
    outside: Outside, row: Fetched, summary: MessageSummary, report: Report | None
) -> Clue | None:
    """What a mail gives; ``None`` for one that is about nothing of ours for sure.

    ``report`` is what its source told, if it was read.
    """
    headers, uses = outside.headers, outside.uses
    report = _considered(report, uses)
    named = _named(headers, summary.in_reply_to)
    returned_to = queue_ids_in(_came_to(headers))[:MAX_NAMED]
    is_machine = is_automatic(
        headers, outside.signs, subject=summary.subject, in_reply_to=summary.in_reply_to
    )
    if report.kind is ReportKind.ORDINARY and not named and not is_machine:
        return None
    return Clue(
        report=report,
        message_id=summary.message_id,
        named=named,
        arrived_at=row.internal_date,
        size=row.size,
        sender=summary.from_.address if summary.from_ is not None else "",
        is_automatic=is_machine,
        is_answer=not uses & _NOT_ANSWERED_IN,
        returned_to=returned_to,
    )


def _considered(report: Report | None, uses: frozenset[SpecialUse]) -> Report:
    """Contract B-187: in Junk only bounces count, and delays are none."""
    if report is None:
        return _ORDINARY
    actions = [one.action for one in report.recipients]
    has_failed = not actions or Action.FAILED in actions
    if SpecialUse.INBOX in uses or (report.kind is ReportKind.BOUNCE and has_failed):
        return report
    return _ORDINARY


def _came_to(headers: Headers) -> Iterator[str]:
    """Addresses of ours in the header: what comes back to a return path is addressed to it."""
    for name in _OWN_FIELDS:
        for address in headers.addresses(name)[:_MAX_OWN]:
            yield address.address


def _named(headers: Headers, in_reply_to: str | None) -> tuple[str, ...]:
    answered: Sequence[str] = message_ids(headers.raw("in-reply-to") or in_reply_to or "")
    referred = message_ids(headers.raw("references") or "")[::-1]
    return tuple(dict.fromkeys((*answered, *referred)))[:MAX_NAMED]
