"""What was said between us and an account's mail servers."""

from __future__ import annotations

from typing import Final

from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.stream import Stream

# As many lines as can be kept, each of the longest; a log is bounded by its lines.
_MAX_BYTES: Final = 1_000_000 * 16_384


@operation(
    "GET",
    "/v1/logs/{account}",
    tag="Logs",
    action=Action.READ,
    group=Group.LOGS,
    statuses=(400, 404),
    answer_type="text/plain",
    answer_schema={"type": "string"},
)
async def get_logs(ctx: Context, account: str) -> Stream:
    """Download the log of an account: a JSON object a line, the oldest first.

    A log is kept while the account has `logs`, or the setting `logs` asks for all of them.
    """
    await ctx.engine.accounts.get(account)
    lines = ctx.engine.log.read(account)
    return Stream(lines, "text/plain; charset=utf-8", f"{account}.log", max_bytes=_MAX_BYTES)
