"""The event log and its webhook jobs, on both engines."""

from __future__ import annotations

import json

import pytest

from postroad.domain.errors import Conflict
from postroad.domain.event import EventName
from postroad.store import Store
from postroad.store.events import EventPosition
from postroad.store.webhooks import AccountDue, WebhookCounts, WebhookError, WebhookJob
from support.store import MINUTE, START, Clock, account, event, put_account


async def record(store: Store, account: str = "a", n: int = 1) -> None:
    await store.write(lambda tx: tx.events.record(*(event(account=account) for _ in range(n))))


async def claim_jobs(store: Store, account: str = "a", limit: int = 10) -> list[WebhookJob]:
    return await store.write(
        lambda tx: tx.webhooks.claim_batch(account, node="n1", limit=limit, claim_ms=MINUTE)
    )


async def test_event_comes_back_as_it_was_recorded(store: Store) -> None:
    told = event(EventName.MESSAGE_FAILED, data={"error": "Grüße", "n": [1, None]}, queue_id="q1")
    await store.write(lambda tx: tx.events.record(told))
    kept = await store.read(lambda tx: tx.events.find(told.event_id))
    assert kept is not None
    assert (kept.account, kept.name, kept.queue_id) == ("a", "messageFailed", "q1")
    assert (kept.recorded_at, json.loads(kept.data)) == (START, told.data)
    assert await store.read(lambda tx: tx.events.of("q1", account="a")) == [kept]
    assert await store.read(lambda tx: tx.events.of("q1", account="b")) == []


async def test_events_of_a_former_account_are_not_counted_for_its_successor(
    store: Store, clock: Clock
) -> None:
    await put_account(store, account("a", created_at=START))
    await record(store, n=3)
    await store.write(lambda tx: tx.accounts.delete("a"))
    clock.advance(1)
    await put_account(store, account("a", created_at=START + 1))
    await record(store)
    assert await store.read(lambda tx: tx.events.count_by_name("a")) == {"messageSent": 1}
    assert await store.write(lambda tx: tx.events.purge(before=START + 1, limit=9)) == 3
    assert await store.read(lambda tx: tx.events.count_by_name("a")) == {"messageSent": 1}


async def test_same_event_twice_is_a_conflict(store: Store) -> None:
    told = event()
    await store.write(lambda tx: tx.events.record(told))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.events.record(told))


async def test_reader_goes_through_the_log_in_order_without_gaps(store: Store) -> None:
    told = [event() for _ in range(7)]
    for one in told:
        await store.write(lambda tx, one=one: tx.events.record(one))  # type: ignore[misc]  # default binds the loop's value

    async def read(position: EventPosition) -> list[str]:
        batch = await store.read(lambda tx: tx.events.read_after(position, 3))
        return [one.event_id for _, one in batch] + await read(batch[-1][0]) if batch else []

    assert await read(EventPosition()) == [one.event_id for one in told]


async def test_counts_survive_the_purge(store: Store, clock: Clock) -> None:
    for name in ("a", "b"):
        await put_account(store, account(name, created_at=START))
    await record(store, n=3)
    await record(store, account="b")
    await store.write(lambda tx: tx.events.record(event(EventName.CONNECT_ERROR)))
    clock.advance(1)
    await record(store)

    expected = {"connectError": 1, "messageSent": 4}
    assert await store.read(lambda tx: tx.events.count_by_name("a")) == expected
    assert await store.write(lambda tx: tx.events.purge(before=START + 1, limit=3)) == 3
    assert await store.write(lambda tx: tx.events.purge(before=START + 1, limit=3)) == 2
    assert await store.write(lambda tx: tx.events.purge(before=START + 1, limit=3)) == 0
    assert await store.read(lambda tx: tx.events.count_by_name("a")) == expected
    assert (await store.read(lambda tx: tx.webhooks.counts())).pending == 1


async def test_places_in_the_log_are_never_given_twice(store: Store) -> None:
    await record(store, n=3)
    log = await store.read(lambda tx: tx.events.read_after(EventPosition(), 10))
    await store.write(lambda tx: tx.events.purge(before=START + 1))
    await record(store)
    (_, (position, _)) = await store.read(lambda tx: tx.events.read_after(EventPosition(), 10))
    assert position > log[-1][0]


async def test_every_event_has_a_job_and_jobs_are_claimed_in_order(store: Store) -> None:
    await record(store, n=3)
    await record(store, account="b")
    jobs = await claim_jobs(store, limit=2)
    assert [job.attempts for job in jobs] == [1, 1]
    assert jobs[0].seq < jobs[1].seq
    assert {job.event.account for job in jobs} == {"a"}
    assert jobs[0].queued_at == START
    assert len(await claim_jobs(store)) == 1
    assert await claim_jobs(store) == []


