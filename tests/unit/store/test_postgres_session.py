"""Several changes in one round trip."""

from __future__ import annotations

from postroad.store.dialect import Engine, Query, parse_queries
from postroad.store.postgres_session import step_of, together

(ONE, TWO, THREE) = parse_queries(
    "-- one :defer\nINSERT INTO a VALUES (:x, :y, :x)\n"
    "-- two :defer\nDELETE FROM b WHERE c = 'x'\n"
    "-- three :defer\nUPDATE d SET e = :e WHERE f = :f",
    Engine.POSTGRES,
)


def deferred(*queries: Query) -> list[tuple[Query, object]]:
    return [(query, ()) for query in queries]


def test_single_change_is_sent_as_it_is() -> None:
    assert together((ONE.text,)) == ONE.text


def test_changes_together_number_their_parameters_through() -> None:
    assert together((ONE.text, TWO.text, THREE.text)) == (
        "WITH deferred_0 AS (\nINSERT INTO a VALUES ($1, $2, $1)\n),\n"
        "deferred_1 AS (\nDELETE FROM b WHERE c = 'x'\n)\n"
        "UPDATE d SET e = $3 WHERE f = $4"
    )


def test_more_than_nine_parameters_are_not_mixed_up() -> None:
    many = "INSERT INTO a VALUES (" + ", ".join(f"${n}" for n in range(1, 13)) + ")"
    shifted = "INSERT INTO a VALUES (" + ", ".join(f"${n}" for n in range(13, 25)) + ")"
    assert together((many, many)).endswith(shifted)


def test_different_changes_go_together_up_to_the_first_repeat() -> None:
    assert step_of(deferred(ONE, TWO, THREE)) == 3
    assert step_of(deferred(ONE, TWO, ONE, THREE)) == 2


def test_repeats_of_one_change_go_as_a_batch() -> None:
    assert step_of(deferred(ONE, ONE, ONE, TWO)) == 3


def test_no_statement_grows_without_end() -> None:
    queries = [Query(f"q{n}", "defer", "", False, (), ONE.bind) for n in range(20)]
    assert step_of(deferred(*queries)) == 8
