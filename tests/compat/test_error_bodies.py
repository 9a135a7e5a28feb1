"""Error bodies, octet for octet as clients get them. ``data/errors.json`` holds the cases."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from postroad.engine.access import TokenDraft
from postroad.surfaces.api import Api
from support.api_engine import MemoryEngine, memory_engine
from support.asgi import Caller

CASES = json.loads((Path(__file__).parent / "data" / "errors.json").read_text())


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[MemoryEngine]:
    async with memory_engine(tmp_path) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_error_body_is_as_recorded(engine: MemoryEngine, case: dict[str, Any]) -> None:
    value, _ = await engine.access.issue(TokenDraft("t", ("*",)))
    call = Caller(Api(engine), None if case.get("anonymous") else value)
    reply = await call(*case["request"])
    assert reply.body.decode() == json.dumps(case["answer"], separators=(",", ":"))
    assert reply.status == case["answer"]["statusCode"]
