"""Every test here runs on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.setting import SettingValues
from support.webhook_office import Clock, KnownSettings, Office


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    clock = Clock()
    database: str | Path = tmp_path
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_dsn")
    store = await stores.open(database, clock=clock, node_id="node-1")
    office = Office(store, clock, KnownSettings(SettingValues()))
    office.set(webhooks_enabled=True, webhook_events=("*",))
    await office.add_account("one")
    yield office
    await store.close()
