"""The store, opened for one command beside whatever else uses it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from postroad import store as stores
from postroad.config import Config
from postroad.store import Store

T = TypeVar("T")


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Store]:
    """The store of this configuration, schema up to date, closed at the end.

    A server may be running on it: on SQLite a write waits for the other's commit.
    """
    if config.store.database is None:
        config.store.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = await stores.open(
        config.store.location,
        secret=config.store.secret,
        old_secrets=(config.store.secret_old,) if config.store.secret_old else (),
        node_id=f"cli-{secrets.token_hex(4)}",
    )
    try:
        yield store
    finally:
        await store.close()


def with_store(config: Config, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` on the opened store, to its end."""

    async def run() -> T:
        async with opened(config) as store:
            return await work(store)

    return asyncio.run(run())
