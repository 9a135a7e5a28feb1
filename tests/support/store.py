"""Values and shapes that the store's tests are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

from postroad.domain.account import Account, ImapSettings, Login, SmtpSettings
from postroad.domain.envelope import Envelope
from postroad.domain.event import Event, EventName
from postroad.domain.secret import Secret
from postroad.domain.submission import Content, Source, Submission, SubmissionState
from postroad.store import Store, Tx

START = 1_700_000_000_000  # epoch ms at which the tests' clock stands first
MINUTE = 60_000

OpenStore = Callable[..., Awaitable[Store]]  # takes what ``store.open`` takes, but the URL

_NUMBERS = count(1)


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.ms = START

    def __call__(self) -> int:
        return self.ms

    def advance(self, ms: int) -> int:
        self.ms += ms
        return self.ms


def submission(queue_id: str | None = None, **changes: Any) -> Submission:
    """A queued submission of account ``a``, due at :data:`START`."""
    queue_id = queue_id or f"q{next(_NUMBERS):06d}"
    sub = Submission(
        queue_id=queue_id,
        account="a",
        lane=str(changes.get("account", "a")),
        source=Source.API,
        envelope=Envelope("me@example.com", ("you@example.net",)),
        message_id=f"<{queue_id}@example.com>",
        subject="Hello",
        content=Content(f"c-{queue_id}", 5),
        state=SubmissionState.QUEUED,
        created_at=START,
        scheduled_at=START,
        next_attempt_at=START,
        attempts=0,
        max_attempts=10,
    )
    return replace(sub, **changes)


def account(account_id: str = "a", /, **changes: Any) -> Account:
    """An account with a mailbox, a relay and secrets."""
    login = Login("user", password=Secret("pass word"))
    made = Account(
        account=account_id,
        name=f"Name of {account_id}",
        email=f"{account_id}@example.com",
        created_at=START,
        imap=ImapSettings("imap.example.com", 993, secure=True, login=login),
        smtp=SmtpSettings("smtp.example.com", 587, login=login),
    )
    return replace(made, **changes)


def event(name: EventName = EventName.MESSAGE_SENT, **changes: Any) -> Event:
    """An event of account ``a`` with an id of its own."""
    made = Event(name, "a", {"messageId": "<1@example.com>"})
    return replace(made, **changes)


async def enqueue(store: Store, *subs: Submission, octets: bytes = b"hello") -> list[Submission]:
    """Queue submissions with contents of their own; as they are in the store then."""
    return [await _enqueue(store, sub, octets) for sub in subs]


async def _enqueue(store: Store, sub: Submission, octets: bytes) -> Submission:
    staged = await store.stage([octets])
    sub = replace(sub, content=staged.content)

    async def unit(tx: Tx) -> None:
        await tx.contents.insert(staged)
        await tx.submissions.insert(sub)

    await store.write(unit)
    return sub


async def claim(store: Store, lane: str = "a", limit: int = 10, **changes: Any) -> list[Submission]:
    """Claim due rows for node ``n1`` for a minute."""
    arguments: dict[str, Any] = {"state": SubmissionState.QUEUED, "node": "n1", "claim_ms": MINUTE}
    return await store.write(
        lambda tx: tx.submissions.claim(lane, limit=limit, **{**arguments, **changes})
    )


async def get(store: Store, queue_id: str) -> Submission:
    return await store.read(lambda tx: tx.submissions.get(queue_id))


async def accept(store: Store, sub: Submission, *, done: bool = False) -> bool:
    return await store.write(lambda tx: tx.submissions.accept(sub, "250 ok", done=done))


async def fail(store: Store, sub: Submission) -> bool:
    return await store.write(lambda tx: tx.submissions.fail(sub, error="no"))


async def put_account(store: Store, made: Account) -> bool:
    return await store.write(lambda tx: tx.accounts.put(made))


async def octets_of(store: Store, content: Content, *, skip_bcc: bool = False) -> bytes:
    return b"".join([piece async for piece in store.open_content(content, skip_bcc=skip_bcc)])
