"""The log of what is said between us and mail servers. Contract B-236."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postroad import store as stores
from postroad.domain.account import Account
from postroad.domain.errors import Unavailable
from postroad.engine import protocol_log
from postroad.engine.protocol_log import MAX_WAITING, ProtocolLog
from postroad.engine.settings import Settings
from postroad.store import Store, Tx
from support.store import account

LIMIT_S = 10.0


class Desk:
    """A log on a store of its own."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.log = ProtocolLog(store, settings, node_id="n", clock=lambda: 1.5)
        self.renewed = asyncio.Event()

    async def add(self, name: str = "a", *, logs: bool = True) -> Account:
        made = replace(account(name), logs=logs)
        await self.store.write(lambda tx: tx.accounts.put(made))
        return made

    async def entries(self, name: str = "a") -> list[dict[str, Any]]:
        octets = b"".join([chunk async for chunk in self.log.read(name)])
        return [json.loads(line) for line in octets.decode().splitlines()]

    async def lines(self, name: str = "a") -> list[str]:
        return [str(entry.get("line", entry["what"])) for entry in await self.entries(name)]

    async def count(self, name: str = "a") -> int:
        """Lines in the store, as they are."""

        async def unit(tx: Tx) -> int:
            count = after = 0
            while pieces := await tx.protocol_logs.pieces(name, after=after):
                count += sum(len(piece.lines) for piece in pieces)
                after = pieces[-1].upto
            return count

        return await self.store.read(unit)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Desk]:
    store = await stores.open(folder)
    try:
        settings = Settings(store)
        await settings.load()
        yield Desk(store, settings)
    finally:
        await store.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as one:
        yield one


@contextmanager
def running(desk: Desk) -> Iterator[None]:
    task = asyncio.ensure_future(desk.log.run(desk.renewed.set))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()


async def until_count(desk: Desk, count: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await desk.count() != count:
            await asyncio.sleep(0.01)


async def test_nothing_is_told_unless_it_was_asked_for(desk: Desk) -> None:
    assert desk.log.begin(await desk.add(logs=False), "watch") is None


@pytest.mark.parametrize(("setting", "logs"), [({"all": True}, False), ({}, True)])
async def test_a_log_is_kept_of_all_or_of_those_that_ask(
    desk: Desk, setting: dict[str, object], logs: bool
) -> None:
    await desk.settings.update({"logs": setting})
    tell = desk.log.begin(await desk.add(logs=logs), "watch")
    assert tell is not None
    tell("command", "A1 NOOP")

    assert await desk.entries() == [
        {
            "time": 1500,
            "account": "a",
            "what": "command",
            "connection": "n-1",
            "purpose": "watch",
            "line": "A1 NOOP",
        }
    ]


async def test_no_lines_are_kept_where_none_are_allowed(desk: Desk) -> None:
    await desk.settings.update({"logs": {"all": True, "maxLogLines": 0}})

    assert desk.log.begin(await desk.add(), "watch") is None


async def test_a_connection_falls_silent_when_the_setting_is_taken_back(desk: Desk) -> None:
    await desk.settings.update({"logs": {"all": True}})
    tell = desk.log.begin(await desk.add(logs=False), "watch")
    assert tell is not None
    await desk.settings.update({"logs": {"all": False}})
    tell("command", "A1 NOOP")

    assert await desk.entries() == []


async def test_control_characters_and_credentials_in_urls_do_not_get_in(desk: Desk) -> None:
    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    tell("error", "no way by http://me:secret@proxy.test\r\n\x00\u2028\x85")
    octets = b"".join([chunk async for chunk in desk.log.read("a")])

    assert octets.count(b"\n") == 1 and octets.isascii() and octets[:-1].decode().isprintable()
    assert b"secret" not in octets


async def test_exactly_the_newest_lines_are_shown(desk: Desk) -> None:
    await desk.settings.update({"logs": {"maxLogLines": 250}})
    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    for n in range(1_000):
        tell("command", str(n))
        if n % 70 == 0:
            await desk.log.flush()

    assert await desk.lines() == [str(n) for n in range(750, 1_000)]
    assert await desk.count() < 250 + protocol_log.PIECE_LINES


async def test_lowering_the_limit_trims_what_is_there(desk: Desk) -> None:
    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    for n in range(9):
        tell("command", str(n))
        await desk.log.flush()
    with running(desk):
        await until_count(desk, 9)
        await desk.settings.update({"logs": {"maxLogLines": 2}})
        await until_count(desk, 2)

    assert await desk.lines() == ["7", "8"]


async def test_lines_are_written_by_themselves(desk: Desk) -> None:
    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    with running(desk):
        tell("command", "A1 NOOP")
        await until_count(desk, 1)


async def test_sessions_are_renewed_when_all_shall_have_a_log(desk: Desk) -> None:
    with running(desk):
        await asyncio.sleep(0)
        await desk.settings.update({"logs": {"all": True}})
        async with asyncio.timeout(LIMIT_S):
            await desk.renewed.wait()


async def test_what_waits_is_bounded_and_a_gap_is_told(desk: Desk) -> None:
    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    for n in range(MAX_WAITING + 5):
        tell("command", str(n))
    entries = await desk.entries()

    assert len(entries) == MAX_WAITING + 1
    assert entries[0] == {"time": 1500, "account": "a", "what": "lost", "lines": 5}
    assert entries[1]["line"] == "5"


async def test_a_store_that_cannot_be_written_loses_lines_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        async def write(self, unit: object) -> None:
            raise Unavailable("the disk is full")

    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    tell("command", "1")
    monkeypatch.setattr(desk.log, "_store", Broken())
    await desk.log.flush()
    monkeypatch.undo()
    tell("command", "2")

    assert [(one["what"], one.get("lines")) for one in await desk.entries()] == [
        ("lost", 1),
        ("command", None),
    ]


async def test_a_log_is_read_while_it_is_written(desk: Desk) -> None:
    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    read = 0
    for n in range(3_000):
        tell("command", str(n))
        if n % 100 == 0:
            await desk.log.flush()
    async for chunk in desk.log.read("a"):
        read += chunk.count(b"\n")
        tell("command", "later")
        await desk.log.flush()

    assert read == 3_000


async def test_a_restart_keeps_the_log(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        tell = desk.log.begin(await desk.add(), "watch")
        assert tell is not None
        tell("command", "before")
        await desk.log.close()
    async with opened(tmp_path) as desk:
        assert await desk.lines() == ["before"]


async def test_an_account_that_is_gone_keeps_nothing(desk: Desk) -> None:
    tell = desk.log.begin(await desk.add(), "watch")
    assert tell is not None
    await desk.store.write(lambda tx: tx.accounts.delete("a"))
    tell("end", "the account is gone")

    assert await desk.entries() == []
