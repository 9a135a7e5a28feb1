"""Which messages belong together, on both engines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from postroad.domain.mailbox_state import MailboxCursor
from postroad.store import Store, Tx
from postroad.store.threads import Unthreaded
from support.store import START, account


async def with_account(store: Store, name: str = "a") -> None:
    async def unit(tx: Tx) -> None:
        await tx.accounts.put(account(name))

    await store.write(unit)


async def join(store: Store, groups: Sequence[Sequence[int]], *, name: str = "a") -> list[int]:
    return await store.write(lambda tx: tx.threads.join(name, groups))


async def names(store: Store, nodes: Sequence[int], *, name: str = "a") -> dict[int, int]:
    return await store.read(lambda tx: tx.threads.names(name, nodes))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
async def test_a_thread_is_the_same_in_any_order_of_arrival(
    store: Store, order: tuple[int, ...]
) -> None:
    await with_account(store)
    messages = [[50], [-20, 50], [90, -20, 50]]  # each names itself and what it answers
    for n in order:
        await join(store, [messages[n]])

    assert await names(store, [50, -20, 90, 7]) == {50: -20, -20: -20, 90: -20}


async def test_the_last_of_a_batch_may_tie_its_first_ones_together(store: Store) -> None:
    await with_account(store)

    assert await join(store, [[5], [3], [9], [7, 5, 3]]) == [3, 3, 9, 3]


async def test_threads_of_accounts_do_not_meet(store: Store) -> None:
    for name in ("a", "b"):
        await with_account(store, name)
    await join(store, [[1, 5]])
    await join(store, [[5]], name="b")

    assert await names(store, [5], name="b") == {5: 5}


async def test_thousands_of_nodes_are_found_again_with_all_their_kin(store: Store) -> None:
    await with_account(store)
    rng = random.Random(7)
    nodes = [rng.randrange(-(2**63), 2**63) for _ in range(3000)]
    kin = [nodes[at : at + 10] for at in range(0, len(nodes), 10)]
    links = [(one[at], one[at - 1]) for one in kin for at in range(1, 10)]
    rng.shuffle(links)
    for at in range(0, len(links), 100):
        await join(store, links[at : at + 100])

    assert await names(store, nodes) == {node: min(one) for one in kin for node in one}
    members = await store.read(lambda tx: tx.threads.members("a", kin[3][4], limit=100))
    assert sorted(members) == sorted(kin[3])
    assert len(await store.read(lambda tx: tx.threads.members("a", kin[3][4], limit=4))) == 4
    assert await store.read(lambda tx: tx.threads.members("a", 12, limit=4)) == []


async def test_two_who_join_at_the_same_time_lose_nothing(store: Store) -> None:
    await with_account(store)
    chain = [(at, at + 1) for at in range(200)]
    await asyncio.gather(*[join(store, chain[at::8]) for at in range(8)])

    assert set((await names(store, range(201))).values()) == {0}


async def test_what_waits_for_its_thread_is_remembered(store: Store) -> None:
    await with_account(store)
    cursor = MailboxCursor("INBOX", 3, 77, uidnext=10, baseline=10, checked_at=START)

    async def waiting(tx: Tx) -> Unthreaded | None:
        return await tx.threads.find_unthreaded("a")

    async def begin(tx: Tx) -> None:
        await tx.messages.put_cursor("a", cursor)
        await tx.threads.begin("a", "INBOX", uid=10)

    await store.write(begin)
    assert await store.read(waiting) == Unthreaded("INBOX", 3, 77, 1, 9)
    assert await store.read(lambda tx: tx.threads.find_unthreaded("a", after="INBOX")) is None

    await store.write(lambda tx: tx.threads.set_threaded("a", "INBOX", 3, uid=10))
    assert await store.read(waiting) is None

    async def come(tx: Tx) -> None:
        tx.threads.set_unthreaded("a", "INBOX", low=20, high=23)  # 10 to 19 had their threads

    await store.write(come)
    assert await store.read(waiting) == Unthreaded("INBOX", 3, 77, 20, 22)

    async def come_more(tx: Tx) -> None:
        tx.threads.set_unthreaded("a", "INBOX", low=30, high=31)

    await store.write(come_more)
    assert await store.read(waiting) == Unthreaded("INBOX", 3, 77, 20, 30)
