"""Who may do what: on a real store, with a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.errors import Forbidden, Limited, NotFound, Unauthenticated
from postroad.domain.secret import Secret
from postroad.domain.token import Permissions, RateLimit, Restrictions
from postroad.engine.access import FRESH_S, Access, TokenDraft
from postroad.engine.wakeup import Hint

START_MS = 1_700_000_000_000
ALL = TokenDraft("all", ("*",))


class Clock:
    """Time that stands still until the test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.ms = START_MS

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return self.ms

    def move(self, seconds: float) -> None:
        self.seconds += seconds
        self.ms += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[stores.Store]:
    opened = await stores.open(tmp_path, clock=clock.wall)
    yield opened
    await opened.close()


@pytest.fixture
def access(store: stores.Store, clock: Clock) -> Access:
    return Access(store, monotonic=clock.monotonic)


async def test_issued_token_opens(access: Access) -> None:
    value, token_id = await access.issue(ALL)
    actor = await access.authenticate(value, address="192.0.2.1")
    assert actor.token is not None
    assert actor.token.token_id == token_id
    actor.require(scope="api", account="any", action="write", group="admin")


@pytest.mark.parametrize("value", [None, ""])
async def test_no_token_is_missing_authentication(access: Access, value: str | None) -> None:
    with pytest.raises(Unauthenticated, match="Missing authentication"):
        await access.authenticate(value, address="192.0.2.1")


@pytest.mark.parametrize("value", ["x", "00" * 32, "é" * 64])
async def test_unknown_token_is_bad(access: Access, value: str) -> None:
    with pytest.raises(Unauthenticated, match="Bad token"):
        await access.authenticate(value, address="192.0.2.1")


async def test_without_required_authentication_nobody_is_asked(store: stores.Store) -> None:
    access = Access(store, require_auth=False)
    actor = await access.authenticate(None, address="192.0.2.1")
    assert actor.token is None
    actor.require(scope="api", account="any", action="write", group="admin")
    with pytest.raises(Unauthenticated):
        await access.authenticate("00" * 32, address="192.0.2.1")


async def test_wrong_scope_is_told(access: Access) -> None:
    value, _ = await access.issue(TokenDraft("t", ("smtp",)))
    actor = await access.authenticate(value, address="192.0.2.1")
    with pytest.raises(Forbidden, match="Unauthorized scope") as refused:
        actor.require(scope="api")
    assert refused.value.info == {"requestedScope": "api"}


async def test_bound_token_opens_its_own_account_alone(access: Access, clock: Clock) -> None:
    value, _ = await access.issue(ALL)
    actor = await access.authenticate(value, address="192.0.2.1")
    assert actor.token is not None
    bound = replace(actor, token=replace(actor.token, account="mine"))
    bound.require(scope="api", account="mine")
    for account in ("other", None):
        with pytest.raises(Forbidden, match="Unauthorized account"):
            bound.require(scope="api", account=account)


async def test_permissions_narrow(access: Access) -> None:
    draft = TokenDraft("t", ("api",), permissions=Permissions(("send",), ("submit",)))
    value, _ = await access.issue(draft)
    actor = await access.authenticate(value, address="192.0.2.1")
    assert actor.is_restricted
    actor.require(scope="api", account="a", action="send", group="submit")
    with pytest.raises(Forbidden, match="Unauthorized permission") as refused:
        actor.require(scope="api", action="read", group="outbox")
    assert refused.value.info == {"requiredPermission": {"action": "read", "group": "outbox"}}


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("198.51.100.1", False),
        ("", False),
        ("nonsense", False),
    ],
)
async def test_addresses_restrict(access: Access, address: str, is_let_in: bool) -> None:
    restrictions = Restrictions(addresses=("192.0.2.0/24", "2001:db8::1"))
    value, _ = await access.issue(replace(ALL, restrictions=restrictions))
    if is_let_in:
        await access.authenticate(value, address=address)
    else:
        with pytest.raises(Forbidden, match="Unauthorized address") as refused:
            await access.authenticate(value, address=address)
        assert refused.value.info == {"remoteAddress": address}


async def test_referrers_restrict(access: Access) -> None:
    restrictions = Restrictions(referrers=("https://*.example.com/*",))
    value, _ = await access.issue(replace(ALL, restrictions=restrictions))
    await access.authenticate(value, address="", referrer="https://app.example.com/page")
    for referrer in (None, "https://example.com.evil.test/", "http://app.example.com/"):
        with pytest.raises(Forbidden, match="Unauthorized referrer"):
            await access.authenticate(value, address="", referrer=referrer)


