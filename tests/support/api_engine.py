"""An engine for the REST surface: tokens and settings on a real store, the rest in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from postroad import store as stores
from postroad.domain.account import Account, AccountState, AccountStatus
from postroad.domain.envelope import Envelope
from postroad.domain.errors import NotFound
from postroad.domain.page import Page, pages_of
from postroad.domain.submission import Content, Source, Submission, SubmissionState
from postroad.engine.access import Access
from postroad.engine.accounts.directory import Directory
from postroad.engine.accounts.registry import AccountView
from postroad.engine.accounts.verify import ProtocolVerdict, VerifyRequest, VerifyResult
from postroad.engine.delivery.outbox import OutboxEntry
from postroad.engine.mail.service import Mail
from postroad.engine.protocol_log import ProtocolLog
from postroad.engine.providers.sandbox import SandboxProvider
from postroad.engine.settings import Settings
from postroad.engine.submit.request import SubmitRequest, SubmitResult
from postroad.engine.suppression.service import Suppression

NOW_MS = 1_629_126_286_161  # 2021-08-16T15:04:46.161Z


class MemoryAccounts:
    """Accounts in a dictionary; states are what a test says."""

    def __init__(self) -> None:
        self.known: dict[str, Account] = {}
        self.statuses: dict[str, AccountStatus] = {}
        self.verified: list[VerifyRequest] = []
        self.reconnected: list[str] = []
        self.synced: list[str] = []
        self.flushed: list[tuple[str, int | None, str | None]] = []

    async def create(self, draft: Account) -> tuple[str, bool]:
        account = draft.account or "generated0000001"
        is_new = account not in self.known
        self.known[account] = replace(draft, account=account, created_at=NOW_MS)
        return account, is_new

    async def get(self, account: str) -> AccountView:
        if account not in self.known:
            raise NotFound("Account record was not found for requested ID")
        status = self.statuses.get(account, AccountStatus(AccountState.INIT, NOW_MS))
        return AccountView(self.known[account], status, {"messageSent": 2}, 1)

    async def list(
        self, page: int, page_size: int, state: AccountState | None, query: str | None
    ) -> Page[AccountView]:
        found = [await self.get(account) for account in sorted(self.known)]
        found = [view for view in found if state in (None, view.status.state)]
        found = [view for view in found if query is None or query in view.account.account]
        items = found[page * page_size : (page + 1) * page_size]
        return Page(items, len(found), page, pages_of(len(found), page_size))

    async def update(self, account: str, change: Callable[[Account], Account]) -> None:
        self.known[account] = change((await self.get(account)).account)

    async def delete(self, account: str) -> None:
        await self.get(account)
        del self.known[account]

    async def reconnect(self, account: str) -> None:
        await self.get(account)
        self.reconnected.append(account)

    async def sync(self, account: str) -> None:
        await self.get(account)
        self.synced.append(account)

    async def flush(
        self, account: str, *, notify_from: int | None = None, indexer: str | None = None
    ) -> None:
        await self.get(account)
        self.flushed.append((account, notify_from, indexer))

    async def verify(self, request: VerifyRequest) -> VerifyResult:
        self.verified.append(request)
        refused = ProtocolVerdict(False, "Invalid login", "EAUTH", 535, "535 5.7.8 no")
        return VerifyResult(
            imap=None if request.imap is None else ProtocolVerdict(True),
            smtp=None if request.smtp is None else refused,
            mailboxes=None,
        )


class MemorySubmit:
    """Remembers what was asked; answers as the contract's example does."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, SubmitRequest]] = []
        self.failure: Exception | None = None

    async def accept(self, account: str, request: SubmitRequest) -> SubmitResult:
        if self.failure is not None:
            raise self.failure
        self.accepted.append((account, request))
        if request.dry_run:
            return SubmitResult("<id@example.com>", preview=b"Subject: x\r\n\r\nx\r\n")
        return SubmitResult("<id@example.com>", "0017b5a0ed91abcdef0", request.send_at or NOW_MS)


class MemoryOutbox:
    """One queued message."""

    def __init__(self) -> None:
        self.queued = {"q1": submission("q1")}

    async def list(self, page: int, page_size: int) -> Page[OutboxEntry]:
        entries = [OutboxEntry(sub, sub.next_attempt_at, False) for sub in self.queued.values()]
        return Page(entries, len(entries), page, pages_of(len(entries), page_size))

    async def get(self, queue_id: str) -> OutboxEntry:
        if queue_id not in self.queued:
            raise NotFound("Queue entry was not found", code="NotFound")
        return OutboxEntry(self.queued[queue_id], None, False)

    async def cancel(self, queue_id: str) -> bool:
        return self.queued.pop(queue_id, None) is not None


def submission(queue_id: str) -> Submission:
    return Submission(
        queue_id=queue_id,
        account="example",
        lane="example",
        source=Source.API,
        envelope=Envelope("a@example.com", ("b@example.com",)),
        message_id="<id@example.com>",
        subject="Hello",
        content=Content("c1", 100),
        state=SubmissionState.QUEUED,
        created_at=NOW_MS,
        scheduled_at=NOW_MS,
        next_attempt_at=NOW_MS + 5_000,
        attempts=1,
        max_attempts=10,
        last_error="Connection refused",
        last_code="ECONNECTION",
    )


class MemoryEngine:
    """The engine's face, as the surface knows it."""

    def __init__(self, store: stores.Store, access: Access) -> None:
        self.store = store
        self.accounts = MemoryAccounts()
        self.submit = MemorySubmit()
        self.outbox = MemoryOutbox()
        self.mail = Mail(store, Directory(store), self._provider_of)
        self.access = access
        self.settings = Settings(store)
        self.suppression = Suppression(store, self.settings)
        self.log = ProtocolLog(store, self.settings, node_id="n1")
        self.is_healthy = True
        self.measured = 0

    async def _provider_of(self, account: Account) -> SandboxProvider:
        return SandboxProvider(account, store=self.store)

    async def health(self) -> bool:
        return self.is_healthy

    async def measure(self) -> None:
        self.measured += 1


@asynccontextmanager
async def memory_engine(
    directory: Path, *, require_auth: bool = True, monotonic: Callable[[], float] | None = None
) -> AsyncIterator[MemoryEngine]:
    """An engine on a fresh SQLite store in ``directory``."""
    store = await stores.open(directory)
    try:
        access = Access(
            store,
            require_auth=require_auth,
            **({} if monotonic is None else {"monotonic": monotonic}),
        )
        engine = MemoryEngine(store, access)
        await engine.settings.load()
        yield engine
    finally:
        await store.close()
