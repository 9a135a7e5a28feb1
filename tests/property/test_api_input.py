"""No input makes the REST surface fail: it is accepted, or refused with a reason."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.engine.access import TokenDraft
from postroad.surfaces.api import Api
from postroad.surfaces.api.operation import OPERATIONS
from support.api_engine import memory_engine
from support.asgi import Caller, Reply

FACTS = Path(__file__).parents[1] / "compat" / "data" / "openapi-facts.json"
NAMES = sorted(
    {
        name
        for schema in json.loads(FACTS.read_text())["schemas"].values()
        for name in schema.get("properties", {})
    }
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["a@b", "YWI=", "2021-08-18", "http://h", "reply", "full", "\r\n", "\x00"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=10) | VALUES
WITH_BODY = sorted({(item.method, item.path) for item in OPERATIONS if item.body is not None})
QUERIES = sorted({(item.method, item.path) for item in OPERATIONS if item.scope == "api"})


def ask(*arguments: Any, **options: Any) -> Reply:
    """One request to a fresh surface."""

    async def run() -> Reply:
        with tempfile.TemporaryDirectory() as folder:
            async with memory_engine(Path(folder)) as engine:
                value, _ = await engine.access.issue(TokenDraft("t", ("*",)))
                return await Caller(Api(engine), value)(*arguments, **options)

    return asyncio.run(run())


def is_fine(reply: Reply) -> bool:
    return reply.status in (200, 400, 403, 404) and isinstance(reply.json(), dict)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(WITH_BODY), BODIES)
def test_any_json_is_answered(operation: tuple[str, str], body: Any) -> None:
    method, path = operation
    raw = json.dumps(body).encode()
    assert is_fine(ask(method, path.replace("{account}", "example"), raw=raw))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_octets_are_answered(raw: bytes) -> None:
    assert is_fine(ask("POST", "/v1/account/example/submit", raw=raw))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(QUERIES),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz%0123456789&=+[]ABCDEF", max_size=40),
)
def test_any_query_is_answered(operation: tuple[str, str], query: str) -> None:
    method, path = operation
    target = path.replace("{account}", "%00x%FF").replace("{token}", "x").replace("{queueId}", "q")
    body: dict[str, Any] | None = {} if method in ("POST", "PUT") else None
    assert is_fine(ask(method, f"{target}?{query}", body))
