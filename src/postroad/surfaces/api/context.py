"""What a route is given beside its input: the engine, who asks, and the request's own facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from postroad.domain.account import Account, AccountState
from postroad.domain.page import Page
from postroad.engine.access import Access, Actor
from postroad.engine.accounts.registry import AccountView
from postroad.engine.accounts.verify import VerifyRequest, VerifyResult
from postroad.engine.delivery.outbox import OutboxEntry
from postroad.engine.mail.service import Mail
from postroad.engine.protocol_log import ProtocolLog
from postroad.engine.settings import Settings
from postroad.engine.submit.request import SubmitRequest, SubmitResult
from postroad.engine.suppression.service import Suppression


class AccountsService(Protocol):
    async def create(self, draft: Account) -> tuple[str, bool]: ...
    async def get(self, account: str) -> AccountView: ...
    async def list(
        self, page: int, page_size: int, state: AccountState | None, query: str | None
    ) -> Page[AccountView]: ...
    async def update(self, account: str, change: Callable[[Account], Account]) -> None: ...
    async def delete(self, account: str) -> None: ...
    async def reconnect(self, account: str) -> None: ...
    async def sync(self, account: str) -> None: ...
    async def flush(
        self, account: str, *, notify_from: int | None = None, indexer: str | None = None
    ) -> None: ...
    async def verify(self, request: VerifyRequest) -> VerifyResult: ...


class SubmitService(Protocol):
    async def accept(self, account: str, request: SubmitRequest) -> SubmitResult: ...


class OutboxService(Protocol):
    async def list(self, page: int, page_size: int) -> Page[OutboxEntry]: ...
    async def get(self, queue_id: str) -> OutboxEntry: ...
    async def cancel(self, queue_id: str) -> bool: ...


class Engine(Protocol):
    """The services that the routes call."""

    @property
    def accounts(self) -> AccountsService: ...
    @property
    def submit(self) -> SubmitService: ...
    @property
    def outbox(self) -> OutboxService: ...
    @property
    def mail(self) -> Mail: ...
    @property
    def access(self) -> Access: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def suppression(self) -> Suppression: ...
    @property
    def log(self) -> ProtocolLog: ...
    async def health(self) -> bool: ...
    async def measure(self) -> None:
        """Bring the gauges up to date."""
        ...


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not JSON, or JSON that is already encoded."""

    body: bytes
    content_type: str
    status: int = 200


@dataclass(slots=True)
class Context:
    """One request, as routes see it."""

    engine: Engine
    actor: Actor
    headers: Mapping[bytes, bytes]  # names in lower case; of repeated ones the last
    body_hash: str | None  # hex SHA-256 of the body, where an Idempotency-Key came with it
    max_chars: int  # of one text or attachment in a body
    document: Callable[[], bytes]  # the OpenAPI document
