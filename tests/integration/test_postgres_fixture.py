"""The private PostgreSQL keeps what it is told to keep, and each test gets its own."""

from __future__ import annotations

import asyncpg
import pytest

from support.postgres import Cluster

pytestmark = pytest.mark.integration


async def test_commits_reach_the_disk(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        fsync = await connection.fetchval("SHOW fsync")
        synchronous_commit = await connection.fetchval("SHOW synchronous_commit")
    finally:
        await connection.close()

    assert (fsync, synchronous_commit) == ("on", "on")


def test_a_database_is_empty_and_dropped_with_its_connections(postgres_cluster: Cluster) -> None:
    dsn = postgres_cluster.create_database()
    name = dsn.rpartition("/")[2]

    tables = postgres_cluster.sql(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name
    )
    postgres_cluster.drop_database(dsn)

    assert tables == "0"
    assert postgres_cluster.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == "0"


def test_what_was_committed_survives_a_power_cut(postgres_cluster: Cluster) -> None:
    dsn = postgres_cluster.create_database()
    name = dsn.rpartition("/")[2]
    postgres_cluster.sql("CREATE TABLE kept AS SELECT 42 AS answer", database=name)

    postgres_cluster.crash()
    postgres_cluster.start()

    assert postgres_cluster.sql("SELECT answer FROM kept", database=name) == "42"
    postgres_cluster.drop_database(dsn)
