"""Following mailboxes of a real Courier: no CONDSTORE, no UIDNEXT, names below INBOX."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support import courier as couriers
from support import courier_packages
from support.courier import Courier
from support.followed import following, message, told
from support.following_suite import FollowingSuite

pytestmark = pytest.mark.integration
_users = itertools.count(1)


@pytest.fixture(scope="module")
def courier() -> Iterator[Courier]:
    if not courier_packages.is_fetched():
        pytest.skip(couriers.MISSING)
    with Courier() as running:
        yield running


@pytest.fixture
def user() -> str:
    return f"sync{next(_users)}"


class TestFollowingCourier(FollowingSuite):
    @pytest.fixture
    def server(self, courier: Courier) -> Courier:
        return courier


async def test_other_mailboxes_are_looked_at_when_asked(
    courier: Courier, user: str, tmp_path: Path
) -> None:
    async with following(tmp_path) as followed:
        account = await followed.add(courier, user)
        await followed.connected(account)
        with courier.client(user) as imap:
            imap.append("INBOX.Archive", "", "", message("filed"))
        await followed.accounts.sync(account)
        await followed.announced(account, ["filed"])
        assert (await followed.events(account, "messageNew"))[0].path == "INBOX.Archive"


async def test_mailboxes_come_and_go(courier: Courier, user: str, tmp_path: Path) -> None:
    async with following(tmp_path) as followed:
        account = await followed.add(courier, user)
        await followed.connected(account)
        usual = ["INBOX", *(f"INBOX.{name}" for name in couriers.MAILBOXES)]
        assert sorted(await told(followed, account, "mailboxNew", 6)) == sorted(usual)  # type: ignore[type-var]  # paths
        with courier.client(user) as imap:
            imap.create("INBOX.Box")
            await followed.accounts.sync(account)
            assert (await told(followed, account, "mailboxNew", 7))[-1] == "INBOX.Box"
            imap.delete("INBOX.Box")
        await followed.accounts.sync(account)
        assert await told(followed, account, "mailboxDeleted", 1) == ["INBOX.Box"]


async def test_numbers_that_only_we_have_seen_last(
    courier: Courier, user: str, tmp_path: Path
) -> None:
    courier.deliver(user, message("old", date=datetime(2020, 1, 1, tzinfo=UTC)))
    async with following(tmp_path) as followed:
        account = await followed.add(courier, user)
        await followed.connected(account)
        courier.deliver(user, message("first"))
        await followed.announced(account, ["first"])
    courier.deliver(user, message("second"))
    async with following(tmp_path) as followed:
        await followed.announced(account, ["first", "second"])
        await followed.connected(account)
        await followed.accounts.sync(account)
        courier.deliver(user, message("third"))
        await followed.announced(account, ["first", "second", "third"])
        assert await followed.events(account, "mailboxReset") == []


async def test_a_mailbox_that_lost_its_numbers_is_told_as_reset(
    courier: Courier, user: str, tmp_path: Path
) -> None:
    courier.deliver(user, message("before", date=datetime(2020, 1, 1, tzinfo=UTC)))
    async with following(tmp_path) as followed:
        account = await followed.add(courier, user)
        await followed.connected(account)
    courier.renumber(user)
    async with following(tmp_path) as followed:
        assert await told(followed, account, "mailboxReset", 1) == ["INBOX"]
        await followed.connected(account)  # the reset is told first, and the mailbox read then
        assert await followed.events(account, "messageNew", "messageDeleted") == []
        assert len(await followed.index(account)) == 1
