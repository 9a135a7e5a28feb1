"""Hint, poll, stop."""

from __future__ import annotations

import asyncio

from postroad.engine.wakeup import Hint, Wakeup


async def test_a_hint_set_before_the_wait_ends_it_at_once() -> None:
    hint = Hint()
    hint.set()
    assert await hint.wait(30)
    assert not hint.is_set


async def test_a_hint_set_during_the_wait_ends_it() -> None:
    hint = Hint()
    asyncio.get_running_loop().call_soon(hint.set)
    assert await hint.wait(30)


async def test_many_sets_wake_once() -> None:
    hint = Hint()
    hint.set()
    hint.set()
    assert await hint.wait(0)
    assert not await hint.wait(0)


async def test_the_poll_interval_ends_a_wait_without_hint() -> None:
    with Wakeup(Hint(), poll_s=0.001) as wakeup:
        assert not await wakeup.wait()


async def test_a_known_time_shortens_one_wait() -> None:
    with Wakeup(Hint(), poll_s=None) as wakeup:
        assert not await wakeup.wait(until_s=0.001)


async def test_any_of_several_hints_ends_the_wait_and_all_are_taken_down() -> None:
    first, second = Hint(), Hint()
    with Wakeup(first, second, poll_s=None) as wakeup:
        first.set()
        second.set()
        assert await wakeup.wait()
    assert not first.is_set
    assert not second.is_set


async def test_a_stop_ends_the_wait_and_stays_up_for_others() -> None:
    hint, stop = Hint(), Hint()
    asyncio.get_running_loop().call_soon(stop.set)
    with Wakeup(hint, poll_s=None, stop=stop) as wakeup:
        assert not await wakeup.wait()
        assert wakeup.is_stopping
    assert stop.is_set


async def test_a_hint_counts_for_nothing_once_stopped() -> None:
    hint, stop = Hint(), Hint()
    hint.set()
    stop.set()
    with Wakeup(hint, poll_s=None, stop=stop) as wakeup:
        assert not await wakeup.wait()


async def test_two_wakeups_on_one_hint_both_end() -> None:
    hint = Hint()
    with Wakeup(hint, poll_s=None) as one, Wakeup(hint, poll_s=None) as two:
        waits = asyncio.gather(one.wait(), two.wait())
        asyncio.get_running_loop().call_soon(hint.set)
        async with asyncio.timeout(5):
            # One of them takes the flag down; both have been woken.
            assert any(await waits)


async def test_leaving_the_block_lets_go_of_the_hints() -> None:
    hint = Hint()
    with Wakeup(hint, poll_s=0):
        pass
    hint.set()
    assert hint.is_set
