"""Suppression lists, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from postroad.domain.suppression import Evidence, ListSize, Suppressed
from postroad.store import Store
from support.store import START, OpenStore, account, put_account


def entry(recipient: str = "gone@example.net", **changes: Any) -> Suppressed:
    return replace(Suppressed("news", recipient, "a", "api", "block", START), **changes)


async def put(store: Store, *entries: Suppressed) -> list[bool]:
    return [await store.write(lambda tx, e=e: tx.suppressions.put(e)) for e in entries]  # type: ignore[misc]  # default binds the loop's value


async def match(store: Store, addresses: list[str], *lists: str, who: str = "a") -> set[str]:
    found = await store.read(
        lambda tx: tx.suppressions.match(lists or ("news",), who, addresses), quick=True
    )
    return {f"{item.list_id} {item.recipient}" for item in found}


async def test_entry_comes_back_whole(store: Store) -> None:
    evidence = Evidence("r", "m", START, "q", "hard", "user_unknown", "5.1.1", "550 ä", "mx")
    full = entry(
        "Gone@Bücher.example",
        scope="a",
        message_id="<1@x>",
        remote_address="192.0.2.1",
        user_agent="curl",
        evidence=evidence,
    )
    assert await put(store, full) == [True]
    find = store.read(lambda tx: tx.suppressions.find("news", "gone@xn--bcher-kva.example"))
    assert await find == [full]


async def test_second_put_refreshes_and_is_not_new(store: Store) -> None:
    later = entry(account="b", reason="unsubscribe", created_at=START + 5)
    assert await put(store, entry(), later) == [True, False]
    assert await store.read(lambda tx: tx.suppressions.find("news", "GONE@example.net")) == [later]


async def test_add_leaves_what_is_there(store: Store) -> None:
    await put(store, entry())
    assert not await store.write(lambda tx: tx.suppressions.add(entry(reason="other")))
    assert await store.read(lambda tx: tx.suppressions.find("news", "gone@example.net")) == [
        entry()
    ]


async def test_of_callers_at_the_same_time_one_has_added(store: Store) -> None:
    adding = (store.write(lambda tx: tx.suppressions.put(entry())) for _ in range(10))
    assert sorted(await asyncio.gather(*adding)) == [False] * 9 + [True]


async def test_match_knows_list_scope_and_address(store: Store) -> None:
    await put(
        store,
        entry("all@x.example"),
        entry("mine@x.example", scope="a"),
        entry("mine@x.example", scope="b"),
        entry("theirs@x.example", scope="b"),
        entry("other@x.example", list_id="other"),
    )
    everybody = [f"{name}@x.example" for name in ("all", "mine", "theirs", "other", "none")]
    assert await match(store, everybody) == {"news all@x.example", "news mine@x.example"}
    assert await match(store, everybody, "other", "news", who="c") == {
        "news all@x.example",
        "other other@x.example",
    }
    assert await match(store, everybody, "neither") == set()
    assert await match(store, []) == set()


async def test_match_takes_thousands_of_addresses(store: Store) -> None:
    await put(store, entry("n1@x.example"), entry("n999@x.example"), entry("n2500@x.example"))
    asked = [f"n{number}@x.example" for number in range(2501)]
    assert await match(store, asked) == {
        "news n1@x.example",
        "news n999@x.example",
        "news n2500@x.example",
    }


async def test_addresses_leave_for_all_or_for_one_account(store: Store) -> None:
    await put(store, entry(scope="a"), entry(scope="b"), entry())
    remove = store.write(lambda tx: tx.suppressions.remove("news", "Gone@example.net", scope="b"))
    assert await remove == 1
    assert await store.write(lambda tx: tx.suppressions.remove("news", "gone@example.net")) == 2
    assert await store.write(lambda tx: tx.suppressions.remove("news", "gone@example.net")) == 0


async def test_lists_come_with_their_first_entry_and_go_with_their_last(store: Store) -> None:
    assert await store.read(lambda tx: tx.suppressions.lists(0, 10)) == ([], 0)
    await put(store, entry(list_id="b"), entry(list_id="a"), entry("x@example.net", list_id="b"))
    both = [ListSize("a", 1), ListSize("b", 2)]
    assert await store.read(lambda tx: tx.suppressions.lists(0, 10)) == (both, 2)
    assert await store.read(lambda tx: tx.suppressions.lists(1, 1)) == (both[1:], 2)
    assert await store.read(lambda tx: tx.suppressions.lists(9, 1)) == ([], 2)
    await store.write(lambda tx: tx.suppressions.remove("a", "gone@example.net"))
    assert not await store.read(lambda tx: tx.suppressions.has_list("a"))
    assert await store.read(lambda tx: tx.suppressions.has_list("b"))
    assert await store.read(lambda tx: tx.suppressions.filled(["a", "b", "c"])) == {"b"}
    assert await store.read(lambda tx: tx.suppressions.filled([])) == frozenset()


async def test_entries_come_by_address(store: Store) -> None:
    await put(store, *(entry(f"{name}@x.example") for name in ("C", "a", "B", "ä")))
    page, total = await store.read(lambda tx: tx.suppressions.entries("news", 0, 3))
    assert ([item.recipient[0] for item in page], total) == (["a", "B", "C"], 4)
    page, _ = await store.read(lambda tx: tx.suppressions.entries("news", 1, 3))
    assert [item.recipient[0] for item in page] == ["ä"]


async def test_what_is_suppressed_for_an_account_goes_with_it(store: Store) -> None:
    await put_account(store, account("a"))
    await put(store, entry(scope="a"), entry(scope="b"), entry("for-all@example.net"))
    await store.write(lambda tx: tx.accounts.delete("a"))
    page, _ = await store.read(lambda tx: tx.suppressions.entries("news", 0, 10))
    assert [(item.recipient, item.scope) for item in page] == [
        ("for-all@example.net", ""),
        ("gone@example.net", "b"),
    ]


async def test_other_process_hears_of_a_new_entry(open_store: OpenStore) -> None:
    here = await open_store(node_id="n1", is_exclusive=True)
    there = await open_store(node_id="n2")
    heard = asyncio.Event()
    with here.wake.listen("suppressions", lambda _: heard.set()):
        await there.write(lambda tx: tx.suppressions.put(entry()))
        async with asyncio.timeout(20):
            await heard.wait()
    assert await match(here, ["gone@example.net"]) == {"news gone@example.net"}
