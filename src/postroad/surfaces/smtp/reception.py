"""From a message that has arrived to the answer after its commit. Contract B-177 to B-185."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from postroad.domain.envelope import DsnRequest, Envelope, RecipientDsn
from postroad.domain.errors import PostroadError
from postroad.domain.submission import Source
from postroad.engine.engine import Engine
from postroad.engine.submit.accept import MAX_HEAD_BYTES
from postroad.engine.submit.request import SubmitRequest, SubmitResult
from postroad.observe import get_logger, metrics
from postroad.protocol.mime import peek_controls
from postroad.protocol.smtp.server import MailFrom, RcptTo, Received, Reply
from postroad.surfaces.smtp.errors import INTERNAL, NO_ACCOUNT, reply_of, suppressed_reply
from postroad.surfaces.smtp.gate import Gate, Identity
from postroad.surfaces.smtp.spool import Spool

log = get_logger(__name__)

_ACCEPTED = Reply(250, "Accepted")


class Reception:
    """Hands messages to the engine. One for all sessions."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine = engine
        self._gate = gate

    async def admit(self, rcpt: RcptTo, identity: Identity | None) -> Reply:
        """Whether this one may be written to. Never raises but on cancellation.

        SMTP has an answer for each recipient, so a suppressed one is refused here whatever
        ``suppressionAnswer`` says: the client tells its user, and sends to the others. Without
        a login the account comes with the message, which then is screened as a whole.
        """
        if identity is None:
            return _ACCEPTED
        try:
            skipped = await self._engine.suppression.screen(identity.account, (rcpt.path,))
        except PostroadError as error:
            return reply_of(error)
        except Exception:
            log.exception("smtp recipient cannot be checked")
            return INTERNAL
        if not skipped:
            return _ACCEPTED
        metrics.recipients_suppressed("refused", len(skipped))
        log.info("smtp recipient refused", account=identity.account, lists=[skipped[0].list_id])
        return suppressed_reply(skipped)

    async def take(self, received: Received, spool: Spool, identity: Identity | None) -> Reply:
        """Queue the message, and say so once it is on disk. Never raises but on cancellation."""
        try:
            if identity is not None:
                await self._gate.confirm(identity)
            account = None if identity is None else identity.account
            return await self._queue(received, spool, account)
        except PostroadError as error:
            return reply_of(error)
        except Exception:
            log.exception("smtp message cannot be queued")
            return INTERNAL

    async def _queue(self, received: Received, spool: Spool, account: str | None) -> Reply:
        raw = spool.whole() if spool.is_in_memory else None
        head = raw if raw is not None else await spool.read_head(MAX_HEAD_BYTES)
        controls = peek_controls(head)
        account = account or controls.account
        if account is None:
            return NO_ACCOUNT
        key = controls.idempotency_key
        result = await self._engine.submit.accept(
            account,
            SubmitRequest(
                raw=raw,
                raw_file=spool if raw is None else None,
                envelope=Envelope(received.mail.path, tuple(r.path for r in received.rcpts)),
                dsn=_dsn(received.mail, received.rcpts),
                idempotency_key=key,
                body_hash=await _body_hash(received, spool, raw) if key is not None else None,
                source=Source.SMTP,
            ),
        )
        return suppressed_reply(result.skipped) if result.queue_id is None else _queued(result)


def _queued(result: SubmitResult) -> Reply:
    at = datetime.fromtimestamp((result.send_at or 0) / 1000, UTC)
    time = at.isoformat(timespec="milliseconds").removesuffix("+00:00")
    text = f"Message queued for delivery as {result.queue_id} ({time}Z)"
    if result.skipped:
        text += f", but for {len(result.skipped)} suppressed recipients"
    return Reply(250, text)


def _dsn(mail: MailFrom, rcpts: Sequence[RcptTo]) -> DsnRequest | None:
    """What the client wants to hear of; each recipient may want something else."""
    wishes = tuple(
        RecipientDsn(rcpt.path, rcpt.notify, rcpt.orcpt)
        for rcpt in rcpts
        if rcpt.notify or rcpt.orcpt is not None
    )
    if mail.ret is None and mail.envid is None and not wishes:
        return None
    return DsnRequest(mail.ret, mail.envid, recipients=wishes)


async def _body_hash(received: Received, spool: Spool, raw: bytes | None) -> str:
    """Tells a repeat with another content or for others."""
    digest = hashlib.sha256()
    paths = [received.mail.path, *(rcpt.path for rcpt in received.rcpts)]
    digest.update(json.dumps(paths).encode())
    if raw is not None:
        digest.update(raw)
    else:
        async for piece in spool.read(0):
            digest.update(piece)
    return digest.hexdigest()
