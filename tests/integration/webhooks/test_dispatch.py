"""Webhooks from the event log to a receiver, with the real store and real sockets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections import Counter

import pytest

from postroad.domain.egress import EgressPolicy
from postroad.domain.event import EventName
from postroad.domain.secret import Secret
from postroad.store import Tx
from support.http_target import HttpTarget, Received, answer, http_target
from support.webhook_office import SECRET, Office


def numbers(target: HttpTarget) -> list[int]:
    return [json.loads(received.body)["data"]["n"] for received in target.received]


def number_of(received: Received) -> int:
    number: int = json.loads(received.body)["data"]["n"]
    return number


async def test_an_event_reaches_its_target_signed_and_whole(office: Office) -> None:
    async with http_target() as target, office.dispatcher():
        office.set(webhooks=target.url(), service_url="https://mail.example")
        [event] = await office.record(1)
        [received] = await target.until(1)
    digest = hmac.new(SECRET.encode(), received.body, hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert received.headers["x-ee-wh-signature"] == signature
    assert received.headers["x-ee-wh-event-id"] == event.event_id
    assert received.headers["x-ee-wh-attempts-made"] == "0"
    assert received.headers["x-ee-wh-queued-time"] == "0s"
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body) == {
        "serviceUrl": "https://mail.example",
        "account": "one",
        "date": "2023-11-14T22:13:20.000Z",
        "event": "messageSent",
        "data": {"n": 1},
    }
    assert await office.counts() == (0, 0)


async def test_events_of_an_account_arrive_in_order(office: Office) -> None:
    async with http_target() as target, office.dispatcher():
        office.set(webhooks=target.url())
        for start in range(0, 500, 50):
            await office.record(*range(start, start + 50))
        await target.until(500)
        await office.until_counts(0)
    assert numbers(target) == list(range(500))
    assert target.connections == 1


async def test_the_next_event_waits_for_the_answer_to_the_previous_one(office: Office) -> None:
    may_answer = asyncio.Event()

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        await answer()(received, writer)

    async with http_target(behave) as target, office.dispatcher():
        office.set(webhooks=target.url())
        await office.record(1, 2, 3)
        await target.until(1)
        await office.record(4)  # news while the first is under way must not start another
        assert len(target.received) == 1
        may_answer.set()
        await target.until(4)
    assert numbers(target) == [1, 2, 3, 4]


async def test_events_from_before_the_start_are_found(office: Office) -> None:
    await office.record(1, 2)
    async with http_target() as target:
        office.set(webhooks=target.url())
        async with office.dispatcher():
            await target.until(2)
    assert numbers(target) == [1, 2]


async def test_a_failed_event_comes_back_after_its_delay_and_later_ones_overtake_it(
    office: Office,
) -> None:
    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        is_refused = number_of(received) == 1 and len(target.received) == 1
        await answer(500 if is_refused else 200)(received, writer)

    async with http_target(behave) as target, office.dispatcher():
        office.set(webhooks=target.url())
        [first, *_] = await office.record(1, 2, 3)
        await target.until(3)
        await office.until_counts(1)
        await office.put_forward(3_999)  # 5 s, shortened by at most a fifth
        await office.put_forward(1_001)
        await target.until(4)
        await office.until_counts(0)
    assert numbers(target) == [1, 2, 3, 1]
    again = target.received[3].headers
    assert again["x-ee-wh-event-id"] == first.event_id
    assert again["x-ee-wh-attempts-made"] == "1"
    assert again["x-ee-wh-queued-time"] == "5s"


async def test_ten_attempts_are_made_over_their_delays_and_then_the_event_is_kept_as_failed(
    office: Office,
) -> None:
    nominal_s = [5, 10, 20, 40, 80, 160, 320, 640, 1280]
    async with http_target(answer(404)) as target, office.dispatcher():
        office.set(webhooks=target.url())
        await office.record(1)
        for attempt, delay_s in enumerate(nominal_s, 1):
            await target.until(attempt)
            await office.until(lambda: is_planned(office))
            assert await office.counts() == (1, 0)
            await office.put_forward(delay_s * 800 - 1)
            assert len(target.received) == attempt
            await office.put_forward(delay_s * 200 + 1)
        await target.until(10)
        await office.until_counts(0, failed=1)
        await office.put_forward(86_400_000)
    made = [received.headers["x-ee-wh-attempts-made"] for received in target.received]
    assert made == [str(number) for number in range(10)]


async def is_planned(office: Office) -> bool:
    """Whether the one job waits for its next attempt, and not for the end of a claim."""
    claim_ms = int((60 + office.timeout_s + 60) * 1000)
    due_in_ms = await office.next_due()
    return due_in_ms is not None and due_in_ms > 0 and due_in_ms != claim_ms


async def test_a_redirect_is_final(office: Office) -> None:
    async with http_target(answer(302, b"", "Location: /")) as target, office.dispatcher():
        office.set(webhooks=target.url())
        await office.record(1)
        await office.until_counts(0, failed=1)
    error = await office.find_error("global")
    assert error is not None
    assert (error.code, error.status_code) == ("EREDIRECTNOTFOLLOWED", 302)


async def test_a_forbidden_address_is_final_and_never_dialed(office: Office) -> None:
    office.policy = EgressPolicy.PRIVATE
    async with http_target() as target, office.dispatcher():
        office.set(webhooks=target.url())
        await office.record(1)
        await office.until_counts(0, failed=1)
    assert target.connections == 0
    error = await office.find_error("global")
    assert error is not None
    assert error.code == "EEGRESSBLOCKED"


async def test_an_error_flag_is_raised_and_taken_down_by_the_next_success(office: Office) -> None:
    async with http_target(answer(500)) as target, office.dispatcher():
        office.set(webhooks=target.url().replace("//", "//user:pass@"))
        await office.record(1)
        await office.until_counts(1)
        await office.until(lambda: has_error(office, "global"))
        error = await office.find_error("global")
        assert error is not None
        assert (error.event, error.message) == ("messageSent", "Invalid response: 500 Status")
        assert (error.status_code, error.url) == (500, target.url())
        target.behaviour = answer()
        await office.record(2)
        await office.until(lambda: has_no_error(office, "global"))


async def has_error(office: Office, target: str) -> bool:
    return await office.find_error(target) is not None


async def has_no_error(office: Office, target: str) -> bool:
    return await office.find_error(target) is None


async def test_each_target_has_its_own_error_flag(office: Office) -> None:
    async with http_target() as good, http_target(answer(500)) as bad, office.dispatcher():
        office.set(webhooks=good.url())
        await office.add_account("two", bad.url())
        await office.record(1)
        await office.record(2, account="two")
        await office.until(lambda: has_error(office, "account:two"))
        await good.until(1)
    assert await office.find_error("global") is None


async def test_switching_webhooks_off_takes_the_default_flag_down(office: Office) -> None:
    async with http_target(answer(500)) as target, office.dispatcher():
        office.set(webhooks=target.url())
        await office.record(1)
        await office.until(lambda: has_error(office, "global"))
        office.set(webhooks_enabled=False)
        office.store.wake.tell_all()
        await office.until(lambda: has_no_error(office, "global"))


async def test_while_switched_off_events_are_dropped(office: Office) -> None:
    office.set(webhooks_enabled=False)
    async with http_target() as target, office.dispatcher():
        office.set(webhooks=target.url())
        await office.record(*range(250))
        await office.until_counts(0)
    assert target.received == []


async def test_events_that_are_not_listed_are_dropped(office: Office) -> None:
    async with http_target() as target, office.dispatcher():
        office.set(webhooks=target.url(), webhook_events=("messageFailed",))
        await office.record(1)
        await office.record(2, name=EventName.MESSAGE_FAILED)
        await office.until_counts(0)
    assert numbers(target) == [2]


async def test_events_without_any_url_are_dropped(office: Office) -> None:
    async with office.dispatcher():
        await office.record(1)
        await office.until_counts(0)


async def test_of_a_deleted_account_only_the_deletion_is_told(office: Office) -> None:
    async with http_target() as target:
        office.set(webhooks=target.url())
        await office.record(1)
        await office.delete_account("one")
        await office.record(2, name=EventName.ACCOUNT_DELETED)
        async with office.dispatcher():
            await office.until_counts(0)
    assert numbers(target) == [2]


async def test_an_account_may_have_its_own_url_and_headers(office: Office) -> None:
    office.set(webhooks_custom_headers=(("X-Team", Secret("post")),))
    async with http_target() as default, http_target() as own, office.dispatcher():
        office.set(webhooks=default.url())
        await office.add_account("two", own.url("/two"))
        await office.record(1)
        await office.record(2, account="two")
        await default.until(1)
        await own.until(1)
        await office.until_counts(0)
        await office.add_account("two", default.url("/moved"))
        await office.record(3, account="two")
        await default.until(2)
    assert [received.target for received in own.received] == ["/two"]
    assert default.received[1].target == "/moved"
    assert default.received[0].headers["x-team"] == "post"


async def test_a_url_that_cannot_be_used_is_a_failure_and_heals_when_it_is_mended(
    office: Office,
) -> None:
    async with http_target() as target, office.dispatcher():
        office.set(webhooks="http://bad_url:0/")
        await office.record(1)
        await office.until(lambda: has_error(office, "global"))
        office.set(webhooks=target.url())
        await office.put_forward(5_000)
        await target.until(1)
        await office.until(lambda: has_no_error(office, "global"))


async def test_a_target_that_hangs_holds_up_nobody_else(office: Office) -> None:
    async def hang(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    office.concurrency = 4
    office.timeout_s = 0.3
    async with http_target(hang) as stuck, http_target() as quick, office.dispatcher():
        for number in range(12):
            await office.add_account(f"stuck-{number}", stuck.url())
            await office.add_account(f"quick-{number}", quick.url())
        for number in range(12):
            await office.record(1, 2, account=f"stuck-{number}")
        await stuck.until(1)
        for number in range(12):
            await office.record(1, 2, account=f"quick-{number}")
        await quick.until(24)
        assert len(stuck.received) < 24


async def test_many_accounts_are_served_at_once_within_the_bound(office: Office) -> None:
    may_answer = asyncio.Event()
    under_way = Counter[str]()

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        under_way["now"] += 1
        under_way["most"] = max(under_way["most"], under_way["now"])
        await may_answer.wait()
        under_way["now"] -= 1
        await answer()(received, writer)

    office.concurrency = 8
    async with http_target(behave) as target, office.dispatcher():
        office.set(webhooks=target.url())
        for number in range(20):
            await office.add_account(f"account-{number}")
            await office.record(number, account=f"account-{number}")
        await target.until(6)  # three quarters of the slots for one origin
        may_answer.set()
        await target.until(20)
        await office.until_counts(0)
    assert under_way["most"] == 6
    assert sorted(numbers(target)) == list(range(20))


async def test_an_account_with_a_backlog_delays_another_by_no_more_than_a_turn(
    office: Office,
) -> None:
    office.concurrency = 1
    async with http_target() as target:
        office.set(webhooks=target.url())
        await office.add_account("two")
        await office.record(*range(1000))
        async with office.dispatcher():
            await target.until(10)
            await office.record(5000, account="two")
            await target.until(1001)
            await office.until_counts(0)
    position = numbers(target).index(5000)
    assert position < 400
    assert [n for n in numbers(target) if n < 5000] == list(range(1000))


async def test_a_stop_finishes_what_is_under_way_and_gives_back_the_rest(office: Office) -> None:
    may_answer = asyncio.Event()

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        await answer()(received, writer)

    async with http_target(behave) as target:
        office.set(webhooks=target.url())
        async with office.dispatcher() as dispatcher:
            await office.record(*range(150))  # more than one batch
            await target.until(1)
            dispatcher.stop()
            may_answer.set()
        assert numbers(target) == [0]
        assert await office.counts() == (149, 0)
        await office.put_forward(1)
        async with office.dispatcher():  # at once, without waiting for the claim to end
            await target.until(150)
    assert numbers(target) == list(range(150))
    assert target.received[1].headers["x-ee-wh-attempts-made"] == "0"


async def test_what_was_not_written_down_is_delivered_again_under_the_same_event_id(
    office: Office,
) -> None:
    async with http_target() as target:
        office.set(webhooks=target.url())
        [event] = await office.record(1)

        # A process that has claimed and posted, and dies before it can write.
        async def claim(tx: Tx) -> None:
            await tx.webhooks.claim_batch("one", node="dead", limit=100, claim_ms=150_000)

        async def bury(tx: Tx) -> None:
            await tx.nodes.bury("dead")

        await office.store.write(claim)
        async with office.dispatcher():
            await office.record(2, account="one")
            await target.until(1)
            assert numbers(target) == [2]
            await office.store.write(bury)
            await target.until(2)
            await office.until_counts(0)
    assert target.received[1].headers["x-ee-wh-event-id"] == event.event_id


async def test_a_claim_that_ends_without_a_word_is_taken_over(office: Office) -> None:
    async with http_target() as target:
        office.set(webhooks=target.url())
        await office.record(1)

        async def claim(tx: Tx) -> None:
            await tx.webhooks.claim_batch("one", node="dead", limit=100, claim_ms=150_000)

        await office.store.write(claim)
        async with office.dispatcher():
            await office.put_forward(150_001)
            await target.until(1)
            await office.until_counts(0)


async def test_attempts_that_were_all_interrupted_end_as_failed_without_another(
    office: Office,
) -> None:
    async with http_target() as target:
        office.set(webhooks=target.url())
        await office.record(1)

        async def claim(tx: Tx) -> None:
            await tx.webhooks.claim_batch("one", node="dead", limit=100, claim_ms=1)

        for _ in range(10):
            await office.store.write(claim)
            office.clock.now += 2
        async with office.dispatcher():
            await office.until_counts(0, failed=1)
    assert target.received == []


async def test_two_dispatchers_share_the_work_and_deliver_once(office: Office) -> None:
    async with http_target() as target:
        office.set(webhooks=target.url())
        accounts = [f"account-{number}" for number in range(10)]
        for account in accounts:
            await office.add_account(account)
            await office.record(*range(20), account=account)
        async with office.dispatcher():
            office.node_id = "node-2"
            async with office.dispatcher():
                await target.until(200)
                await office.until_counts(0)
    seen: dict[str, list[int]] = {account: [] for account in accounts}
    for received in target.received:
        seen[json.loads(received.body)["account"]].append(number_of(received))
    assert seen == {account: list(range(20)) for account in accounts}


async def test_a_cancelled_dispatcher_writes_what_it_knows_and_gives_back_the_rest(
    office: Office,
) -> None:
    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        if number_of(received) < 3:
            await answer()(received, writer)

    async def fall_apart() -> None:
        async with office.dispatcher():
            await office.record(1, 2, 3, 4)
            await target.until(3)
            raise RuntimeError("the process is falling apart")

    async with http_target(behave) as target:
        office.set(webhooks=target.url())
        with pytest.raises(ExceptionGroup):
            await fall_apart()
        assert await office.counts() == (2, 0)
        target.behaviour = answer()
        async with office.dispatcher():  # 3 may have arrived and waits for the end of its claim
            await target.until(4)
            await office.until_counts(1)
    assert numbers(target) == [1, 2, 3, 4]
