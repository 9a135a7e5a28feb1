"""Dealing turns to lanes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from postroad.engine.delivery.pace import LaneBoard, Limits, Turn


def board(**limits: int) -> LaneBoard:
    return LaneBoard(Limits(**limits), host_of=lambda lane: lane.partition("@")[2])


def deal_all(lanes: LaneBoard, now: int) -> list[Turn]:
    dealt = []
    while (turn := lanes.deal(now)) is not None:
        dealt.append(turn)
    return dealt


def test_a_lane_is_not_dealt_before_it_is_due() -> None:
    lanes = board()
    lanes.note("a@x", 100)
    assert lanes.deal(99) is None
    assert lanes.next_due() == 100
    turn = lanes.deal(100)
    assert turn is not None
    assert turn.lane == "a@x"


def test_turns_of_one_lane_stop_at_its_limit() -> None:
    lanes = board(total=9, per_lane=2, per_host=9)
    lanes.note("a@x", 0)
    assert [turn.lane for turn in deal_all(lanes, 0)] == ["a@x", "a@x"]


def test_lanes_of_one_host_share_its_limit() -> None:
    lanes = board(total=9, per_lane=2, per_host=3)
    for lane in ("a@x", "b@x", "c@y"):
        lanes.note(lane, 0)
    dealt = Counter(turn.lane for turn in deal_all(lanes, 0))
    assert dealt["a@x"] + dealt["b@x"] == 3
    assert dealt["c@y"] == 2


def test_an_ended_turn_frees_its_slot_for_a_lane_that_waits() -> None:
    lanes = board(total=1, per_lane=1, per_host=1)
    lanes.note("a@x", 0)
    lanes.note("b@x", 0)
    first = lanes.deal(0)
    assert first is not None
    assert lanes.deal(0) is None
    lanes.end(first, 0)
    second = lanes.deal(0)
    assert second is not None
    assert {first.lane, second.lane} == {"a@x", "b@x"}


def test_a_full_lane_costs_another_lane_at_most_one_turn() -> None:
    lanes = board(total=2, per_lane=2, per_host=2)
    lanes.note("big@x", 0)
    running = deal_all(lanes, 0)
    assert [turn.lane for turn in running] == ["big@x", "big@x"]
    lanes.note("big@x", 0)  # it always has more
    lanes.note("small@x", 0)
    lanes.end(running[0], 0)
    turn = lanes.deal(0)
    assert turn is not None
    assert turn.lane == "small@x"


def test_a_turn_is_contested_while_another_lane_waits() -> None:
    lanes = board()
    lanes.note("a@x", 0)
    alone = lanes.deal(0)
    assert alone is not None
    assert not alone.is_contested
    lanes.note("b@y", 0)
    contested = lanes.deal(0)
    assert contested is not None
    assert contested.is_contested


def test_a_turn_is_wanted_when_another_lane_waits_for_its_slot() -> None:
    lanes = board(total=2, per_lane=2, per_host=2)
    lanes.note("big@x", 0)
    turn = deal_all(lanes, 0)[0]
    lanes.note("big@x", 0)
    assert not lanes.is_wanted(turn, 5)  # it does not stand in its own way
    lanes.note("small@y", 10)
    assert not lanes.is_wanted(turn, 9)
    assert lanes.is_wanted(turn, 10)


def test_a_turn_is_wanted_when_another_lane_waits_for_its_place_at_the_host() -> None:
    lanes = board(total=9, per_lane=1, per_host=1)
    lanes.note("big@x", 0)
    lanes.note("other@y", 0)
    turns = {turn.host: turn for turn in deal_all(lanes, 0)}
    lanes.note("small@x", 0)
    assert deal_all(lanes, 0) == []
    assert lanes.is_wanted(turns["x"], 0)
    assert not lanes.is_wanted(turns["y"], 0)


def test_a_turn_is_not_wanted_while_slots_are_free() -> None:
    lanes = board(total=9, per_lane=1, per_host=9)
    lanes.note("big@x", 0)
    turn = lanes.deal(0)
    assert turn is not None
    lanes.note("small@y", 0)
    assert not lanes.is_wanted(turn, 0)


def test_an_exhausted_lane_sleeps_until_its_next_message() -> None:
    lanes = board()
    lanes.note("a@x", 0)
    turn = lanes.deal(0)
    assert turn is not None
    lanes.exhausted(turn, 500)
    lanes.end(turn, 0)
    assert lanes.deal(499) is None
    assert lanes.deal(500) is not None


def test_a_message_noted_during_a_turn_is_not_forgotten_by_it() -> None:
    lanes = board()
    lanes.note("a@x", 0)
    turn = lanes.deal(0)
    assert turn is not None
    lanes.note("a@x", 5)  # committed after the turn had looked
    lanes.exhausted(turn, None)
    lanes.end(turn, 5)
    assert lanes.deal(5) is not None


def test_a_rebuild_forgets_what_the_store_does_not_know() -> None:
    lanes = board()
    lanes.note("gone@x", 0)
    lanes.begin_look()
    lanes.rebuild([("here@x", 0)])
    assert {turn.lane for turn in deal_all(lanes, 0)} == {"here@x"}


def test_a_rebuild_keeps_what_was_noted_while_the_store_was_read() -> None:
    lanes = board()
    lanes.begin_look()
    lanes.note("new@x", 0)
    lanes.rebuild([])
    assert {turn.lane for turn in deal_all(lanes, 0)} == {"new@x"}


def test_a_lane_whose_host_changed_is_still_dealt_once() -> None:
    hosts = {"a": "x"}
    lanes = LaneBoard(Limits(total=9, per_lane=1, per_host=9), hosts.__getitem__)
    lanes.note("a", 0)
    turn = lanes.deal(0)
    assert turn is not None
    hosts["a"] = "y"
    lanes.note("a", 0)
    lanes.end(turn, 0)
    assert [t.host for t in deal_all(lanes, 0)] == ["y"]


def test_a_clock_that_is_set_back_loses_no_lane() -> None:
    lanes = board(per_lane=1)
    lanes.note("a@x", 10)
    turn = lanes.deal(10)
    assert turn is not None
    lanes.end(turn, 5)
    assert lanes.deal(9) is None
    assert lanes.deal(10) is not None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("note"), st.integers(0, 5), st.integers(0, 20)),
            st.tuples(st.just("deal"), st.just(0), st.integers(0, 20)),
            st.tuples(st.just("end"), st.integers(0, 9), st.integers(0, 20)),
            st.tuples(st.just("exhausted"), st.integers(0, 9), st.integers(0, 20)),
        ),
        max_size=80,
    )
)
def test_limits_hold_and_no_noted_lane_starves(steps: list[tuple[str, int, int]]) -> None:
    limits = Limits(total=4, per_lane=2, per_host=3)
    lanes = LaneBoard(limits, host_of=lambda lane: f"h{int(lane) % 2}")
    running: list[Turn] = []
    for verb, number, time in steps:
        if verb == "note":
            lanes.note(str(number), time)
        elif verb == "deal" and (turn := lanes.deal(time)) is not None:
            running.append(turn)
        elif running and verb == "end":
            lanes.end(running.pop(number % len(running)), time)
        elif running and verb == "exhausted":
            lanes.exhausted(running[number % len(running)], None)
        assert len(running) == lanes.running <= limits.total
        assert max(Counter(t.lane for t in running).values(), default=0) <= limits.per_lane
        assert max(Counter(t.host for t in running).values(), default=0) <= limits.per_host
    while running:
        lanes.end(running.pop(), 99)
    for lane in range(6):
        lanes.note(str(lane), 99)
    seen = set()
    for _ in range(60):
        turn = lanes.deal(99)
        if turn is not None:
            seen.add(turn.lane)
            lanes.end(turn, 99)
    assert seen == {str(lane) for lane in range(6)}
