"""Settings."""

from __future__ import annotations

from typing import Any

import msgspec

from postroad.domain.token import Action, Group
from postroad.surfaces.api.context import Context
from postroad.surfaces.api.operation import operation
from postroad.surfaces.api.schemas.settings import (
    SettingsAnswer,
    SettingsBody,
    SettingsQuery,
    UpdateSettingsAnswer,
    answer_schema,
    request_schema,
)

TAG = "Settings"


@operation(
    "GET",
    "/v1/settings",
    tag=TAG,
    action=Action.READ,
    group=Group.ADMIN,
    answer_schema=answer_schema(),
)
async def get_settings(ctx: Context, query: SettingsQuery) -> SettingsAnswer:  # type: ignore[valid-type]  # a structure built from the table of settings
    """Read the settings that are asked for with ``key=true``."""
    asked: dict[str, Any] = msgspec.structs.asdict(query)
    return await ctx.engine.settings.read([key for key, value in asked.items() if value is True])


@operation(
    "POST",
    "/v1/settings",
    tag=TAG,
    action=Action.WRITE,
    group=Group.ADMIN,
    body_schema=request_schema(),
)
async def update_settings(ctx: Context, body: SettingsBody) -> UpdateSettingsAnswer:
    """Write any number of settings: all of them, or none when one is wrong."""
    return UpdateSettingsAnswer(updated=await ctx.engine.settings.update(body))