async def test_rate_limit_counts_in_fixed_windows(access: Access, clock: Clock) -> None:
    restrictions = Restrictions(rate_limit=RateLimit(2, 60))
    value, _ = await access.issue(replace(ALL, restrictions=restrictions))
    actor = await access.authenticate(value, address="")
    turns = [access.take_turn(actor) for _ in range(2)]
    assert [turn and turn.remaining for turn in turns] == [1, 0]
    clock.move(20)
    with pytest.raises(Limited) as refused:
        access.take_turn(actor)
    assert (refused.value.retry_after_s, refused.value.limit) == (40, 2)
    assert refused.value.info == {"ttl": 40}
    clock.move(40)
    assert access.take_turn(actor) is not None


async def test_token_without_rate_limit_is_not_counted(access: Access) -> None:
    value, _ = await access.issue(ALL)
    assert access.take_turn(await access.authenticate(value, address="")) is None


async def test_expired_token_is_unknown_and_gone(access: Access, clock: Clock) -> None:
    value, token_id = await access.issue(replace(ALL, expires_at=START_MS + 1000))
    await access.authenticate(value, address="")
    clock.move(1)
    with pytest.raises(Unauthenticated, match="Bad token"):
        await access.authenticate(value, address="")
    with pytest.raises(NotFound):
        await access.get(token_id)


@pytest.mark.parametrize("by", ["value", "id", "upper-case id"])
async def test_revoked_token_opens_nothing_at_once(access: Access, by: str) -> None:
    value, token_id = await access.issue(ALL)
    await access.authenticate(value, address="")
    named = {"value": value, "id": token_id, "upper-case id": token_id.upper()}[by]
    assert await access.revoke(named) is True
    with pytest.raises(Unauthenticated):
        await access.authenticate(value, address="")
    assert await access.revoke(named) is False


async def test_revocation_elsewhere_is_believed_when_the_cache_is_stale(
    access: Access, store: stores.Store, clock: Clock
) -> None:
    value, token_id = await access.issue(ALL)
    await access.authenticate(value, address="")
    await Access(store).revoke(token_id)
    clock.move(FRESH_S + 1)
    with pytest.raises(Unauthenticated):
        await access.authenticate(value, address="")


async def test_revocation_elsewhere_is_heard_of(access: Access, store: stores.Store) -> None:
    value, token_id = await access.issue(ALL)
    await access.authenticate(value, address="")
    stop = Hint()
    running = asyncio.create_task(access.run(stop))
    await asyncio.sleep(0)
    await Access(store).revoke(token_id)
    # The hint is told in a callback of its own after the commit.
    async with asyncio.timeout(5):
        while True:
            try:
                await access.authenticate(value, address="")
            except Unauthenticated:
                break
            await asyncio.sleep(0)
    stop.set()
    await running


async def test_last_use_is_told_at_once_and_written_later(
    access: Access, store: stores.Store
) -> None:
    value, token_id = await access.issue(ALL)
    await access.authenticate(value, address="192.0.2.9")
    shown = await access.get(token_id)
    assert (shown.access_time, shown.access_ip) == (START_MS, "192.0.2.9")
    assert (await Access(store).get(token_id)).access_time is None
    await access.flush()
    assert (await Access(store).get(token_id)).access_time == START_MS


async def test_stopping_writes_last_uses(access: Access, store: stores.Store) -> None:
    value, token_id = await access.issue(ALL)
    await access.authenticate(value, address="192.0.2.9")
    stop = Hint()
    stop.set()
    await access.run(stop)
    assert (await Access(store).get(token_id)).access_ip == "192.0.2.9"


async def test_token_for_an_unknown_account_is_not_minted(access: Access) -> None:
    with pytest.raises(NotFound):
        await access.issue(TokenDraft("t", ("api",), account="nobody"))


async def test_prepared_token_is_stored_once(access: Access) -> None:
    value = Secret("ab" * 32)
    first = await access.prepare(value)
    assert await access.prepare(value) == first
    assert (await access.list(0, 10)).total == 1
    await access.authenticate(value.reveal(), address="")


async def test_tokens_are_listed_by_text(access: Access) -> None:
    for name in ("billing", "Reports"):
        await access.issue(TokenDraft(name, ("api",)))
    found = await access.list(0, 10, query="report")
    assert [token.description for token in found.items] == ["Reports"]
    assert (found.total, found.pages) == (1, 1)
