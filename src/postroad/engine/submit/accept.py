"""The desk and the vault: take a message, compose it, put it on disk, answer.

An answer follows the commit that holds the submission, its octets and its idempotency key
together; there is no state in between that a crash could leave behind.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from postroad.domain.account import Account
from postroad.domain.envelope import Envelope
from postroad.domain.errors import NotFound, Unprocessable
from postroad.domain.return_path import tagged
from postroad.domain.submission import Submission, SubmissionState
from postroad.domain.suppression import Skipped, SuppressionAnswer
from postroad.engine.accounts.directory import Directory
from postroad.engine.providers.base import MailProvider
from postroad.engine.settings import Settings
from postroad.engine.submit.compose import Prepared, is_large, prepare, prepare_file
from postroad.engine.submit.idempotency import KEPT_MS, Guard, Remembered
from postroad.engine.submit.refer import Referral, fetch_referral, without_mailbox
from postroad.engine.submit.request import (
    IdempotencyResult,
    RawFile,
    SubmitRequest,
    SubmitResult,
)
from postroad.engine.suppression.service import Suppression
from postroad.engine.suppression.told import refusal_words, skipped_data
from postroad.observe import get_logger, metrics
from postroad.store import Store, Tx

log = get_logger("postroad.submit")

DEFAULT_ATTEMPTS = 10
MAX_HEAD_BYTES = 1024 * 1024  # header block of a message that is read from a file
HORIZON_ATTEMPTS = 10_000  # with a horizon the clock ends the delivery, not the count


class Submit:
    """Accepts messages for delivery."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        settings: Settings,
        provider_of: Callable[[Account], Awaitable[MailProvider]],
        suppression: Suppression,
    ) -> None:
        self._store = store
        self._directory = directory
        self._settings = settings
        self._provider_of = provider_of
        self._suppression = suppression
        self._guard = Guard()
        # Messages for the same millisecond are told apart by a number of their own: chance would
        # give two of a hundred thousand the same one.
        self._serial = itertools.count(secrets.randbits(32))

    async def accept(self, account: str, request: SubmitRequest) -> SubmitResult:
        """Put one message on disk for delivery; it is there when this returns.

        Raises :exc:`NotFound` for an unknown account, one that cannot send
        (``SMTPUnavailable``) or a missing reference (``ReferenceNotFound``); :exc:`Invalid` for
        what cannot be composed; :exc:`Unprocessable` (``IdempotencyMismatch``) for a repeat
        with another body where the settings are strict about it, and (``RecipientSuppressed``)
        for a recipient on a suppression list where they want that refused.
        """
        configured = await self._directory.get(account)
        if not configured.can_send:
            raise NotFound("SMTP configuration is missing for this account", code="SMTPUnavailable")
        key = request.idempotency_key
        if key is None or request.dry_run:
            return await self._accept(configured, request)
        async with self._guard.hold(account, key, request.body_hash) as held:
            if held.first is None:
                held.first = await self._find(account, key)
            if held.first is None:
                accepted = await self._accept(configured, request)
                held.first = Remembered(accepted, request.body_hash)
                if accepted.idempotency is not None and accepted.idempotency.status == "MISS":
                    return accepted
            return self._repeat(held.first, key, request)

    async def knows(self, account: str) -> bool:
        """Whether there is such an account. Does not touch the store for one used lately."""
        try:
            await self._directory.get(account)
        except NotFound:
            return False
        return True

    async def _accept(self, account: Account, request: SubmitRequest) -> SubmitResult:
        if request.raw_file is not None:
            return await self._accept_file(account, request, request.raw_file)
        referral = await self._refer(account, request)
        now = self._store.now()
        if is_large(request, referral):
            prepared = await asyncio.to_thread(prepare, request, account, referral, now=now)
        else:
            prepared = prepare(request, account, referral, now=now)
        skipped = await self._screen(account, prepared, is_dry=request.dry_run)
        if request.dry_run:
            return SubmitResult(
                prepared.message_id,
                reference=prepared.reference,
                preview=b"".join(prepared.pieces),
                skipped=skipped,
            )
        return await self._enqueue(account, request, prepared, prepared.pieces, skipped)

    async def _accept_file(
        self, account: Account, request: SubmitRequest, file: RawFile
    ) -> SubmitResult:
        head = await file.read_head(MAX_HEAD_BYTES)
        now = self._store.now()
        prepared, body_at = await asyncio.to_thread(
            prepare_file, request, head, file, account, now=now
        )
        skipped = await self._screen(account, prepared)

        async def pieces() -> AsyncIterator[bytes]:
            for piece in prepared.pieces:
                yield piece
            async for piece in file.read(body_at):
                yield piece

        return await self._enqueue(account, request, prepared, pieces(), skipped)

    async def _screen(
        self, account: Account, prepared: Prepared, *, is_dry: bool = False
    ) -> tuple[Skipped, ...]:
        """The recipients to leave out. Raises :exc:`Unprocessable` where none may be."""
        recipients = prepared.envelope.rcpt_to
        skipped = await self._suppression.screen(account.account, recipients)
        if not skipped:
            return ()
        is_refused = self._settings.snapshot.suppression.answer is SuppressionAnswer.REFUSE
        if not is_dry:
            metrics.recipients_suppressed("refused" if is_refused else "skipped", len(skipped))
            log.info(
                "recipients suppressed",
                account=account.account,
                suppressed=len(skipped),
                recipients=len(recipients),
                lists=sorted({item.list_id for item in skipped}),
                refused=is_refused,
            )
        if is_refused:
            raise refusal_of(skipped)
        return skipped

    async def _refer(self, account: Account, request: SubmitRequest) -> Referral:
        if request.reference is None and all(a.reference is None for a in request.attachments):
            return Referral()
        if not account.has_mailbox:
            return without_mailbox(request)
        return await fetch_referral(await self._provider_of(account), request)

    async def _enqueue(
        self,
        account: Account,
        request: SubmitRequest,
        prepared: Prepared,
        pieces: Iterable[bytes] | AsyncIterable[bytes],
        skipped: tuple[Skipped, ...],
    ) -> SubmitResult:
        key = request.idempotency_key
        envelope = prepared.envelope
        if skipped:
            left_out = {item.recipient for item in skipped}
            rcpt_to = tuple(who for who in envelope.rcpt_to if who not in left_out)
            if not rcpt_to:
                # Nothing happens, so there is nothing to guard against happening twice: the key
                # is not remembered, and once an address is released the same submit is taken.
                return SubmitResult(
                    prepared.message_id,
                    reference=prepared.reference,
                    idempotency=IdempotencyResult(key, "MISS") if key is not None else None,
                    skipped=skipped,
                )
            envelope = replace(envelope, rcpt_to=rcpt_to)
        staged = await self._store.stage(
            pieces, bcc_start=prepared.bcc_start, bcc_end=prepared.bcc_end
        )
        now = self._store.now()
        due_at = max(now, prepared.send_at or now)
        max_attempts, expires_at = self._horizon(prepared, due_at)
        result = SubmitResult(
            message_id=prepared.message_id,
            queue_id=f"{due_at:011x}{next(self._serial) & 0xFFFFFFFF:08x}",
            send_at=due_at,
            reference=prepared.reference,
            idempotency=IdempotencyResult(key, "MISS") if key is not None else None,
            skipped=skipped,
        )
        envelope = self._return_to(account, envelope, result.queue_id or "")
        sub = Submission(
            queue_id=result.queue_id or "",
            account=account.account,
            lane=account.account,
            source=request.source,
            envelope=envelope,
            message_id=prepared.message_id,
            subject=prepared.subject,
            content=staged.content,
            state=SubmissionState.QUEUED,
            created_at=now,
            scheduled_at=due_at,
            next_attempt_at=due_at,
            attempts=0,
            max_attempts=max_attempts,
            expires_at=expires_at,
            dsn=request.dsn,
            wants_copy=request.copy,
            sent_path=request.sent_path,
            flagging=prepared.flagging,
            idempotency_key=key,
            proxy=request.proxy,
            local_address=request.local_address,
            eight_bit=prepared.eight_bit,
            smtputf8=prepared.smtputf8,
            tags=prepared.tags,
        )

        async def unit(tx: Tx) -> Remembered | None:
            if key is not None:
                record = Remembered(result, request.body_hash).record(account.account, key, tx.now)
                if not await tx.idempotency.insert(record, replace_before=tx.now - KEPT_MS):
                    known = await tx.idempotency.find(account.account, key)
                    if known is not None:  # another process was first
                        return Remembered.of(known)
            await tx.contents.insert(staged)
            await tx.submissions.insert(sub)
            return None

        first = await self._store.write(unit)
        if first is not None and key is not None:
            return self._repeat(first, key, request)
        metrics.submission_accepted(sub.source.value)
        log.info(
            "message queued",
            queue_id=sub.queue_id,
            account=sub.account,
            source=sub.source.value,
            recipients=len(sub.envelope.rcpt_to),
            size=sub.content.size,
        )
        return result

    def _return_to(self, account: Account, envelope: Envelope, queue_id: str) -> Envelope:
        """The envelope with a return path of its own, where the settings want that.

        Only the account's own address is known to lead to its mailbox, and so does one with a
        detail; other senders stay.
        """
        if not self._settings.snapshot.tagged_return_path or account.smtp is None:
            return envelope
        if envelope.mail_from.lower() != (account.email or "").lower():
            return envelope
        return replace(envelope, mail_from=tagged(envelope.mail_from, queue_id))

    def _horizon(self, prepared: Prepared, due_at: int) -> tuple[int, int | None]:
        """How often, and until when, delivery is tried."""
        current = self._settings.snapshot
        if prepared.delivery_attempts is not None:
            return max(1, prepared.delivery_attempts), None
        if current.delivery_horizon_ms is not None:
            return HORIZON_ATTEMPTS, due_at + current.delivery_horizon_ms
        return current.delivery_attempts or DEFAULT_ATTEMPTS, None

    async def _find(self, account: str, key: str) -> Remembered | None:
        known = await self._store.read(lambda tx: tx.idempotency.find(account, key), quick=True)
        if known is None or known.created_at < self._store.now() - KEPT_MS:
            return None
        return Remembered.of(known)

    def _repeat(self, first: Remembered, key: str, request: SubmitRequest) -> SubmitResult:
        """Answer a repeat with the first answer. Contract B-143."""
        differs = None not in (first.body_hash, request.body_hash) and (
            first.body_hash != request.body_hash
        )
        if differs and self._settings.snapshot.idempotency_strict:
            raise Unprocessable(
                "This Idempotency-Key was used for a different request",
                code="IdempotencyMismatch",
            )
        return replace(first.result, idempotency=IdempotencyResult(key, "HIT", differs))


def refusal_of(skipped: Sequence[Skipped]) -> Unprocessable:
    """What a submit is refused with for its suppressed recipients."""
    return Unprocessable(
        refusal_words(skipped),
        code="RecipientSuppressed",
        info={"recipients": skipped_data(skipped)},
    )
