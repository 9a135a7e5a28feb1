"""What was said between us and mail servers, on both engines. Contract B-236."""

from __future__ import annotations

import asyncio

from postroad.store import Store, Tx
from support.store import account


async def with_account(store: Store, name: str = "a") -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(account(name))

    await store.write(unit)


async def add(store: Store, *lines: str, name: str = "a", max_lines: int = 100) -> None:
    await store.write(lambda tx: tx.protocol_logs.add(name, lines, max_lines=max_lines))


async def kept(store: Store, name: str = "a", *, after: int = 0) -> list[str]:
    pieces = await store.read(lambda tx: tx.protocol_logs.pieces(name, after=after))
    return [line for piece in pieces for line in piece.lines]


async def test_lines_come_back_in_the_order_in_which_they_were_written(store: Store) -> None:
    await with_account(store)
    await add(store, "1", "2")
    await add(store, "3")

    assert await kept(store) == ["1", "2", "3"]
    assert await kept(store, after=2) == ["3"]
    assert await store.read(lambda tx: tx.protocol_logs.last("a")) == 3


async def test_the_oldest_pieces_go_beyond_the_limit(store: Store) -> None:
    await with_account(store)
    for n in range(6):
        await add(store, f"{n}a", f"{n}b", max_lines=3)

    # The third newest line lies in a piece of two.
    assert await kept(store) == ["4a", "4b", "5a", "5b"]
    assert await store.read(lambda tx: tx.protocol_logs.last("a")) == 12


async def test_no_lines_at_all_may_be_kept(store: Store) -> None:
    await with_account(store)
    await add(store, "1", max_lines=0)

    assert await kept(store) == []


async def test_logs_of_accounts_do_not_meet(store: Store) -> None:
    for name in ("a", "b"):
        await with_account(store, name)
        await add(store, name, name=name)

    assert await kept(store, "b") == ["b"]


async def test_a_deleted_account_leaves_no_log_and_gets_none(store: Store) -> None:
    await with_account(store)
    await add(store, "1")
    await store.write(lambda tx: tx.accounts.delete("a"))
    await add(store, "2")
    await with_account(store)

    assert await kept(store) == []


async def test_writers_of_one_log_do_not_lose_each_others_lines(store: Store) -> None:
    await with_account(store)
    await asyncio.gather(*(add(store, f"{n}", f"{n}") for n in range(4)))

    assert sorted(await kept(store)) == ["0", "0", "1", "1", "2", "2", "3", "3"]


async def test_logs_are_trimmed_account_by_account(store: Store) -> None:
    for name in ("a", "b", "c"):
        await with_account(store, name)
    for name in ("a", "c"):
        await add(store, "1", name=name)
        await add(store, "2", name=name)

    async def trim(after: str) -> str | None:
        return await store.write(lambda tx: tx.protocol_logs.trim_next(after, max_lines=1))

    assert [await trim(""), await trim("a"), await trim("c")] == ["a", "c", None]
    assert await kept(store, "a") == await kept(store, "c") == ["2"]
