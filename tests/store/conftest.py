"""One suite, two engines: every test that asks for ``store`` runs on both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroad import store as store_package
from postroad.store import Store
from support.store import Clock, OpenStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The database of this test, empty at first."""
    if request.param == "sqlite":
        return str(tmp_path / "data")
    return str(request.getfixturevalue("postgres_dsn"))


@pytest.fixture
async def open_store(database: str, clock: Clock) -> AsyncIterator[OpenStore]:
    """Opens the test's database, as often as wanted; all are closed at the end."""
    opened: list[Store] = []

    async def open_one(**options: object) -> Store:
        made = await store_package.open(database, **{"clock": clock, **options})  # type: ignore[arg-type]  # options are what open() takes
        opened.append(made)
        return made

    yield open_one
    for made in opened:
        await made.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()
