"""How an account fares and its mailboxes are followed: sync, flush, errors, quota. B-212, B-213."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from postroad.domain.account import LastError
from postroad.domain.errors import FieldProblem, Invalid
from postroad.domain.mailbox_state import SyncError
from postroad.engine.providers.results import Quota
from postroad.surfaces.api.schemas.formats import Timestamp, iso
from postroad.surfaces.api.schemas.members import Answer, Request

Indexer = Literal["full", "fast"]
QuotaAnswer = Annotated[
    dict[str, Any] | bool,
    Meta(
        extra_json_schema={
            "anyOf": [
                {"type": "boolean", "enum": [False]},
                {
                    "type": "object",
                    "properties": {
                        "usage": {"type": "integer"},
                        "limit": {"type": "integer"},
                        "status": {"type": "string"},
                    },
                },
            ]
        }
    ),
]


class SyncBody(Request):
    sync: bool = False


class SyncAnswer(Answer):
    sync: bool


class FlushBody(Request):
    """``flush`` has to be true, so that nothing is thrown away by accident."""

    flush: bool = False
    notifyFrom: Timestamp | UnsetType | None = UNSET
    imapIndexer: Indexer | UnsetType | None = UNSET

    def check(self) -> None:
        """Raise :exc:`Invalid` for a flush that is none."""
        if not self.flush:
            raise Invalid(fields=[FieldProblem("flush", '"flush" must be true')])

    @property
    def notify_from(self) -> int | None:
        return int(self.notifyFrom) if isinstance(self.notifyFrom, int) else None

    @property
    def indexer(self) -> str | None:
        return self.imapIndexer if isinstance(self.imapIndexer, str) else None


class FlushAnswer(Answer):
    flush: bool


class LastErrorAnswer(Answer):
    response: str
    serverResponseCode: str | UnsetType = UNSET
    description: str | UnsetType = UNSET

    @classmethod
    def of(cls, error: LastError) -> LastErrorAnswer:
        return cls(
            response=error.response,
            serverResponseCode=error.code or UNSET,
            description=error.description or UNSET,
        )


class SyncErrorAnswer(Answer):
    path: str
    time: str
    error: str

    @classmethod
    def of(cls, error: SyncError) -> SyncErrorAnswer:
        return cls(path=error.path, time=iso(error.time), error=error.error)


def quota_answer(quota: Quota | None) -> dict[str, Any] | bool:
    """False where the server does not tell."""
    if quota is None:
        return False
    percent = round(quota.usage * 100 / quota.limit) if quota.limit else 0
    return {"usage": quota.usage, "limit": quota.limit, "status": f"{percent}%"}
