"""How a submission lies in its row."""

from __future__ import annotations

from postroad.domain.envelope import DsnNotify, DsnRequest, DsnReturn, Envelope, RecipientDsn
from postroad.domain.submission import (
    Content,
    Flagging,
    Source,
    Submission,
    SubmissionState,
)
from postroad.store import jsontext
from postroad.store.backend import Row
from postroad.store.dialect import SqlValue
from postroad.store.sealed import Sealer


def write_submission(sub: Submission, sealer: Sealer) -> dict[str, SqlValue]:
    """The row's values by column."""
    return {
        "queue_id": sub.queue_id,
        "account": sub.account,
        "lane": sub.lane,
        "source": sub.source.value,
        "mail_from": sub.envelope.mail_from,
        "rcpt_to": jsontext.write(sub.envelope.rcpt_to),
        "message_id": sub.message_id,
        "subject": sub.subject,
        "content_id": sub.content.content_id,
        "content_size": sub.content.size,
        "bcc_start": sub.content.bcc_start,
        "bcc_end": sub.content.bcc_end,
        "state": sub.state.value,
        "created_at": sub.created_at,
        "scheduled_at": sub.scheduled_at,
        "next_attempt_at": sub.next_attempt_at,
        "attempts": sub.attempts,
        "max_attempts": sub.max_attempts,
        "expires_at": sub.expires_at,
        "claim_token": sub.claim_token,
        "claimed_by": sub.claimed_by,
        "finish_attempts": sub.finish_attempts,
        "dsn": _write_dsn(sub.dsn) if sub.dsn else None,
        "wants_copy": None if sub.wants_copy is None else int(sub.wants_copy),
        "sent_path": sub.sent_path,
        "flagging": _write_flagging(sub.flagging) if sub.flagging else None,
        "idempotency_key": sub.idempotency_key,
        "proxy": sealer.seal(sub.proxy, proxy_place(sub.queue_id)) if sub.proxy else None,
        "local_address": sub.local_address,
        "eight_bit": int(sub.eight_bit),
        "smtputf8": int(sub.smtputf8),
        "tags": jsontext.write(sub.tags) if sub.tags else None,
        "last_error": sub.last_error,
        "last_code": sub.last_code,
        "last_status": sub.last_status,
        "response": sub.response,
        "remote_message_id": sub.remote_message_id,
        "finished_at": sub.finished_at,
    }


def read_submission(row: Row, sealer: Sealer) -> Submission:
    """A submission from the columns in the order of ``submission_columns``.

    Raises :exc:`ConfigError` when its proxy is sealed with another secret.
    """
    (
        queue_id, account, lane, source, mail_from, rcpt_to, message_id, subject,
        content_id, content_size, bcc_start, bcc_end, state, created_at, scheduled_at,
        next_attempt_at, attempts, max_attempts, expires_at, claim_token, claimed_by,
        finish_attempts, dsn, wants_copy, sent_path, flagging, idempotency_key, proxy,
        local_address, eight_bit, smtputf8, tags, last_error, last_code, last_status,
        response, remote_message_id, finished_at,
    ) = row  # fmt: skip
    return Submission(
        queue_id=queue_id,
        account=account,
        lane=lane,
        source=Source(source),
        envelope=Envelope(mail_from, tuple(jsontext.read(rcpt_to))),
        message_id=message_id,
        subject=subject,
        content=Content(content_id, content_size, bcc_start, bcc_end),
        state=SubmissionState(state),
        created_at=created_at,
        scheduled_at=scheduled_at,
        next_attempt_at=next_attempt_at,
        attempts=attempts,
        max_attempts=max_attempts,
        expires_at=expires_at,
        claim_token=claim_token,
        claimed_by=claimed_by,
        finish_attempts=finish_attempts,
        dsn=_read_dsn(dsn) if dsn else None,
        wants_copy=None if wants_copy is None else bool(wants_copy),
        sent_path=sent_path,
        flagging=_read_flagging(flagging) if flagging else None,
        idempotency_key=idempotency_key,
        proxy=sealer.open(proxy, proxy_place(queue_id)) if proxy else None,
        local_address=local_address,
        eight_bit=bool(eight_bit),
        smtputf8=bool(smtputf8),
        tags=tuple(jsontext.read(tags)) if tags else (),
        last_error=last_error,
        last_code=last_code,
        last_status=last_status,
        response=response,
        remote_message_id=remote_message_id,
        finished_at=finished_at,
    )


def proxy_place(queue_id: str) -> str:
    """Where a sealed proxy URL belongs; see ``sealed``."""
    return f"submission/{queue_id}/proxy"


def _write_dsn(dsn: DsnRequest) -> str:
    wishes = [[wish.rcpt_to, wish.notify, wish.orcpt] for wish in dsn.recipients]
    return jsontext.write([dsn.ret, dsn.envid, dsn.notify, dsn.orcpt, wishes])


def _read_dsn(text: str) -> DsnRequest:
    ret, envid, notify, orcpt, *rest = jsontext.read(text)
    return DsnRequest(
        None if ret is None else DsnReturn(ret),
        envid,
        tuple(map(DsnNotify, notify)),
        orcpt,
        tuple(
            RecipientDsn(rcpt_to, tuple(map(DsnNotify, wanted)), original)
            for rcpt_to, wanted, original in (rest[0] if rest else ())
        ),
    )


def _write_flagging(flagging: Flagging) -> str:
    return jsontext.write([flagging.message, flagging.flags])


def _read_flagging(text: str) -> Flagging:
    message, flags = jsontext.read(text)
    return Flagging(message, tuple(flags))
