"""Leading what came back to what was sent.

By Message-ID first, ours or the one that the relay gave; then by ENVID; then by the address that
it came to, where return paths are tagged; and only when a report names no message, by recipient
within some days. A report that names a message we do not know is
about somebody else's, so nothing is guessed then.

A report is looked for among the messages of every account: bounces often go to a mailbox that is
not the sender's. An answer, which may go to many, counts only for the account in whose mailbox it
lies, or for accounts that have no mailbox of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postroad.domain.bounce import Report, ReportKind
from postroad.domain.sent import Match, MatchedBy, SentMessage, bare_id
from postroad.engine.returns.clue import Clue
from postroad.store import Tx

WINDOW_MS = 7 * 86_400_000  # queues give up after five days
_MAX_RECIPIENTS = 5  # of one report by whom a message is looked for
# Where relays keep the Message-ID that they replaced.
_FORMER_IDS = frozenset(
    {"x-google-original-message-id", "x-original-message-id", "original-message-id"}
)


class Matcher:
    """Works in one unit. :meth:`learn` asks once for what all of its mails name."""

    def __init__(self, tx: Tx, account: str) -> None:
        self._tx = tx
        self._account = account
        self._known: dict[str, list[SentMessage]] = {}

    async def learn(self, clues: Iterable[Clue]) -> None:
        """Look up the messages that are named by id."""
        wanted: list[str] = []
        for clue in clues:
            wanted += named_by(clue.report)
            if clue.report.kind is not ReportKind.ORDINARY or clue.is_answer:
                wanted += clue.named
                if clue.message_id is not None:
                    wanted.append(clue.message_id)
        for sent in await self._tx.sent.by_message_ids(wanted):
            for name in (sent.message_id, sent.remote_message_id):
                if name is not None:
                    self._known.setdefault(bare_id(name), []).append(sent)

    async def report(self, clue: Clue) -> Match | None:
        """The message that a bounce, a delivery report or a complaint is about."""
        report = clue.report
        ids = (*named_by(report), *clue.named)
        for name in ids:
            if found := self._by_id(name):
                return await self._chosen(found, _recipients(report))
        envelope_id = report.envelope_id
        if envelope_id is None and report.feedback is not None:
            envelope_id = report.feedback.envelope_id
        if envelope_id:
            sent = await self._tx.sent.by_envelope_id(self._account, envelope_id)
            if sent is not None:
                return Match(sent, MatchedBy.ENVELOPE_ID)
        if (match := await self._by_return_path(clue)) is not None:
            return match
        if ids:
            # The report was faster than the commit that tells of the relay's 250.
            sent = await self._tx.sent.being_sent(self._account, ids[0])
            return None if sent is None else Match(sent, MatchedBy.MESSAGE_ID)
        return await self._by_recipient(_recipients(report))

    async def answer(self, clue: Clue) -> Match | None:
        """The message that a person or a machine answered."""
        if not clue.is_answer or (clue.message_id and self._by_id(clue.message_id)):
            return None  # our own mail, come back to us
        for name in clue.named:
            found = [one for one in self._by_id(name) if await self._is_for_us(one)]
            if found:
                return await self._chosen(found, [clue.sender])
        if not clue.is_automatic:
            return None
        if (match := await self._by_return_path(clue)) is not None:  # RFC 3834 §4 answers there
            return match if await self._is_for_us(match.sent) else None
        if clue.named or not clue.sender:
            return None
        return await self._by_recipient([clue.sender])

    async def _by_return_path(self, clue: Clue) -> Match | None:
        for queue_id in clue.returned_to:
            if (sent := await self._tx.sent.by_return_path(queue_id)) is not None:
                return Match(sent, MatchedBy.RETURN_PATH)
        return None

    def _by_id(self, message_id: str) -> Sequence[SentMessage]:
        return self._known.get(bare_id(message_id), ())

    async def _chosen(self, found: Sequence[SentMessage], about: Iterable[str]) -> Match:
        """Of the messages of one id the one that went to an address which the mail is about.

        Programs that make a message for each recipient, or for some hundreds of them, give all
        of them the same id.
        """
        if len(found) == 1:
            return Match(found[0], MatchedBy.MESSAGE_ID)
        told = {who.lower() for who in about}
        named = [one for one in found if told.intersection(who.lower() for who in one.recipients)]
        if not named:
            further = await self._tx.sent.further(found, told)
            named = [one for one in found if one.queue_id in further]
        chosen = _preferred(named or found, self._account)
        return Match(chosen, MatchedBy.MESSAGE_ID, is_sure=bool(named))

    async def _is_for_us(self, sent: SentMessage) -> bool:
        if sent.account == self._account:
            return True
        sender = await self._tx.accounts.find(sent.account)
        return sender is not None and not sender.has_mailbox

    async def _by_recipient(self, addresses: Sequence[str]) -> Match | None:
        since = self._tx.now - WINDOW_MS
        for address in addresses:
            sent = await self._tx.sent.by_recipient(self._account, address, since=since)
            if sent is not None:
                return Match(sent, MatchedBy.RECIPIENT)
        return None


def named_by(report: Report) -> tuple[str, ...]:
    """The Message-IDs of the original that a report tells, the surest first."""
    original = report.original
    ids = [] if original.message_id is None else [original.message_id]
    ids += [value for name, value in original.headers if name in _FORMER_IDS and value]
    return tuple(dict.fromkeys(ids))


def _preferred(found: Sequence[SentMessage], account: str) -> SentMessage:
    """The newest of the account's own, else the newest of all."""
    return next((one for one in found if one.account == account), found[0])


def _recipients(report: Report) -> list[str]:
    told: list[str] = []
    for one in report.recipients:
        told += [one.original_recipient or "", one.recipient]
    if report.feedback is not None:
        told += report.feedback.recipients
    return list(dict.fromkeys(one for one in told if one))[:_MAX_RECIPIENTS]
