"""Sending."""

from __future__ import annotations

from postroad.domain.errors import FieldProblem, Invalid
from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.submit import SubmitAnswer, SubmitBody, SubmitQuery

MAX_KEY_CHARS = 1024


@operation(
    "POST",
    "/v1/account/{account}/submit",
    tag="Submit",
    action=Action.SEND,
    group=Group.SUBMIT,
    statuses=(400, 404, 413, 422, 503, 504),
    is_upload=True,
    is_bounded=True,
    headers=("idempotency-key",),
)
async def submit_message(
    ctx: Context, account: str, query: SubmitQuery, body: SubmitBody
) -> SubmitAnswer:
    """Accept a message for delivery; it is on disk when this answers."""
    key = _idempotency_key(ctx.headers.get(b"idempotency-key"))
    request = body.to_request(
        max_chars=ctx.max_chars,
        idempotency_key=key,
        body_hash=None if key is None else ctx.body_hash,
    )
    if request.proxy is not None:  # a way around the routes that an administrator has set. B-104
        ctx.actor.require_permission(Action.WRITE, Group.ADMIN)
    return SubmitAnswer.of(await ctx.engine.submit.accept(account, request))


def _idempotency_key(header: bytes | None) -> str | None:
    """The header's value without quotes; ``None`` when there is nothing in it. B-142."""
    if header is None:
        return None
    key = header.decode("latin-1").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].strip()
    if len(key) > MAX_KEY_CHARS:
        message = (
            f'"idempotency-key" length must be less than or equal to {MAX_KEY_CHARS} '
            "characters long"
        )
        raise Invalid(fields=[FieldProblem("idempotency-key", message)])
    return key or None
