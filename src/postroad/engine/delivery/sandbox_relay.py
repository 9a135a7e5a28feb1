"""The relay of sandbox accounts: mail that never leaves this program.

A recipient that is the address of a sandbox account gets the message into the INBOX there; all
of them in one transaction. Any other recipient is accepted, and the message is seen no more: it
is in the sender's Sent mailbox. Some local parts, at any domain, act as mail servers do:

``bounce@``
    accepted, and a delivery status report (RFC 3464, 5.1.1) arrives in the sender's INBOX
``defer@``
    451 4.7.1 on the first two attempts, accepted from the third on
``reject@``
    550 5.1.1 at once
``slow@``
    accepted after two seconds (``sandbox.slow_s``)

With several recipients the message goes to those who were not refused, as with any relay; it is
deferred or rejected when nobody is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from postroad.domain.account import Account
from postroad.domain.event import Event
from postroad.domain.reply import (
    Accepted,
    Failure,
    FailureKind,
    Outcome,
    RefusedRecipient,
    SmtpReply,
    judge,
)
from postroad.domain.submission import Submission
from postroad.engine.delivery import sandbox_bounce
from postroad.engine.providers.sandbox_folders import INBOX
from postroad.engine.providers.sandbox_news import (
    MAX_READ,
    Arrival,
    SandboxNews,
    SettingsSource,
    arrival,
    count,
)
from postroad.observe.logging import get_logger
from postroad.protocol.mime.structure import header_block
from postroad.store import Store, Tx
from postroad.store.contents import Staged

log = get_logger(__name__)

DEFERRED_ATTEMPTS = 2  # of defer@
_MAX_HEADERS = 64 * 1024  # octets of the original that a report may quote


@dataclass(frozen=True, slots=True)
class _Copy:
    """What lies ready for one mailbox."""

    account: str
    message_id: str
    staged: Staged
    came: Arrival  # what is told of it


class SandboxRelay:
    """Takes messages of sandbox accounts as a relay would. Safe to call concurrently."""

    def __init__(
        self,
        store: Store,
        *,
        settings: SettingsSource | None = None,
        slow_s: float = 2.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._settings = settings
        self._slow_s = slow_s
        self._sleep = sleep

    async def send(self, account: Account, sub: Submission) -> Outcome:
        """Make one attempt. What is delivered is on disk when this returns."""
        recipients = sub.envelope.rcpt_to
        if not recipients:
            return judge(Failure(FailureKind.ENVELOPE, "No recipients defined", "API"))
        if any(_local_part(who) == "slow" for who in recipients):
            await self._sleep(self._slow_s)
        refused = [
            RefusedRecipient(who, reply)
            for who in recipients
            if (reply := _refusal(who, sub.attempts)) is not None
        ]
        names = {refusal.address for refusal in refused}
        taken = [who for who in recipients if who not in names]
        if not taken:
            return _all_refused(refused)
        await self._deliver(account, sub, taken)
        reply = SmtpReply(
            250, (f"2.0.0 Ok: queued in the sandbox as {sub.queue_id}",), enhanced="2.0.0"
        )
        return Accepted(reply, tuple(refused))

    async def _deliver(self, account: Account, sub: Submission, taken: list[str]) -> None:
        """Put the message, and the report about those who bounce, into the mailboxes."""
        arriving = [who for who in taken if _local_part(who) != "bounce"]
        bouncing = [who for who in taken if _local_part(who) == "bounce"]
        copies = [
            await self._stage(owner, sub, who)
            for owner, who in (await self._owners(arriving)).items()
        ]
        if bouncing and sub.envelope.mail_from:  # a report never answers a report. RFC 5321 §6.1
            copies.append(await self._stage_report(account, sub, bouncing))
        if copies:
            count(await self._store.write(lambda tx: _file(tx, copies)))
        log.debug("sandbox took a message", queue_id=sub.queue_id, delivered=len(copies))

    async def _owners(self, recipients: list[str]) -> dict[str, str]:
        """The sandbox accounts behind the recipients, with the first address that led to each."""

        async def unit(tx: Tx) -> dict[str, str]:
            found: dict[str, str] = {}
            for who in recipients:
                owner = await tx.sandbox.find_account(who)
                if owner is not None:
                    found.setdefault(owner, who)
            return found

        return await self._store.read(unit)

    async def _stage(self, owner: str, sub: Submission, recipient: str) -> _Copy:
        """The message as it arrives: trace fields on top. RFC 5321 §4.4."""
        trace = f"Return-Path: <{sub.envelope.mail_from}>\r\nDelivered-To: {recipient}\r\n"
        start = bytearray(trace.encode())

        async def pieces() -> AsyncIterator[bytes]:
            yield trace.encode()
            async for piece in self._store.open_content(sub.content, skip_bcc=True):
                start.extend(piece[: MAX_READ - len(start)])
                yield piece

        staged = await self._store.stage(pieces(), bcc_start=0, bcc_end=0)
        came = await arrival(bytes(start), staged.content.size, self._settings)
        return _Copy(owner, sub.message_id, staged, came)

    async def _stage_report(
        self, account: Account, sub: Submission, recipients: list[str]
    ) -> _Copy:
        bounced = sandbox_bounce.Bounced(
            report_id=f"{sub.queue_id}-{sub.attempts}",
            sender=sub.envelope.mail_from,
            recipients=recipients,
            headers=await self._headers(sub),
            envelope_id=sub.dsn.envid if sub.dsn is not None else None,
            at_ms=self._store.now(),
        )
        report = sandbox_bounce.report(bounced)
        staged = await self._store.stage([report], bcc_start=0, bcc_end=0)
        came = await arrival(report, len(report), self._settings)
        return _Copy(account.account, bounced.message_id, staged, came)

    async def _headers(self, sub: Submission) -> bytes:
        start = bytearray()
        async for piece in self._store.open_content(sub.content, skip_bcc=True):
            start += piece[: _MAX_HEADERS - len(start)]
            if b"\r\n\r\n" in start or len(start) >= _MAX_HEADERS:
                break
        return header_block(bytes(start))


def _refusal(recipient: str, attempt: int) -> SmtpReply | None:
    """What a magic recipient answers to RCPT on this attempt; ``None`` when it is taken."""
    match _local_part(recipient):
        case "reject":
            text = f"5.1.1 <{recipient}>: Recipient address rejected: User unknown in the sandbox"
            return SmtpReply(550, (text,), enhanced="5.1.1")
        case "defer" if attempt <= DEFERRED_ATTEMPTS:
            text = f"4.7.1 <{recipient}>: Recipient address rejected: Greylisted, try again later"
            return SmtpReply(451, (text,), enhanced="4.7.1")
        case _:
            return None


def _all_refused(refused: list[RefusedRecipient]) -> Outcome:
    """The attempt's end when nobody is left: deferred as long as anyone may take it later."""
    reply = min((refusal.reply for refusal in refused), key=lambda reply: reply.code)
    why = f"Can't send mail - all recipients were rejected: {reply.text}"
    return judge(Failure(FailureKind.ENVELOPE, why, "RCPT TO", reply))


def _local_part(address: str) -> str:
    return address.rpartition("@")[0].lower()


async def _file(tx: Tx, copies: list[_Copy]) -> list[Event]:
    told: list[Event] = []
    for copy in copies:
        account = await tx.accounts.find(copy.account)
        if account is None or not account.is_sandbox:
            continue  # deleted since; what was staged for it is swept
        content = await tx.contents.insert(copy.staged)
        uid = await tx.sandbox.put(
            copy.account, INBOX.path, message_id=copy.message_id, content=content, flags=()
        )
        number = await tx.mailboxes.number(copy.account, INBOX.path, str(account.created_at))
        news = SandboxNews(tx, account)
        await news.new(INBOX, number, uid, copy.came, flags=(), received_at=tx.now)
        told += await news.record()
    return told
