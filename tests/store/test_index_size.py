"""What knowing a message costs on disk: at most 100 octets, 160 with its thread."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from postroad import store as stores
from postroad.domain.mailbox_state import MailboxCursor
from postroad.domain.message_index import MAX_MESSAGES, Chunk, Entry, marks
from postroad.store import Tx
from support.store import account

MESSAGES = 20_000
FLAGS = ((), ("\\Seen",), ("\\Seen", "\\Answered"), ("\\Flagged", "$Forwarded"))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def filled(folder: Path, count: int, *, threading: bool) -> int:
    """Octets of a closed store that knows so many messages, each an answer to another."""
    rng = Random(5)
    nodes = [rng.randrange(-(2**63), 2**63) for _ in range(count)]
    entries = [
        Entry(3 * n + 1, marks(rng.choice(FLAGS)), nodes[n] if threading else 0)
        for n in range(count)
    ]

    async def begin(tx: Tx) -> None:
        await tx.accounts.put(account("a"))

    async def index(tx: Tx) -> None:
        cursor = MailboxCursor("INBOX", 1, 1)
        await tx.messages.put_cursor("a", replace(cursor, messages=count, uidnext=3 * count + 1))
        for first in range(0, count, MAX_MESSAGES):
            some = entries[first : first + MAX_MESSAGES]
            await tx.messages.put_chunk("a", 1, some[0].uid, Chunk(some))
        if threading:
            for first in range(0, count, 500):
                numbers = range(first, min(first + 500, count))
                await tx.threads.join("a", [[nodes[n], nodes[n // 2]] for n in numbers])

    store = await stores.open(folder)
    await store.write(begin)
    await store.write(index)
    await store.close()
    return size(folder)


@pytest.mark.parametrize(("threading", "most"), [(False, 100), (True, 160)])
async def test_a_message_takes_little_room(tmp_path: Path, threading: bool, most: int) -> None:
    empty = await filled(tmp_path / "empty", 0, threading=False)
    full = await filled(tmp_path / "full", MESSAGES, threading=threading)
    assert (full - empty) / MESSAGES < most
