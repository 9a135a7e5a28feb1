"""Who is not written to: the service on a real store, beside others that change it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from postroad import store as stores
from postroad.domain.errors import NotFound
from postroad.domain.suppression import RESERVED_LIST, Skipped, Suppressed, SuppressionSource
from postroad.engine.settings import Settings
from postroad.engine.suppression.service import Suppression
from postroad.engine.wakeup import Hint
from postroad.store import Store
from postroad.store.backend import T, Unit
from support.store import account, put_account

GONE = "gone@example.net"


class Counted:
    """A store that counts what is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    async def read(self, unit: Unit[T], *, quick: bool = False) -> T:
        self.reads += 1
        return await self._store.read(unit, quick=quick)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "data")
    return str(request.getfixturevalue("postgres_dsn"))


@pytest.fixture
async def counted(database: str) -> AsyncIterator[Counted]:
    store = await stores.open(database)
    await put_account(store, account("a"))
    await put_account(store, account("b"))
    yield Counted(store)
    await store.close()


@pytest.fixture
async def settings(counted: Counted) -> Settings:
    # It passes everything on to a store.
    return Settings(cast(Store, counted))


@pytest.fixture
def suppression(counted: Counted, settings: Settings) -> Suppression:
    return Suppression(cast(Store, counted), settings)


async def add(suppression: Suppression, recipient: str = GONE, **more: Any) -> bool:
    given = {"list_id": RESERVED_LIST, "account": "a", "source": SuppressionSource.API, **more}
    return await suppression.add(given.pop("list_id"), recipient, **given)


async def skipped(suppression: Suppression, *recipients: str, who: str = "a") -> list[str]:
    return [item.recipient for item in await suppression.screen(who, recipients or (GONE,))]


async def test_while_nobody_is_listed_a_submit_asks_the_store_nothing(
    suppression: Suppression, counted: Counted
) -> None:
    assert await skipped(suppression) == []
    counted.reads = 0
    for _ in range(100):
        assert await skipped(suppression) == []
    assert counted.reads == 0


async def test_once_somebody_is_listed_a_submit_asks_once(
    suppression: Suppression, counted: Counted
) -> None:
    await add(suppression)
    assert await skipped(suppression) == [GONE]
    counted.reads = 0
    assert await skipped(suppression, "x@example.net", GONE, "y@example.net") == [GONE]
    assert counted.reads == 1


async def test_every_spelling_is_told_as_it_was_written(suppression: Suppression) -> None:
    await add(suppression, "Gone@bücher.example", reason="moved away")
    asked = ("GONE@xn--bcher-kva.example", "x@example.net", "gone@Bücher.example")
    assert await suppression.screen("a", asked) == (
        Skipped(asked[0], "moved away", RESERVED_LIST),
        Skipped(asked[2], "moved away", RESERVED_LIST),
    )


async def test_own_account_alone_is_kept_from_writing_unless_the_scope_is_global(
    suppression: Suppression, settings: Settings
) -> None:
    await add(suppression)
    assert await skipped(suppression, who="b") == []
    await settings.update({"suppressionScope": "global"})
    assert await skipped(suppression, who="b") == []  # what is there stays as it was put there
    await add(suppression)
    assert await skipped(suppression, who="b") == [GONE]


async def test_only_the_lists_of_the_setting_hold_for_every_message(
    suppression: Suppression, settings: Settings
) -> None:
    await add(suppression, list_id="news", reason="unsubscribe")
    assert await skipped(suppression) == []
    await settings.update({"suppressionLists": [RESERVED_LIST, "news"]})
    assert await skipped(suppression) == [GONE]
    assert await skipped(suppression, who="b") == [GONE]  # no scope: the list is everybody's
    await add(suppression)
    (told,) = await suppression.screen("a", [GONE])
    assert told == Skipped(GONE, "block", RESERVED_LIST)
    await settings.update({"suppressionLists": ["news", RESERVED_LIST]})
    (told,) = await suppression.screen("a", [GONE])
    assert told == Skipped(GONE, "unsubscribe", "news")
    await settings.update({"suppressionLists": []})
    assert await skipped(suppression) == []
    await settings.update({"suppressionLists": None})
    assert await skipped(suppression) == [GONE]


async def test_released_address_is_written_to_again(suppression: Suppression) -> None:
    await add(suppression)
    assert await skipped(suppression) == [GONE]
    assert not await suppression.remove(RESERVED_LIST, "other@example.net")
    assert await suppression.remove(RESERVED_LIST, "GONE@example.net")
    assert await skipped(suppression) == []
    with pytest.raises(NotFound):
        await suppression.remove(RESERVED_LIST, GONE)


async def test_one_account_can_be_released_alone(
    suppression: Suppression, settings: Settings
) -> None:
    await add(suppression)
    await add(suppression, account="b")
    assert await suppression.remove(RESERVED_LIST, GONE, account="b")
    assert await skipped(suppression, who="b") == []
    assert await skipped(suppression) == [GONE]


async def test_list_of_nobody_is_not_found(suppression: Suppression) -> None:
    with pytest.raises(NotFound):
        await suppression.entries("news", 0, 20)
    assert (await suppression.lists(0, 20)).total == 0


async def test_account_has_to_exist(suppression: Suppression) -> None:
    with pytest.raises(NotFound):
        await add(suppression, account="nobody")


async def test_entry_of_another_process_is_heard_of(
    suppression: Suppression, counted: Counted, database: str
) -> None:
    assert await skipped(suppression) == []
    other = await stores.open(database)
    stop = Hint()
    entry = Suppressed(RESERVED_LIST, GONE, "b", "api", "block", 1)
    heard = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(suppression.run(stop))
        try:
            with counted.wake.listen("suppressions", lambda _: heard.set()):
                await other.write(lambda tx: tx.suppressions.put(entry))
                counted_store = cast(Store, counted)
                if counted_store.engine.value == "sqlite":
                    # A lone server looks for others every second; this store was not opened so.
                    counted_store.wake.tell_all()
                async with asyncio.timeout(10):
                    await heard.wait()
            assert await skipped(suppression) == [GONE]
        finally:
            stop.set()
            await other.close()


async def test_what_was_read_before_a_change_is_not_believed_after_it(
    counted: Counted, settings: Settings
) -> None:
    class Slow(Counted):
        async def read(self, unit: Unit[T], *, quick: bool = False) -> T:
            answer = await super().read(unit, quick=quick)
            if self.reads == 1:
                await add(screening)  # while the first answer is on its way
            return answer

    slow = cast(Store, Slow(cast(Store, counted)))
    screening = Suppression(slow, settings)
    assert await skipped(screening) == []
    assert await skipped(screening) == [GONE]
