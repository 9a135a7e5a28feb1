"""Killing the process between a webhook request and the commit that says it was answered."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.account import Account
from postroad.domain.event import Event, EventName
from postroad.store import Tx
from support.http_target import Received, answer, http_target

ROOT = Path(__file__).parents[2]
EVENTS = 120
KILLED_AT = (1, 2, 40, 41, 90)  # number of the request that the process does not survive


@pytest.mark.crash
@pytest.mark.parametrize("is_answered", [False, True])
async def test_what_was_posted_and_not_written_down_comes_again_under_the_same_event_id(
    tmp_path: Path, is_answered: bool
) -> None:
    events = await _record(tmp_path)
    killed: list[str] = []
    seen: list[str] = []
    process: asyncio.subprocess.Process | None = None

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        seen.append(received.headers["x-ee-wh-event-id"])
        if len(seen) in KILLED_AT:
            if is_answered:
                await answer()(received, writer)
                await writer.drain()
            assert process is not None
            killed.append(seen[-1])
            process.send_signal(signal.SIGKILL)
        else:
            await answer()(received, writer)

    async with http_target(behave) as target:
        while len(set(seen)) < EVENTS:
            process = await _start(tmp_path, target.url())
            try:
                await _until_dead_or(process, lambda: len(set(seen)) == EVENTS)
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()

    assert len(killed) == len(KILLED_AT)
    assert list(dict.fromkeys(seen)) == [event.event_id for event in events]
    if not is_answered:
        assert all(seen.count(event_id) > 1 for event_id in killed)


async def _record(folder: Path) -> list[Event]:
    store = await stores.open(folder)
    events = [Event(EventName.MESSAGE_SENT, "one", {"n": number}) for number in range(EVENTS)]

    async def unit(tx: Tx) -> None:
        await tx.accounts.put(Account("one", "One", None, tx.now))
        await tx.events.record(*events)

    await store.write(unit)
    await store.close()
    return events


async def _start(folder: Path, url: str) -> asyncio.subprocess.Process:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests" / "support" / "webhook_process.py"),
        str(folder),
        url,
        env=os.environ | {"PYTHONPATH": paths},
    )


async def _until_dead_or(process: asyncio.subprocess.Process, is_done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while process.returncode is None and not is_done():
            await asyncio.sleep(0.01)
