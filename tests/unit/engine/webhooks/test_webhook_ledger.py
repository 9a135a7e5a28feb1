"""Results wait for the disk, requests do not."""

from __future__ import annotations

import asyncio

import pytest

from postroad.domain.errors import Unavailable
from postroad.domain.event import RecordedEvent
from postroad.engine.webhooks.ledger import Claim, Ledger
from postroad.store import Unit
from postroad.store.backend import T
from postroad.store.webhooks import WebhookJob


class BrokenStore:
    """A store that cannot write, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.asked = 0

    async def write(self, unit: Unit[T]) -> T:
        self.asked += 1
        raise Unavailable("The disk is full")


class SlowStore:
    """A store whose writes do not end."""

    async def write(self, unit: Unit[T]) -> T:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def job(number: int) -> WebhookJob:
    event = RecordedEvent(number, f"event-{number}", "one", "messageSent", 0, "{}", None)
    return WebhookJob(event, attempts=1, queued_at=0, claim_token=1)


async def test_what_cannot_be_written_stays_noted() -> None:
    store = BrokenStore()
    ledger = Ledger(store, Claim("node", 1000), on_retry=lambda _: None)
    ledger.delivered(job(1))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await ledger.flush()
    assert store.asked == 2


async def test_nothing_noted_asks_nothing_of_the_store() -> None:
    store = BrokenStore()
    await Ledger(store, Claim("node", 1000), on_retry=lambda _: None).flush()
    assert store.asked == 0


async def test_a_claim_that_cannot_be_written_fails_where_it_was_asked_for() -> None:
    ledger = Ledger(BrokenStore(), Claim("node", 1000), on_retry=lambda _: None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(ledger.run())
        with pytest.raises(Unavailable):
            await ledger.claim("one", 100)
        running.cancel()


async def test_beyond_the_bound_requests_wait_for_the_disk() -> None:
    ledger = Ledger(SlowStore(), Claim("node", 1000), on_retry=lambda _: None, max_unwritten=3)
    ledger.delivered(job(1))
    ledger.retry(job(2), 1000, {})
    await ledger.room()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(ledger.run())
        await asyncio.sleep(0)  # both are on their way to the disk and count still
        ledger.drop(job(3))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ledger.room()
        running.cancel()


async def test_a_retry_is_announced_with_its_delay() -> None:
    told: list[int] = []
    ledger = Ledger(BrokenStore(), Claim("node", 1000), on_retry=told.append)
    ledger.retry(job(1), 4000, {})
    assert told == [4000]
