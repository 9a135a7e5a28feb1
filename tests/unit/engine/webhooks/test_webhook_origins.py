"""Shares of origins."""

from __future__ import annotations

from postroad.engine.webhooks.origins import Origins


def enter_all(origins: Origins, origin: str, accounts: int) -> int:
    """How many get in; the others are parked as "0", "1", ..."""
    entered = 0
    for number in range(accounts):
        if origins.enter(origin):
            entered += 1
        else:
            origins.park(origin, str(number))
    return entered


def test_one_origin_gets_three_quarters_of_the_slots() -> None:
    assert enter_all(Origins(32), "a", 40) == 24


def test_one_slot_in_all_is_enough_for_an_origin() -> None:
    assert enter_all(Origins(1), "a", 2) == 1


def test_an_origin_that_is_down_gets_an_eighth() -> None:
    origins = Origins(32)
    origins.enter("a")
    origins.note("a", is_up=False)
    origins.leave("a")
    assert not origins.is_up("a")
    assert enter_all(origins, "a", 40) == 4


def test_origins_do_not_count_against_each_other() -> None:
    origins = Origins(4)
    assert enter_all(origins, "a", 9) == 3
    assert enter_all(origins, "b", 9) == 3


def test_who_leaves_makes_room_for_who_waits_longest() -> None:
    origins = Origins(1)
    enter_all(origins, "a", 3)
    assert origins.leave("a") == ["1"]
    assert origins.enter("a")
    assert origins.leave("a") == ["2"]
    assert origins.enter("a")
    assert origins.leave("a") == []


def test_an_origin_that_is_back_takes_in_all_that_fit() -> None:
    origins = Origins(32)
    origins.enter("a")
    origins.note("a", is_up=False)
    enter_all(origins, "a", 40)
    origins.note("a", is_up=True)
    assert len(origins.leave("a")) == 21  # 24 places, 3 of 4 are still taken
