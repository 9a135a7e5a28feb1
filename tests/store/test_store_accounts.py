"""Accounts, what belongs to them, and the smaller tables, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from postroad.domain.account import AccountState, ImapSettings, LastError, TlsOptions
from postroad.domain.errors import Conflict, LeaseLost, NotFound
from postroad.domain.lease import Lease
from postroad.domain.mailbox import MailboxNumber
from postroad.domain.secret import Secret
from postroad.domain.token import Permissions, RateLimit, Restrictions, Token
from postroad.store import Store, Tx
from postroad.store.idempotency import IdempotencyRecord
from postroad.store.nodes import Burial, NodeLife
from support.store import (
    MINUTE,
    START,
    Clock,
    account,
    claim,
    enqueue,
    event,
    octets_of,
    put_account,
    submission,
)


async def test_account_comes_back_with_its_secrets(store: Store) -> None:
    full = account(
        "ä",
        email=None,
        version=3,
        imap=replace(
            account().imap or ImapSettings("", 0),
            tls=TlsOptions(verify=False, min_version="TLSv1.2", extra={"ciphers": ["a"], "x": {}}),
            sent_path="Sent",
        ),
        smtp=None,
        paths=("INBOX", "\\Sent"),
        subconnections=("\\Junk",),
        webhooks="https://user:pass@example.com",
        webhook_headers=(("X-A", Secret("1")), ("X-B", Secret("sealed:1:not really"))),
        copy=False,
        logs=True,
        notify_from=0,
        proxy=Secret("socks5://u:p@h"),
        locale="et",
        tz="Europe/Tallinn",
    )
    assert await put_account(store, full)
    assert await store.read(lambda tx: tx.accounts.get("ä")) == full
    for bare in (account("b", imap=None, smtp=None), account("s", is_sandbox=True, imap=None)):
        await put_account(store, bare)
        assert await store.read(lambda tx, b=bare: tx.accounts.get(b.account)) == bare  # type: ignore[misc]  # default binds the loop's value


async def test_put_again_changes_and_keeps_the_status(store: Store) -> None:
    await put_account(store, account("a"))
    await store.write(lambda tx: tx.accounts.set_status("a", state=AccountState.CONNECTED))
    changed = account("a", name="Other", version=2)
    assert not await put_account(store, changed)
    assert await store.read(lambda tx: tx.accounts.find("a")) == changed
    assert (await store.read(lambda tx: tx.accounts.status("a"))).state is AccountState.CONNECTED


async def test_status_starts_as_init_or_unset(store: Store) -> None:
    await put_account(store, account("a"))
    await put_account(store, account("b", imap=None))
    first = await store.read(lambda tx: tx.accounts.status("a"))
    assert (first.state, first.state_since, first.last_error) == (AccountState.INIT, START, None)
    assert (await store.read(lambda tx: tx.accounts.status("b"))).state is AccountState.UNSET
    with pytest.raises(NotFound):
        await store.read(lambda tx: tx.accounts.status("nope"))


async def test_only_what_is_given_of_a_status_changes(store: Store, clock: Clock) -> None:
    await put_account(store, account("a"))
    error = LastError("refused", "AUTHENTICATIONFAILED", "Check the password")
    clock.advance(5)
    assert await store.write(
        lambda tx: tx.accounts.set_status(
            "a",
            state=AccountState.AUTHENTICATION_ERROR,
            last_error=error,
            next_try_at=START + 9,
            told_error="authenticationError:X",
        )
    )
    clock.advance(5)
    await store.write(
        lambda tx: tx.accounts.set_status(
            "a", state=AccountState.AUTHENTICATION_ERROR, connected_before=True
        )
    )
    status = await store.read(lambda tx: tx.accounts.status("a"))
    assert (status.state_since, status.last_error) == (START + 5, error)
    assert (status.next_try_at, status.connected_before) == (START + 9, True)
    assert await store.read(lambda tx: tx.accounts.told_error("a")) == "authenticationError:X"
    await store.write(lambda tx: tx.accounts.set_status("a", last_error=None, told_error=None))
    assert (await store.read(lambda tx: tx.accounts.status("a"))).last_error is None
    assert await store.read(lambda tx: tx.accounts.told_error("a")) is None
    assert not await store.write(lambda tx: tx.accounts.set_status("nope", next_try_at=1))


async def test_smtp_status_is_kept_apart(store: Store) -> None:
    await put_account(store, account("a"))
    await store.write(lambda tx: tx.accounts.set_smtp_status("a", {"status": "ok", "created": 1}))
    status = await store.read(lambda tx: tx.accounts.status("a"))
    assert status.smtp_status == {"status": "ok", "created": 1}
    await store.write(lambda tx: tx.accounts.set_smtp_status("a", None))
    assert (await store.read(lambda tx: tx.accounts.status("a"))).smtp_status is None


async def test_new_run_shows_every_mailbox_as_init(store: Store) -> None:
    await put_account(store, account("a"))
    await put_account(store, account("b", imap=None))
    await store.write(lambda tx: tx.accounts.set_status("a", state=AccountState.CONNECTED))
    assert await store.write(lambda tx: tx.accounts.reset_states()) == 1
    assert await store.read(lambda tx: tx.accounts.counts()) == {
        AccountState.INIT: 1,
        AccountState.UNSET: 1,
    }


async def test_list_pages_by_id_and_filters_by_state_and_text(store: Store) -> None:
    for name in ("c", "a", "B", "x_y"):
        await put_account(store, account(name, email=f"{name}@Example.com"))
    await put_account(store, account("ünal", name="100%"))
    await store.write(lambda tx: tx.accounts.set_status("c", state=AccountState.CONNECTED))

    async def names(page: int = 0, size: int = 10, **filters: object) -> list[str]:
        found, total = await store.read(lambda tx: tx.accounts.list(page, size, **filters))  # type: ignore[arg-type]  # filters are what list() takes
        assert total >= len(found)
        return [one.account for one, _ in found]

    assert await names() == ["B", "a", "c", "x_y", "ünal"]
    assert await names(1, 2) == ["c", "x_y"]
    assert await names(5, 2) == []
    assert await names(state=AccountState.CONNECTED) == ["c"]
    assert await names(query="ÜNAL") == ["ünal"]
    assert await names(query="EXAMPLE.com", state=AccountState.INIT) == ["B", "a", "x_y", "ünal"]
    assert await names(query="0%") == ["ünal"]
    assert await names(query="x_y") == ["x_y"]
    assert await names(query="xzy") == []


async def test_delete_takes_everything_of_the_account_and_nothing_else(store: Store) -> None:
    await put_account(store, account("a"))
    await put_account(store, account("b"))
    gone, kept = await enqueue(store, submission(), submission(account="b"))
    await enqueue(store, submission(), octets=b"x" * 400_000)
    record = IdempotencyRecord("a", "k", "q", "{}", None, START)

    async def fill(tx: Tx) -> None:
        await tx.mailboxes.number("a", "INBOX", "1")
        await tx.tokens.insert(Token("1" * 64, "t", START, account="a"))
        await tx.tokens.insert(Token("2" * 64, "t", START))
        await tx.idempotency.insert(record)
        await tx.events.record(event())

    await store.write(fill)
    assert await store.write(lambda tx: tx.accounts.delete("a"))
    assert not await store.write(lambda tx: tx.accounts.delete("a"))
    assert await store.read(lambda tx: tx.accounts.all_ids()) == [("b", 1)]
    assert await store.read(lambda tx: tx.accounts.find_status("a")) is None
    assert await store.read(lambda tx: tx.tokens.find("1" * 64)) is None
    assert await store.read(lambda tx: tx.tokens.find("2" * 64)) is not None
    assert await store.read(lambda tx: tx.idempotency.find("a", "k")) is None
    assert await store.read(lambda tx: tx.submissions.find(gone.queue_id)) is None
    assert await octets_of(store, kept.content) == b"hello"
    with pytest.raises(NotFound):
        await octets_of(store, gone.content)
    assert len(await store.read(lambda tx: tx.events.count_by_name("a"))) == 1


async def test_mailbox_numbers_count_up_and_are_never_reused(store: Store) -> None:
    await put_account(store, account("a"))
    await put_account(store, account("b"))

    async def number(owner: str, path: str, uidvalidity: str) -> int:
        return await store.write(lambda tx: tx.mailboxes.number(owner, path, uidvalidity))

    assert await number("a", "INBOX", "1") == 1
    assert await number("a", "Sent", "1") == 2
    assert await number("a", "INBOX", "1") == 1
    assert await number("a", "INBOX", "2") == 3
    assert await number("b", "INBOX", "1") == 1
    found = await store.read(lambda tx: tx.mailboxes.find("a", 3))
    assert found == MailboxNumber(3, "INBOX", "2")
    assert await store.read(lambda tx: tx.mailboxes.find("a", 4)) is None
    with pytest.raises(Conflict):
        await number("nope", "INBOX", "1")


async def test_mailboxes_numbered_at_the_same_time_get_different_numbers(store: Store) -> None:
    await put_account(store, account("a"))
    paths = [f"Folder {n % 10}" for n in range(20)]
    numbers = await asyncio.gather(
        *(store.write(lambda tx, p=path: tx.mailboxes.number("a", p, "1")) for path in paths)  # type: ignore[misc]  # default binds the loop's value
    )
    assert numbers[:10] == numbers[10:]
    assert sorted(numbers[:10]) == list(range(1, 11))


async def test_token_comes_back_and_goes(store: Store) -> None:
    await put_account(store, account("a"))
    full = Token(
        "ab" * 32,
        "Büro",
        START,
        scopes=("api", "smtp"),
        account="a",
        metadata='{"x": 1}',
        restrictions=Restrictions(("192.0.2.0/24",), ("*.example.com",), RateLimit(5, 60)),
        permissions=Permissions(("read",), None),
        ip="192.0.2.1",
        expires_at=START + 1,
        remote=True,
    )
    await store.write(lambda tx: tx.tokens.insert(full))
    assert await store.read(lambda tx: tx.tokens.find(full.token_id)) == full
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.tokens.insert(full))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.tokens.insert(Token("0", "x", START, account="nope")))
    assert await store.write(lambda tx: tx.tokens.delete(full.token_id))
    assert not await store.write(lambda tx: tx.tokens.delete(full.token_id))


async def test_tokens_list_by_descending_id_and_remember_their_last_use(store: Store) -> None:
    await put_account(store, account("a"))
    for n in range(4):
        token = Token(f"{n}" * 64, f"Token {n}", START, account="a" if n % 2 else None)
        await store.write(lambda tx, token=token: tx.tokens.insert(token))  # type: ignore[misc]  # default binds the loop's value

    async def ids(page: int = 0, **filters: str | None) -> tuple[str, int]:
        found, total = await store.read(lambda tx: tx.tokens.list(page, 3, **filters))
        return "".join(token.token_id[0] for token in found), total

    assert await ids() == ("321", 4)
    assert await ids(1) == ("0", 4)
    assert await ids(account="a") == ("31", 2)
    assert await ids(query="TOKEN 2") == ("2", 1)
    assert await store.write(lambda tx: tx.tokens.touch("1" * 64, START + 5, "192.0.2.1"))
    assert not await store.write(lambda tx: tx.tokens.touch("1" * 64, START + 4, "192.0.2.9"))
    used = await store.read(lambda tx: tx.tokens.find("1" * 64))
    assert used is not None
    assert (used.access_time, used.access_ip) == (START + 5, "192.0.2.1")


async def test_settings_hold_any_json_and_go_back_to_unset(store: Store) -> None:
    values = {"webhooksEnabled": True, "webhookEvents": ["*"], "deliveryAttempts": 0, "x": None}
    await store.write(lambda tx: tx.settings.set(values))
    await store.write(lambda tx: tx.settings.set({"webhooksEnabled": False}))
    expected = {**values, "webhooksEnabled": False}
    assert await store.read(lambda tx: tx.settings.get_all()) == expected
    assert await store.write(lambda tx: tx.settings.delete(["x", "never"])) == 1
    del expected["x"]
    assert await store.read(lambda tx: tx.settings.get_all()) == expected


async def test_idempotency_key_is_taken_once_until_it_is_forgotten(
    store: Store, clock: Clock
) -> None:
    first = IdempotencyRecord("a", "k", "q1", '{"x":1}', "hash", START)
    second = IdempotencyRecord("a", "k", "q2", "{}", None, START + 10)
    assert await store.write(lambda tx: tx.idempotency.insert(first))
    assert not await store.write(lambda tx: tx.idempotency.insert(second))
    assert await store.read(lambda tx: tx.idempotency.find("a", "k")) == first
    assert await store.read(lambda tx: tx.idempotency.find("b", "k")) is None
    assert await store.write(lambda tx: tx.idempotency.insert(second, replace_before=START + 1))
    assert await store.read(lambda tx: tx.idempotency.find("a", "k")) == second
    assert await store.write(lambda tx: tx.idempotency.purge(before=START + 10)) == 0
    assert await store.write(lambda tx: tx.idempotency.purge(before=START + 11)) == 1


async def test_of_many_who_take_a_key_at_once_one_gets_it(store: Store) -> None:
    records = [IdempotencyRecord("a", "k", f"q{n}", "{}", None, START) for n in range(12)]
    taken = await asyncio.gather(
        *(store.write(lambda tx, r=record: tx.idempotency.insert(r)) for record in records)  # type: ignore[misc]  # default binds the loop's value
    )
    assert sum(taken) == 1


async def test_lease_is_held_as_long_as_its_node_lives(store: Store, clock: Clock) -> None:
    async def acquire(node: str) -> Lease | None:
        return await store.write(lambda tx: tx.leases.acquire("account:a", node))

    await store.write(lambda tx: tx.nodes.beat("n1", 20_000))
    held = await acquire("n1")
    assert held == Lease("account:a", "n1", 1)
    assert await acquire("n2") is None
    clock.advance(20_000)  # n1 has missed its beat
    taken = await acquire("n2")
    assert taken == Lease("account:a", "n2", 2)
    with pytest.raises(LeaseLost):
        await store.write(lambda tx: tx.leases.check(held))
    await store.write(lambda tx: tx.leases.check(taken))
    assert not await store.write(lambda tx: tx.leases.release(held))
    assert await store.read(lambda tx: tx.leases.held_by("n2")) == [taken]
    assert await store.write(lambda tx: tx.leases.release(taken))
    assert await acquire("n1") == Lease("account:a", "n1", 3)


async def test_buried_node_loses_its_claims_and_its_row(store: Store, clock: Clock) -> None:
    await store.write(lambda tx: tx.nodes.beat("n1", 20_000))
    clock.advance(5)
    await store.write(lambda tx: tx.nodes.beat("n1", 20_000))
    lives = await store.read(lambda tx: tx.nodes.all())
    assert lives == [NodeLife("n1", START, START + 20_005)]
    await enqueue(store, submission("q1"))
    await claim(store, node="n1")
    assert await store.write(lambda tx: tx.nodes.bury("n1")) == Burial(True, ("q1",))
    assert await store.write(lambda tx: tx.nodes.bury("n1")) == Burial(False, ())
    assert await store.read(lambda tx: tx.nodes.all()) == []
    assert len(await claim(store, claim_ms=MINUTE)) == 1
