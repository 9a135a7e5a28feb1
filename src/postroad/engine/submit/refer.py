"""Fetch what a new message refers to: the message it answers or forwards, and attachments."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from postroad.domain.errors import NotFound, PostroadError, RemoteFailure, TimedOut, Unavailable
from postroad.domain.message import PartContent, ReferencedMessage
from postroad.domain.message_id import unpack_attachment
from postroad.engine.providers.base import MailProvider
from postroad.engine.submit.request import ReferenceRequest, ReferenceResult, SubmitRequest
from postroad.protocol.mime.headers import message_ids, parse_headers

RETRY_PAUSES_S = (1.0, 2.0)  # contract B-113
MAX_PART_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Referral:
    """What was found. Empty when the request refers to nothing."""

    message: ReferencedMessage | None = None
    result: ReferenceResult | None = None  # for the answer
    forwarded: tuple[PartContent, ...] = ()  # attachments of the forwarded message
    attached: tuple[PartContent | None, ...] = ()  # one for each attachment of the request


async def fetch_referral(provider: MailProvider, request: SubmitRequest) -> Referral:
    """Fetch everything that ``request`` refers to.

    Raises :exc:`NotFound`: ``ReferenceNotFound`` for a message or attachment that is not there
    (unless the message may be missing), ``MessageNotFound`` when the message found has another
    Message-ID than the caller expected. What the mailbox's server refuses or does not answer is
    tried three times and then raised, or ignored where the message may be missing.
    """
    attached = [
        await _fetch_attachment(provider, a.reference) if a.reference is not None else None
        for a in request.attachments
    ]
    wanted = request.reference
    if wanted is None:
        return Referral(attached=tuple(attached))
    try:
        found = await _fetch_message(provider, wanted)
        forwarded = []
        if wanted.forward_attachments:
            for part in found.parts:
                forwarded.append(
                    await provider.read_part(found.message, part.part, max_bytes=MAX_PART_BYTES)
                )
    except PostroadError as error:
        if not wanted.ignore_missing:
            raise
        missing = ReferenceResult(wanted.message, False, error.message, wanted.thread_id)
        return Referral(result=missing, attached=tuple(attached))
    _check_message_id(found, wanted)
    return Referral(
        message=found,
        result=ReferenceResult(found.message, True, thread_id=found.thread_id),
        forwarded=tuple(forwarded),
        attached=tuple(attached),
    )


def without_mailbox(request: SubmitRequest) -> Referral:
    """What a send-only account finds: nothing. Raises :exc:`NotFound` where that matters."""
    words = "The account has no mailbox to look the reference up in"
    wanted = request.reference
    if wanted is None or not wanted.ignore_missing or any(a.reference for a in request.attachments):
        raise NotFound(words, code="ReferenceNotFound")
    return Referral(
        result=ReferenceResult(wanted.message, False, words, wanted.thread_id),
        attached=(None,) * len(request.attachments),
    )


async def _fetch_message(provider: MailProvider, wanted: ReferenceRequest) -> ReferencedMessage:
    if wanted.message is None:
        raise NotFound("Referenced message was not found", code="ReferenceNotFound")
    for pause_s in (*RETRY_PAUSES_S, None):
        try:
            return await provider.read_reference(wanted.message)
        except NotFound as error:
            raise NotFound("Referenced message was not found", code="ReferenceNotFound") from error
        except (Unavailable, TimedOut, RemoteFailure):
            if pause_s is None:
                raise
            await asyncio.sleep(pause_s)
    raise AssertionError("unreachable")


async def _fetch_attachment(provider: MailProvider, reference: str) -> PartContent:
    key = unpack_attachment(reference)
    if key is None:
        raise NotFound("Referenced attachment was not found", code="ReferenceNotFound")
    try:
        return await provider.read_part(key.message, key.part, max_bytes=MAX_PART_BYTES)
    except NotFound as error:
        raise NotFound("Referenced attachment was not found", code="ReferenceNotFound") from error


def _check_message_id(found: ReferencedMessage, wanted: ReferenceRequest) -> None:
    if wanted.message_id is None:
        return
    ids = message_ids(parse_headers(found.headers).get("message-id") or "")
    expected = message_ids(wanted.message_id) or [wanted.message_id]
    if ids[:1] != expected[:1]:
        raise NotFound(
            "The referenced message has another Message-ID than expected", code="MessageNotFound"
        )
