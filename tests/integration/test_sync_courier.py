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
from support.followed import Followed, following, message, wait_for

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


async def told(followed: Followed, account: str, name: str, count: int) -> list[object]:
    """Wait for so many events; what each says of the message: its UID or its path."""
    events = await wait_for(followed, account, name, count)
    return [one.data.get("uid", one.data.get("path")) for one in events]


async def test_new_mail_is_announced_once_in_order_and_old_mail_is_not(
    courier: Courier, user: str, tmp_path: Path
) -> None:
    for number in range(3):
        courier.deliver(user, message(f"old-{number}", date=datetime(2020, 1, 1, tzinfo=UTC)))
    async with following(tmp_path) as followed:
        account = await followed.add(courier, user)
        await followed.connected(account)
        wanted = [f"new-{number}" for number in range(5)]
        for subject in wanted:
            courier.deliver(user, message(subject))
        await followed.announced(account, wanted)
        assert await followed.subjects(account) == wanted
        first = (await followed.events(account, "messageNew"))[0]
        assert first.path == "INBOX"
        assert first.data["text"]["plain"].strip() == "Hello"  # type: ignore[index]  # JSON
        assert len(await followed.index(account)) == 8


async def test_flags_and_deletions_are_told(courier: Courier, user: str, tmp_path: Path) -> None:
    for number in range(3):
        courier.deliver(user, message(f"m{number}"))
    async with following(tmp_path) as followed:
        account = await followed.add(courier, user)
        await followed.connected(account)
        with courier.client(user) as imap:
            imap.select("INBOX")
            imap.uid("STORE", "2", "+FLAGS", "(\\Flagged)")
            assert await told(followed, account, "messageUpdated", 1) == [2]
            imap.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
            assert await told(followed, account, "messageUpdated", 2) == [2, 1]
            imap.expunge()
            assert await told(followed, account, "messageDeleted", 1) == [1]
        updated = await followed.events(account, "messageUpdated")
        changes = updated[0].data["changes"]
        assert changes == {"flags": {"added": ["\\Flagged"], "value": ["\\Flagged"]}}
        assert [entry.uid for entry in await followed.index(account)] == [2, 3]


async def test_what_happened_while_away_is_told_after_it(
    courier: Courier, user: str, tmp_path: Path
) -> None:
    for number in range(4):
        courier.deliver(user, message(f"m{number}"))
    async with following(tmp_path) as followed:
        account = await followed.add(courier, user)
        await followed.connected(account)
    with courier.client(user) as imap:
        imap.select("INBOX")
        imap.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        imap.expunge()
    courier.deliver(user, message("meanwhile"))  # as many as before: counting finds nothing
    async with following(tmp_path) as followed:
        await followed.announced(account, ["meanwhile"])
        assert await told(followed, account, "messageDeleted", 1) == [1]
        assert [entry.uid for entry in await followed.index(account)] == [2, 3, 4, 5]


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
