"""A list of a hundred thousand addresses costs a submit one look into an index."""

from __future__ import annotations

from pathlib import Path

import apsw
import asyncpg
import pytest

from postroad import store as store_package
from postroad.store.dialect import Engine, load_queries

MANY = 100_000
COLUMNS = "list_id, address, scope, recipient, account, source, reason, created_at"
ROW = "'news', 'n' || n || '@x.example', '', 'n' || n || '@x.example', 'a', 'api', 'block', 1"
ASKED = '["n5@x.example","n99999@x.example","none@x.example"]'
NAMES = {"lists": '["postroad.suppressed","news"]', "addresses": ASKED, "account": "a"}


async def test_sqlite_looks_into_the_index(tmp_path: Path) -> None:
    await (await store_package.open(tmp_path)).close()
    query = load_queries(Engine.SQLITE).many["find_suppressions"]
    connection = apsw.Connection(str(tmp_path / "postroad.db"))
    connection.execute(
        f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {MANY})"
        f" INSERT INTO suppression ({COLUMNS}) SELECT {ROW} FROM numbers"
    )
    for is_analysed in (False, True):
        if is_analysed:
            connection.execute("ANALYZE")
        bound = query.bind(NAMES)
        plan = [
            str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {query.text}", bound)
        ]
        search = "SEARCH suppression USING INDEX sqlite_autoindex_suppression_1"
        assert any(line.startswith(f"{search} (list_id=? AND address=?") for line in plan), plan
        assert not any("SCAN suppression" in line for line in plan), plan
        assert len(connection.execute(query.text, bound).fetchall()) == 2
    connection.close()


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_postgres_looks_into_the_index(postgres_dsn: str, mode: str) -> None:
    await (await store_package.open(postgres_dsn)).close()
    query = load_queries(Engine.POSTGRES).many["find_suppressions"]
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(
        f"INSERT INTO suppression ({COLUMNS}) SELECT {ROW} FROM generate_series(1, {MANY}) AS n"
    )
    await connection.execute(f"ANALYZE suppression; SET plan_cache_mode = {mode}")
    await connection.execute(f"PREPARE looks AS {query.text}")
    bound = ", ".join(f"'{value!s}'" for value in query.bind(NAMES))
    plan = [str(row[0]) for row in await connection.fetch(f"EXPLAIN EXECUTE looks({bound})")]
    found = await connection.fetch(f"EXECUTE looks({bound})")
    await connection.close()
    assert any("suppression_pkey" in line for line in plan), plan
    assert not any("Seq Scan" in line for line in plan), plan
    assert len(found) == 2
