from __future__ import annotations

import pytest

from postroad.surfaces.smtp.throttle import FORGET_S, MAX_DELAY_S, MAX_KEPT, MAX_WAIT_S, Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_few_typing_errors_cost_nothing(clock: Clock) -> None:
    throttle = Throttle(clock)
    assert [throttle.fail("192.0.2.1", "a") for _ in range(2)] == [0.0, 0.0]
    assert throttle.wait_s("192.0.2.1") == 0.0


def test_the_answer_no_comes_later_and_later(clock: Clock) -> None:
    throttle = Throttle(clock)
    delays = [throttle.fail(f"192.0.2.{n}", "a") for n in range(20)]
    assert delays[2:6] == [0.5, 1.0, 2.0, 4.0]
    assert delays[-1] == MAX_DELAY_S
    assert throttle.wait_s("192.0.2.99") == 0.0  # who comes from elsewhere does not wait


def test_attempts_of_one_address_stand_in_line(clock: Clock) -> None:
    throttle = Throttle(clock)
    for n in range(5):
        throttle.fail("192.0.2.1", f"a{n}")
    assert [throttle.wait_s("192.0.2.1") for _ in range(3)] == [2.0, 4.0, 6.0]
    waits = [throttle.wait_s("192.0.2.1") for _ in range(100)]
    assert waits[-1] is None
    assert max(wait for wait in waits if wait is not None) <= MAX_WAIT_S


def test_time_forgives(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(9):
        throttle.fail("192.0.2.1", "a")
    clock.now += FORGET_S + 1
    assert throttle.wait_s("192.0.2.1") == 0.0
    assert throttle.fail("192.0.2.1", "a") == 0.0


def test_a_login_that_is_right_forgives_the_account_and_not_the_address(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(9):
        throttle.fail("192.0.2.1", "a")
    throttle.succeed("a")
    assert throttle.wait_s("192.0.2.1") != 0.0
    assert throttle.fail("192.0.2.2", "a") == 0.0


def test_memory_is_bounded(clock: Clock) -> None:
    throttle = Throttle(clock)
    for n in range(MAX_KEPT):
        throttle.fail(f"address {n}", f"account {n}")
    assert len(throttle._records) == MAX_KEPT
