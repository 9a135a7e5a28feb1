"""Following mailboxes of a real Dovecot, with its extensions and without."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from postroad.engine.sync.threads import thread_name, thread_node
from support import dovecot as dovecots
from support.dovecot import Dovecot
from support.followed import following, message, wait_for
from support.following_suite import FollowingSuite

pytestmark = pytest.mark.integration
_users = itertools.count(1)

SERVERS = {
    "everything": None,
    "no-notify": "IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE UIDPLUS CONDSTORE QRESYNC ESEARCH "
    "LIST-EXTENDED LIST-STATUS SPECIAL-USE MOVE NAMESPACE",
    "condstore": "IMAP4rev1 IDLE UIDPLUS CONDSTORE NAMESPACE",
    "idle-only": "IMAP4rev1 IDLE",
}


@pytest.fixture(scope="module", params=SERVERS, ids=list(SERVERS))
def dovecot(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    if dovecots.find_program() is None:
        pytest.skip(dovecots.MISSING)
    with Dovecot(capability=SERVERS[request.param]) as running:
        yield running


@pytest.fixture
def user() -> str:
    return f"sync{next(_users)}"


class TestFollowingDovecot(FollowingSuite):
    @pytest.fixture
    def server(self, dovecot: Dovecot) -> Dovecot:
        return dovecot


async def test_other_mailboxes_are_looked_at_when_asked(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    dovecot.create(user, "Box")
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user)
        await followed.connected(account)
        with dovecot.client(user) as imap:
            imap.append("Box", "", "", message("boxed"))
        await followed.accounts.sync(account)
        await followed.announced(account, ["boxed"])
        assert (await followed.events(account, "messageNew"))[0].path == "Box"


async def test_mailboxes_come_and_go(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    dovecot.create(user, "Box")
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user)
        await followed.connected(account)
        met = {one.data["path"] for one in await followed.events(account, "mailboxNew")}
        assert met == {"INBOX", "Box", "Sent", "Drafts", "Trash", "Junk", "Archive"}
        with dovecot.client(user) as imap:
            imap.delete("Box")
            imap.create("Other")
        await followed.accounts.sync(account)
        await wait_for(followed, account, "mailboxDeleted", 1)
        await wait_for(followed, account, "mailboxNew", 8)
        (gone,) = await followed.events(account, "mailboxDeleted")
        assert gone.data == {"path": "Box", "name": "Box", "specialUse": False}


async def test_a_mailbox_made_anew_is_told_as_reset(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    dovecot.create(user, "Box")
    with dovecot.client(user) as imap:
        imap.append("Box", "", "", message("one"))
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user)
        await followed.connected(account)
        told = len(await followed.subjects(account))
    with dovecot.client(user) as imap:
        imap.delete("Box")
        imap.create("Box")
        imap.append("Box", "", "", message("two"))
    async with following(tmp_path) as followed:
        await wait_for(followed, account, "mailboxReset", 1)
        await followed.connected(account)
        (reset,) = await followed.events(account, "mailboxReset")
        assert reset.data["reason"] == "uidValidityChange"
        assert len(await followed.subjects(account)) == told


async def test_a_path_filter_leaves_other_mailboxes_alone(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user, paths=("\\Sent", "INBOX"))
        await followed.connected(account)
        met = [one.data["path"] for one in await followed.events(account, "mailboxNew")]
        assert met == ["INBOX", "Sent"]


async def test_a_side_session_hears_of_new_mail_at_once(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    dovecot.create(user, "Box")
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user, subconnections=("Box", "INBOX"))
        await followed.connected(account)

        async def has_two() -> bool:
            return (await followed.accounts.get(account)).connections == 2

        await followed.until(has_two)
        with dovecot.client(user) as imap:
            imap.append("Box", "", "", message("sideways"))
        await followed.announced(account, ["sideways"])


async def test_the_fast_indexer_tells_of_new_mail_alone(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    dovecot.deliver(user, message("before", date=datetime(2020, 1, 1, tzinfo=UTC)))
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user, indexer="fast")
        await followed.connected(account)
        dovecot.deliver(user, message("after"))
        await followed.announced(account, ["after"])
        with dovecot.client(user) as imap:
            imap.select("INBOX")
            imap.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
            imap.expunge()
        dovecot.deliver(user, message("last"))
        await followed.announced(account, ["after", "last"])
        assert not await followed.events(account, "messageUpdated", "messageDeleted")


async def test_flushing_announces_again_from_a_chosen_date(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    dovecot.deliver(user, message("recent"))
    dovecot.deliver(user, message("ancient", date=datetime(2001, 1, 1, tzinfo=UTC)))
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user)
        await followed.connected(account)
        before = await followed.subjects(account)
        start = datetime(2015, 1, 1, tzinfo=UTC)
        await followed.accounts.flush(account, notify_from=int(start.timestamp() * 1000))
        await wait_for(followed, account, "accountInitialized", 2)
        assert (await followed.subjects(account))[len(before) :] == ["recent"]


async def test_with_notify_other_mailboxes_are_live_too(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    if dovecot.capability is not None:
        return  # told by the other tests: there it is found by counting
    dovecot.create(user, "Box")
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user)
        await followed.connected(account)
        with dovecot.client(user) as imap:
            imap.append("Box", "", "", message("boxed"))
            await followed.announced(account, ["boxed"])
            imap.create("Fresh")
            await wait_for(followed, account, "mailboxNew", 8)
        chosen = await followed.add(dovecot, f"{user}x", paths=("INBOX", "\\Sent"))
        await followed.connected(chosen)
        with dovecot.client(f"{user}x") as imap:
            imap.append("Junk", "", "", message("unasked"))
            imap.append("Sent", "", "", message("sent"))
        await followed.announced(chosen, ["sent"])


def answer(name: str, to: str | None, date: datetime | None = None) -> bytes:
    text = message(name, date=date).replace(b"\r\nDate:", b"\r\nX-Was:", 1)
    refers = f"In-Reply-To: <{to}@thread>\r\n" if to is not None else ""
    at = format_datetime(date or datetime.now(UTC))
    start = f"{refers}Message-ID: <{name}@thread>\r\nDate: {at}\r\n".encode()
    return start + text.replace(b"Message-ID:", b"X-Id:", 1)


async def test_threads_are_computed_for_old_mail_and_new(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    old = datetime(2020, 1, 1, tzinfo=UTC)
    dovecot.deliver(user, answer("first", None, old))
    dovecot.deliver(user, answer("second", "first", old))
    dovecot.deliver(user, answer("stranger", None, old))
    async with following(tmp_path, threading=True) as followed:
        account = await followed.add(dovecot, user)

        async def is_read() -> bool:
            todo = await followed.store.read(lambda tx: tx.threads.find_unthreaded(account))
            return todo is None and bool(await followed.events(account, "accountInitialized"))

        await followed.until(is_read)
        dovecot.deliver(user, answer("third", "second"))
        await followed.announced(account, ["third"])
        (told,) = await followed.events(account, "messageNew")

        async def thread(name: str) -> str:
            node = thread_node(f"<{name}@thread>")
            found = await followed.store.read(lambda tx: tx.threads.names(account, [node]))
            return thread_name(found[node])

        assert {await thread(name) for name in ("first", "second", "third")} == {
            told.data["threadId"]
        }
        assert await thread("stranger") != told.data["threadId"]
        assert str(told.data["emailId"]).startswith("e")
        assert all(entry.fingerprint for entry in await followed.index(account))


async def test_a_move_is_told_when_both_sides_were_seen(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    dovecot.create(user, "Box")
    async with following(tmp_path) as followed:
        account = await followed.add(dovecot, user)
        await followed.connected(account)
        dovecot.deliver(user, message("mover"))
        await followed.announced(account, ["mover"])
        with dovecot.client(user) as imap:
            imap.select("INBOX")
            imap.uid("COPY", "1", "Box")
            imap.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
            imap.expunge()
        await wait_for(followed, account, "messageDeleted", 1)
        await followed.accounts.sync(account)
        await wait_for(followed, account, "messageMoved", 1)
        (moved,) = await followed.events(account, "messageMoved")
        assert moved.data["path"] == "Box"
        assert moved.data["previous"]["path"] == "INBOX"  # type: ignore[index]  # JSON
        assert [one.data["seemsLikeNew"] for one in await followed.events(account, "messageNew")][
            :2
        ] == [True, False]


async def test_on_postgresql_it_is_the_same(dovecot: Dovecot, user: str, postgres_dsn: str) -> None:
    dovecot.create(user, "Box")
    async with following(postgres_dsn, threading=True) as followed:
        account = await followed.add(dovecot, user)
        await followed.connected(account)
        wanted = [f"new-{number}" for number in range(5)]
        for subject in wanted:
            dovecot.deliver(user, message(subject))
        await followed.announced(account, wanted)
        with dovecot.client(user) as imap:
            imap.select("INBOX")
            imap.uid("STORE", "1:2", "+FLAGS", "(\\Deleted)")
            imap.expunge()
        await wait_for(followed, account, "messageDeleted", 2)
        assert await followed.subjects(account) == wanted
        start = datetime(2015, 1, 1, tzinfo=UTC)
        await followed.accounts.flush(account, notify_from=int(start.timestamp() * 1000))
        await wait_for(followed, account, "accountInitialized", 2)
        assert len(await followed.subjects(account)) == 8
