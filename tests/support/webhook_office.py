"""A store, settings and a clock in a test's hand, and a dispatcher that may be watched at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random

from postroad.domain.account import Account
from postroad.domain.egress import EgressPolicy
from postroad.domain.event import Event, EventName
from postroad.domain.secret import Secret
from postroad.domain.setting import SettingValues
from postroad.engine.webhooks.dispatch import Dispatcher
from postroad.store import Store, Tx
from postroad.store.webhooks import WebhookError
from postroad.transport.http import HttpClient

SECRET = "0123456789abcdef"


class Clock:
    """The store's clock, which a test may put forward. Epoch ms."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@dataclass
class KnownSettings:
    """Settings that a test holds in its hand."""

    snapshot: SettingValues

    async def service_secret(self) -> Secret[str]:
        return Secret(SECRET)


@dataclass
class Office:
    """Everything that a webhook goes through, and shortcuts to look at it."""

    store: Store
    clock: Clock
    settings: KnownSettings
    node_id: str = "node-1"
    concurrency: int = 32
    timeout_s: float = 10.0
    policy: EgressPolicy = EgressPolicy.LINK_LOCAL

    def set(self, **values: object) -> None:
        self.settings.snapshot = replace(self.settings.snapshot, **values)  # type: ignore[arg-type]  # a test's shorthand

    async def add_account(self, account: str, webhooks: str | None = None) -> None:
        async def unit(tx: Tx) -> None:
            await tx.accounts.put(Account(account, account, None, tx.now, webhooks=webhooks))

        await self.store.write(unit)

    async def delete_account(self, account: str) -> None:
        async def unit(tx: Tx) -> None:
            await tx.accounts.delete(account)

        await self.store.write(unit)

    async def record(
        self,
        *numbers: int,
        account: str = "one",
        name: EventName = EventName.MESSAGE_SENT,
    ) -> list[Event]:
        """Record one event for each number, which is its ``data.n``."""
        events = [Event(name, account, {"n": number}) for number in numbers]

        async def unit(tx: Tx) -> None:
            await tx.events.record(*events)

        await self.store.write(unit)
        return events

    async def counts(self) -> tuple[int, int]:
        """Jobs that are pending and failed."""

        async def unit(tx: Tx) -> tuple[int, int]:
            counts = await tx.webhooks.counts()
            return counts.pending, counts.failed

        return await self.store.read(unit)

    async def next_due(self) -> int | None:
        """When the first pending job is due or its claim ends, in ms from now."""

        async def unit(tx: Tx) -> int | None:
            due = await tx.webhooks.due(1)
            return due[0].next_attempt_at - tx.now if due else None

        return await self.store.read(unit)

    async def until_counts(self, pending: int, failed: int = 0) -> None:
        await self.until(lambda: self._has_counts(pending, failed))

    async def find_error(self, target: str) -> WebhookError | None:
        async def unit(tx: Tx) -> WebhookError | None:
            return await tx.webhooks.find_error(target)

        return await self.store.read(unit)

    async def until(self, is_so: Callable[[], Awaitable[bool]], deadline_s: float = 20) -> None:
        """Ask again and again until it is so."""
        async with asyncio.timeout(deadline_s):
            while not await is_so():
                await asyncio.sleep(0.005)

    async def put_forward(self, ms: int) -> None:
        """Put the clock forward and tell everybody to look again."""
        self.clock.now += ms
        self.store.wake.tell_all()

    @asynccontextmanager
    async def dispatcher(self) -> AsyncIterator[Dispatcher]:
        """Run a dispatcher; on leaving it is stopped and has written everything."""
        client = HttpClient(policy=self.policy)
        dispatcher = Dispatcher(
            self.store,
            self.settings,
            client,
            node_id=self.node_id,
            clock=self.clock,
            rng=Random(1),
            concurrency=self.concurrency,
            timeout_s=self.timeout_s,
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(dispatcher.run())
            try:
                yield dispatcher
                dispatcher.stop()
                async with asyncio.timeout(20):
                    await running
            finally:
                running.cancel()
                await client.close()

    async def _has_counts(self, pending: int, failed: int) -> bool:
        return await self.counts() == (pending, failed)
