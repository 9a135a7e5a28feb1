"""Messages that are composed here and filed in a mailbox: drafts, imports. B-074 to B-077."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from postroad.domain.account import Account
from postroad.domain.errors import NotFound, RemoteFailure
from postroad.domain.message_id import unpack_message
from postroad.engine.providers.base import Octets, WholeProvider
from postroad.engine.submit.compose import Filing, Prepared, is_large, prepare
from postroad.engine.submit.refer import Referral, fetch_referral
from postroad.engine.submit.request import ReferenceResult, SubmitRequest


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What to file where. Members of ``message`` that only concern delivery say nothing."""

    message: SubmitRequest
    path: str
    flags: tuple[str, ...] = ()
    internal_date: int | None = None  # epoch ms; also the Date of a message without one


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Where it lies now; what only UIDPLUS tells may be unknown."""

    path: str
    message_id: str  # with <>
    message: str | None = None
    uid: int | None = None
    uidvalidity: str | None = None
    reference: ReferenceResult | None = None


async def upload(
    provider: WholeProvider, account: Account, request: UploadRequest, *, now: int
) -> Uploaded:
    """Compose, or take over, and file. The message that is referred to gets no flag.

    Raises :exc:`NotFound` (``MessageNotFound``, ``FolderNotFound``), :exc:`Invalid`, and
    :exc:`RemoteFailure` (``UploadFail``) when the server does not take it.
    """
    message = request.message
    referral = await _refer(provider, message)
    filing = Filing(request.internal_date)
    if is_large(message, referral):
        prepared = await asyncio.to_thread(
            prepare, message, account, referral, now=now, filing=filing
        )
    else:
        prepared = prepare(message, account, referral, now=now, filing=filing)
    content = Octets(sum(map(len, prepared.pieces)), lambda: _reading(prepared.pieces))
    try:
        appended = await provider.append(
            request.path, content, flags=request.flags, date_ms=request.internal_date
        )
    except RemoteFailure as error:
        raise RemoteFailure(
            "The mail server did not take the message",
            code="UploadFail",
            info={"info": {"response": error.message}},
        ) from error
    return _uploaded(appended.path, appended.message, appended.uidvalidity, prepared)


async def _refer(provider: WholeProvider, message: SubmitRequest) -> Referral:
    if message.reference is None and all(a.reference is None for a in message.attachments):
        return Referral()
    try:
        return await fetch_referral(provider, message)
    except NotFound as error:  # the contract names it otherwise than for sending
        raise NotFound(error.message, code="MessageNotFound") from error


async def _reading(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _uploaded(
    path: str, message: str | None, uidvalidity: str | None, prepared: Prepared
) -> Uploaded:
    key = unpack_message(message) if message is not None else None
    return Uploaded(
        path=path,
        message_id=prepared.message_id,
        message=message,
        uid=None if key is None else key.uid,
        uidvalidity=uidvalidity,
        reference=prepared.reference,
    )
