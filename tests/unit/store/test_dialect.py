"""One SQL text for two engines."""

from __future__ import annotations

import pytest

from postroad.store.dialect import (
    Engine,
    Queries,
    load_migrations,
    load_queries,
    parse_queries,
)

SQL = """
-- Comments above the heading belong to nobody.
-- columns :part
a, b

-- find :maybe
SELECT {columns}  -- said in passing
  FROM t
 WHERE a = :a
   AND (b = :b OR b IS NULL AND :a <> '')
   FOR UPDATE  --@postgres

-- purge :run slow
DELETE FROM t;
"""


def test_parameters_are_numbered_by_first_use_and_bound_in_that_order() -> None:
    (find, _) = parse_queries(SQL, Engine.SQLITE)
    assert (
        find.text
        == "SELECT a, b\n  FROM t\n WHERE a = ?1\n   AND (b = ?2 OR b IS NULL AND ?1 <> '')"
    )
    assert find.bind({"b": 2, "a": 1, "unused": 3}) == (1, 2)


def test_marked_lines_are_for_one_engine() -> None:
    (find, _) = parse_queries(SQL, Engine.POSTGRES)
    assert find.text.endswith("$1 <> '')\n   FOR UPDATE")


def test_heading_tells_cardinality_and_patience() -> None:
    find, purge = parse_queries(SQL, Engine.SQLITE)
    assert (find.cardinality, find.is_slow) == ("maybe", False)
    assert (purge.cardinality, purge.is_slow, purge.text) == ("run", True, "DELETE FROM t")


def test_casts_are_not_parameters() -> None:
    (query,) = parse_queries("-- q :one\nSELECT a::text, :b::bigint", Engine.POSTGRES)
    assert query.text == "SELECT a::text, $1::bigint"


def test_missing_parameter_is_an_error() -> None:
    (query,) = parse_queries("-- q :one\nSELECT :a", Engine.SQLITE)
    with pytest.raises(KeyError):
        query.bind({})


def test_text_before_the_first_heading_is_an_error() -> None:
    with pytest.raises(ValueError, match="before the first heading"):
        parse_queries("SELECT 1\n-- q :one\nSELECT 2", Engine.SQLITE)


def all_of(queries: Queries) -> dict[str, tuple[str, tuple[str, ...]]]:
    kinds = (queries.one, queries.maybe, queries.many, queries.run, queries.defer)
    return {
        name: (query.cardinality, tuple(sorted(query.names)))
        for kind in kinds
        for name, query in kind.items()
    }


def test_both_engines_know_the_same_queries_with_the_same_parameters() -> None:
    assert all_of(load_queries(Engine.SQLITE)) == all_of(load_queries(Engine.POSTGRES))


def test_page_has_an_order() -> None:
    for kind in (load_queries(Engine.SQLITE).many, load_queries(Engine.SQLITE).run):
        for query in kind.values():
            assert ("LIMIT" in query.text) <= ("ORDER BY" in query.text), query.name


def test_migrations_are_numbered_without_gaps_and_speak_both_tongues() -> None:
    sqlite, postgres = load_migrations(Engine.SQLITE), load_migrations(Engine.POSTGRES)
    assert [m.number for m in sqlite] == list(range(1, len(sqlite) + 1))
    assert [m.source for m in sqlite] == [m.source for m in postgres]
    assert all(m.statements for m in (*sqlite, *postgres))


def test_text_columns_compare_bytewise_on_postgres_too() -> None:
    (start, *_) = load_migrations(Engine.POSTGRES)
    (account,) = [s for s in start.statements if s.startswith("CREATE TABLE account (")]
    assert 'account    TEXT COLLATE "C"   NOT NULL PRIMARY KEY' in account
    assert 'email      TEXT COLLATE "C"' in account


def test_trigger_body_stays_in_one_statement() -> None:
    (start, *_) = load_migrations(Engine.SQLITE)
    (trigger,) = [s for s in start.statements if s.startswith("CREATE TRIGGER")]
    assert trigger.endswith("END")
