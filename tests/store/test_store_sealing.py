"""Secrets at rest and the change of the key, on both engines."""

from __future__ import annotations

import pytest

from postroad.domain.errors import ConfigError
from postroad.domain.secret import Secret
from postroad.store import Store, Tx
from support.store import OpenStore, account, enqueue, get, put_account, submission

OLD, NEW = Secret("old secret"), Secret("new secret")
WITH_SECRETS = account("a", proxy=Secret("http://u:hunter2@h"))


async def fill(store: Store) -> None:
    await put_account(store, WITH_SECRETS)
    await put_account(store, account("b", imap=None, smtp=None))
    await enqueue(store, submission("q1", proxy=Secret("http://u:hunter2@h")))
    await store.write(
        lambda tx: tx.settings.set({"serviceSecret": "hunter2", "webhooksEnabled": True})
    )


async def stored(store: Store) -> list[str]:
    """Every text that may hold a secret, as it lies in the database."""

    async def unit(tx: Tx) -> list[str]:
        return [await tx.secrets.stored(place) or "" for place in await tx.secrets.places()]

    return await store.read(unit)


async def check(store: Store) -> None:
    assert await store.read(lambda tx: tx.accounts.get("a")) == WITH_SECRETS
    assert (await get(store, "q1")).proxy == Secret("http://u:hunter2@h")
    settings = await store.read(lambda tx: tx.settings.get_all())
    assert settings == {"serviceSecret": "hunter2", "webhooksEnabled": True}


async def test_with_a_secret_nothing_readable_is_stored(open_store: OpenStore) -> None:
    store = await open_store(secret=OLD)
    await fill(store)
    assert store.is_sealing
    texts = await stored(store)
    assert len(texts) == 4
    assert not any("hunter2" in text or "pass word" in text for text in texts)
    await check(store)


async def test_without_a_secret_everything_works_and_is_plain(open_store: OpenStore) -> None:
    store = await open_store()
    await fill(store)
    assert not store.is_sealing
    assert any("hunter2" in text for text in await stored(store))
    await check(store)


async def test_plain_values_are_sealed_by_resealing(open_store: OpenStore) -> None:
    await fill(await open_store())
    store = await open_store(secret=NEW)
    await check(store)
    progress: list[tuple[int, int]] = []
    assert await store.reseal(lambda done, of: progress.append((done, of))) == 3
    assert progress == [(4, 4)]
    assert not any("hunter2" in text for text in await stored(store))
    assert await store.reseal() == 0
    await check(store)


async def test_new_key_reads_what_the_old_one_sealed_and_takes_over(open_store: OpenStore) -> None:
    await fill(await open_store(secret=OLD))
    both = await open_store(secret=NEW, old_secrets=[OLD])
    await check(both)
    await both.check_secret()
    assert await both.reseal() == 3
    only_new = await open_store(secret=NEW)
    await only_new.check_secret()
    await check(only_new)


async def test_wrong_secret_is_told_before_anything_is_served(open_store: OpenStore) -> None:
    await fill(await open_store(secret=OLD))
    for options in ({"secret": NEW}, {}):
        store = await open_store(**options)
        with pytest.raises(ConfigError, match="sealed with another secret"):
            await store.check_secret()
        with pytest.raises(ConfigError):
            await store.read(lambda tx: tx.accounts.get("a"))


async def test_secrets_can_be_unsealed_again(open_store: OpenStore) -> None:
    await fill(await open_store(secret=OLD))
    store = await open_store(old_secrets=[OLD])
    assert await store.reseal() == 3
    plain = await open_store()
    await plain.check_secret()
    await check(plain)


async def test_resealing_beside_a_change_loses_neither(open_store: OpenStore) -> None:
    await fill(await open_store(secret=OLD))
    server = await open_store(secret=NEW, old_secrets=[OLD])
    tool = await open_store(secret=NEW, old_secrets=[OLD])
    changed = account("a", proxy=Secret("http://u:other@h"), version=2)
    await put_account(server, changed)
    assert await tool.reseal() == 2
    assert await server.read(lambda tx: tx.accounts.get("a")) == changed
