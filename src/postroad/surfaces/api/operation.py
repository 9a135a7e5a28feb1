"""The one table of operations. It feeds the router, the OpenAPI document and the tests.

A route module declares its operations with the decorator::

    @operation("GET", "/v1/outbox/{queueId}", tag="Outbox", action="read", group="outbox")
    async def get_queued(ctx: Context, queue_id: str) -> OutboxEntryAnswer: ...

Path members arrive under their names in snake_case. A parameter ``body`` or ``query`` brings the
structure that it is annotated with; an operation without ``query`` refuses every query member.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from msgspec.structs import fields

from postroad.domain.token import Action, Group, TokenScope
from postroad.surfaces.api.schemas.members import NoQuery

Handler = Callable[..., Awaitable[Any]]

# What every documented operation may answer next to its own statuses.
COMMON_STATUSES: Final = (401, 403, 429, 500)


@dataclass(frozen=True, slots=True)
class Operation:
    """One way in."""

    method: str
    path: str  # with {members}
    tag: str
    operation_id: str
    summary: str
    description: str
    handler: Handler
    scope: str | None  # None asks for no token
    action: str | None
    group: str | None
    statuses: tuple[int, ...]  # beyond 200 and the common ones
    query: type
    body: type | None
    answer: Any  # a structure, or a mapping described by answer_schema
    is_documented: bool
    is_upload: bool  # takes large bodies
    is_bounded: bool  # ends with 504 when the mailbox side takes too long
    account_in: Literal["path", "query"] | None  # where an account-bound token must find its own
    headers: tuple[str, ...]  # request headers of its own, beyond x-ee-timeout
    body_schema: dict[str, Any] | None  # where the type does not tell it all
    answer_schema: dict[str, Any] | None
    answer_type: str  # media type of the answer

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the path members, as the path spells them."""
        return tuple(_MEMBER.findall(self.path))


OPERATIONS: Final[list[Operation]] = []

_MEMBER = re.compile(r"\{(\w+)\}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def operation(
    method: str,
    path: str,
    *,
    tag: str,
    action: Action | None = None,
    group: Group | None = None,
    scope: TokenScope | None = TokenScope.API,
    statuses: tuple[int, ...] = (400,),
    operation_id: str | None = None,
    is_documented: bool = True,
    is_upload: bool = False,
    is_bounded: bool = False,
    account_in: Literal["path", "query"] | None = None,
    headers: tuple[str, ...] = (),
    body_schema: dict[str, Any] | None = None,
    answer_schema: dict[str, Any] | None = None,
    answer_type: str = "application/json",
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table. ``account_in`` is found by itself for a path member."""

    def enter(handler: Handler) -> Handler:
        hints = typing.get_type_hints(handler)
        answer = hints.get("return")
        summary, _, description = (inspect.getdoc(handler) or "").partition("\n")
        OPERATIONS.append(
            Operation(
                method=method,
                path=path,
                tag=tag,
                operation_id=operation_id or _operation_id(method, path),
                summary=summary.rstrip("."),
                description=description.strip(),
                handler=handler,
                scope=None if scope is None else scope.value,
                action=None if action is None else action.value,
                group=None if group is None else group.value,
                statuses=statuses,
                query=hints.get("query", NoQuery),
                body=hints.get("body"),
                answer=answer,
                is_documented=is_documented,
                is_upload=is_upload,
                is_bounded=is_bounded,
                account_in=account_in or ("path" if "{account}" in path else None),
                headers=headers,
                body_schema=body_schema,
                answer_schema=answer_schema,
                answer_type=answer_type,
            )
        )
        return handler

    return enter


def needs_query(operation: Operation) -> bool:
    """Whether a query member has to be given."""
    return any(field.required for field in fields(operation.query))


def snake_case(member: str) -> str:
    return _HUMP.sub("_", member).lower()


def _operation_id(method: str, path: str) -> str:
    """``GET /v1/outbox/{queueId}`` becomes ``getV1OutboxQueueid``, as clients know it."""
    parts = (re.sub(r"[\W_]", "", part) for part in path.split("/"))
    return method.lower() + "".join(part.capitalize() for part in parts)
