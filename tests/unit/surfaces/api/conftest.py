"""The REST surface with an engine in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroad.engine.access import TokenDraft
from postroad.surfaces.api import Api, Limits
from support.api_engine import MemoryEngine, memory_engine
from support.asgi import Caller

LIMITS = Limits(max_upload_bytes=2_000_000, max_chars=1000, body_timeout_s=0.05)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[MemoryEngine]:
    async with memory_engine(tmp_path) as made:
        yield made


@pytest.fixture
def app(engine: MemoryEngine) -> Api:
    return Api(engine, limits=LIMITS)


@pytest.fixture
async def call(engine: MemoryEngine, app: Api) -> Caller:
    """Calls with a token that opens everything."""
    value, _ = await engine.access.issue(TokenDraft("all", ("*",)))
    return Caller(app, value)
