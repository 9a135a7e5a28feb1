"""Sealing what is stored again: after the first secret, after a new one, after none any more.

Rows are taken one batch a unit, so that the server may go on working beside it. A crash in
between leaves some rows under the old key and some under the new: both open, run it again.
"""

from __future__ import annotations

from collections.abc import Callable

from postroad.store.backend import Backend
from postroad.store.secrets import Place
from postroad.store.tx import Tx

BATCH = 100


async def reseal(backend: Backend, progress: Callable[[int, int], None] | None = None) -> int:
    """See ``Store.reseal``. Raises :exc:`ConfigError` at a value that no secret opens."""
    places = await backend.read(lambda tx: tx.secrets.places())
    rewritten = 0
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH]

        async def unit(tx: Tx, batch: list[Place] = batch) -> int:
            return sum([await tx.secrets.reseal(place) for place in batch])

        rewritten += await backend.write(unit)
        if progress is not None:
            progress(min(start + BATCH, len(places)), len(places))
    await backend.scrub()
    return rewritten


async def check(backend: Backend) -> None:
    """See ``Store.check_secret``."""
    places = await backend.read(lambda tx: tx.secrets.places())
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH]

        async def unit(tx: Tx, batch: list[Place] = batch) -> None:
            for place in batch:
                await tx.secrets.check(place)

        await backend.read(unit)
