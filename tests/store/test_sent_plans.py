"""However many messages went to however many, what came back costs a few looks into an index."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import asyncpg
import pytest

from postroad import store as store_package
from postroad.store.dialect import Engine, Query, SqlValue, load_queries

MESSAGES, TO_EACH = 1_000, 100
ACCOUNT = "account, name, config, search, version, created_at"
ACCOUNT_ROW = "CASE m WHEN 1 THEN 'a' ELSE 'other' || m END, 'A', '{}', '', 1, 0"
SENT = "accepted_at, queue_id, n, account, recipient_key, message_key, data"
SENT_ROW = "m, 'q' || m, 0, 'a', -m, m, '[]'"
TO = "accepted_at, queue_id, n, account, recipient_key, recipient"
TO_ROW = "m, 'q' || m, n, 'a', n, 'r' || n"
ASKED: dict[str, SqlValue] = {
    "key": 5,
    "account": "a",
    "since": 10,
    "limit": 5,
    "keys": "[5, 6]",
    "messages": json.dumps([[n, "a"] for n in range(1, 50)]),
}
EXPECTED = {"sent_by_further_recipient": 5, "sent_to_any": 2 * 49}


def bound(query: Query) -> tuple[object, ...]:
    return query.bind(ASKED)


async def test_sqlite_looks_into_the_index(tmp_path: Path) -> None:
    await (await store_package.open(tmp_path)).close()
    queries = load_queries(Engine.SQLITE).many
    connection = apsw.Connection(str(tmp_path / "postroad.db"))
    numbers = (
        f"WITH RECURSIVE m (m) AS (SELECT 1 UNION ALL SELECT m + 1 FROM m LIMIT {MESSAGES}),"
        f" n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {TO_EACH})"
    )
    connection.execute(f"{numbers} INSERT INTO account ({ACCOUNT}) SELECT {ACCOUNT_ROW} FROM m")
    connection.execute(f"{numbers} INSERT INTO sent ({SENT}) SELECT {SENT_ROW} FROM m")
    connection.execute(f"{numbers} INSERT INTO sent_to ({TO}) SELECT {TO_ROW} FROM m, n")
    for is_analysed in (False, True):
        if is_analysed:
            connection.execute("ANALYZE")
        for name, expected in EXPECTED.items():
            query = queries[name]
            rows = connection.execute(f"EXPLAIN QUERY PLAN {query.text}", bound(query))
            plan = [str(row[3]) for row in rows]
            search = "USING INDEX sent_to_recipient (recipient_key=? AND account=? AND accepted_at>"
            assert any(search in line for line in plan), "\n".join(plan)
            scanned = {line.split()[1] for line in plan if line.startswith("SCAN ")}
            assert scanned <= {"latest", "message", "wanted", "json_each"}, "\n".join(plan)
            assert len(connection.execute(query.text, bound(query)).fetchall()) == expected
    connection.close()


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_postgres_looks_into_the_index(postgres_dsn: str, mode: str) -> None:
    await (await store_package.open(postgres_dsn)).close()
    queries = load_queries(Engine.POSTGRES).many
    connection = await asyncpg.connect(postgres_dsn)
    messages = f"generate_series(1, {MESSAGES}) AS m"
    await connection.execute(
        f"INSERT INTO account ({ACCOUNT}) SELECT {ACCOUNT_ROW} FROM {messages}"
    )
    await connection.execute(f"INSERT INTO sent ({SENT}) SELECT {SENT_ROW} FROM {messages}")
    await connection.execute(
        f"INSERT INTO sent_to ({TO}) SELECT {TO_ROW}"
        f" FROM {messages}, generate_series(1, {TO_EACH}) AS n"
    )
    await connection.execute(
        f"ANALYZE account; ANALYZE sent; ANALYZE sent_to; SET plan_cache_mode = {mode}"
    )
    for name, expected in EXPECTED.items():
        query = queries[name]
        await connection.execute(f"PREPARE {name} AS {query.text}")
        values = ", ".join(f"'{value!s}'" for value in bound(query))
        plan = [str(r[0]) for r in await connection.fetch(f"EXPLAIN EXECUTE {name}({values})")]
        assert any("sent_to_recipient" in line for line in plan), "\n".join(plan)
        assert not any("Seq Scan on sent_to" in line or "sent_to_pkey" in line for line in plan), (
            "\n".join(plan)
        )
        assert len(await connection.fetch(f"EXECUTE {name}({values})")) == expected
    await connection.close()