async def test_due_accounts_come_soonest_first_with_their_time(store: Store, clock: Clock) -> None:
    await record(store)
    await claim_jobs(store)
    clock.advance(5)
    await record(store, account="b")
    await record(store, account="c")
    due = await store.read(lambda tx: tx.webhooks.due(2, exclude={"c"}))
    assert due == [AccountDue("b", START + 5), AccountDue("a", START + MINUTE)]


async def test_delivered_jobs_go_and_the_events_stay(store: Store) -> None:
    await record(store, n=2)
    jobs = await claim_jobs(store)
    assert await store.write(lambda tx: tx.webhooks.delivered(jobs)) == 2
    assert await store.write(lambda tx: tx.webhooks.delivered(jobs)) == 0
    assert await store.write(lambda tx: tx.webhooks.drop([])) == 0
    assert len(await store.read(lambda tx: tx.events.read_after(EventPosition(), 10))) == 2


async def test_retried_job_waits_and_keeps_its_count(store: Store, clock: Clock) -> None:
    await record(store)
    (job,) = await claim_jobs(store)
    retry_at = START + 5_000
    assert await store.write(lambda tx: tx.webhooks.retry(job, retry_at, {"code": 500}))
    assert await claim_jobs(store) == []
    clock.ms = retry_at
    (again,) = await claim_jobs(store)
    assert (again.attempts, again.claim_token, again.event) == (2, 2, job.event)


async def test_lost_claim_neither_retries_nor_gives_up(store: Store, clock: Clock) -> None:
    await record(store)
    (job,) = await claim_jobs(store)
    clock.advance(MINUTE)
    await claim_jobs(store)
    assert not await store.write(lambda tx: tx.webhooks.retry(job, START, {}))
    assert not await store.write(lambda tx: tx.webhooks.give_up(job, {}))
    assert await store.write(lambda tx: tx.webhooks.release([job])) == 0


async def test_released_jobs_are_uncounted(store: Store, clock: Clock) -> None:
    await record(store, n=2)
    jobs = await claim_jobs(store)
    assert await store.write(lambda tx: tx.webhooks.release(jobs[:1])) == 1
    assert (
        await store.write(lambda tx: tx.webhooks.release(jobs[1:], next_attempt_at=START + 10)) == 1
    )
    (again,) = await claim_jobs(store)
    assert (again.seq, again.attempts) == (jobs[0].seq, 1)


async def test_given_up_jobs_are_kept_for_a_while(store: Store, clock: Clock) -> None:
    await record(store, n=4)
    for job in await claim_jobs(store):
        assert await store.write(lambda tx, job=job: tx.webhooks.give_up(job, {"code": 404}))  # type: ignore[misc]  # default binds the loop's value
    await record(store)
    assert await store.read(lambda tx: tx.webhooks.counts()) == WebhookCounts(1, 4)
    assert await store.write(lambda tx: tx.webhooks.purge_failed(before=START, keep=3)) == 1
    assert await store.write(lambda tx: tx.webhooks.purge_failed(before=START + 1, keep=3)) == 3
    assert await store.read(lambda tx: tx.webhooks.counts()) == WebhookCounts(1, 0)


async def test_error_flag_goes_up_changes_and_comes_down(store: Store) -> None:
    error = WebhookError("global", "messageSent", "refused", START, "https://x", "ECONN", None)
    await store.write(lambda tx: tx.webhooks.set_error(error))
    later = WebhookError("global", "messageSent", "no", START + 1, "https://x", None, 500)
    await store.write(lambda tx: tx.webhooks.set_error(later))
    assert await store.read(lambda tx: tx.webhooks.find_error("global")) == later
    assert await store.write(lambda tx: tx.webhooks.clear_error("global"))
    assert not await store.write(lambda tx: tx.webhooks.clear_error("global"))
    assert await store.read(lambda tx: tx.webhooks.find_error("global")) is None


async def test_burial_makes_a_dead_nodes_jobs_due(store: Store) -> None:
    await record(store)
    (job,) = await claim_jobs(store)
    assert await store.write(lambda tx: tx.webhooks.bury("other")) == 0
    assert await store.write(lambda tx: tx.webhooks.bury("n1")) == 1
    (again,) = await claim_jobs(store)
    assert (again.seq, again.attempts) == (job.seq, 2)
