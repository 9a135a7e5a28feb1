"""When copies in Sent wait for mail that nobody has yet."""

from __future__ import annotations

from postroad.engine.delivery.rush import COPY_DELAY_MS, PER_SECOND, Rush

AT = 1_700_000_000_000  # the beginning of a second


def delays(rush: Rush, count: int, *, at: int, lane: str = "lane") -> list[int]:
    return [rush.copy_delay_ms(lane, at) for _ in range(count)]


def test_a_few_messages_are_filed_at_once() -> None:
    assert delays(Rush(), PER_SECOND, at=AT) == [0] * PER_SECOND


def test_the_copies_of_a_burst_wait() -> None:
    rush = Rush()
    delays(rush, PER_SECOND, at=AT)
    assert delays(rush, 2, at=AT + 999) == [COPY_DELAY_MS] * 2


def test_a_burst_goes_on_over_the_end_of_a_second_and_is_forgotten_after_the_next() -> None:
    rush = Rush()
    delays(rush, PER_SECOND + 1, at=AT)
    assert delays(rush, 1, at=AT + 1_000) == [COPY_DELAY_MS]
    assert delays(rush, 1, at=AT + 2_000) == [0]


def test_a_silent_second_ends_a_burst() -> None:
    rush = Rush()
    delays(rush, PER_SECOND + 1, at=AT)
    assert delays(rush, 1, at=AT + 5_000) == [0]


def test_nobody_waits_for_the_burst_of_another() -> None:
    rush = Rush()
    delays(rush, PER_SECOND + 1, at=AT)
    assert delays(rush, 1, at=AT, lane="other") == [0]


def test_a_clock_that_steps_back_harms_nothing() -> None:
    rush = Rush()
    delays(rush, PER_SECOND + 1, at=AT)
    assert delays(rush, 1, at=AT - 60_000) == [0]


def test_it_remembers_no_more_than_a_thousand_lanes() -> None:
    rush = Rush()
    delays(rush, PER_SECOND, at=AT, lane="first")
    for number in range(1_000):
        rush.copy_delay_ms(f"lane {number}", AT)
    assert delays(rush, 1, at=AT, lane="first") == [0]
