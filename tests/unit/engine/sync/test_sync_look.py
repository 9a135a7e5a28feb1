"""Looking at mailboxes of a server whose every move is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.errors import LeaseLost
from postroad.domain.mailbox_state import Indexer
from postroad.domain.message_index import MAX_MESSAGES, Chunk, Entry, marks
from postroad.engine.sync.arrivals import RETRY_S
from postroad.engine.sync.diff import Sight
from postroad.engine.sync.heard import News
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.message_commands import SearchWord
from postroad.protocol.imap.numset import MessageSet, NumSet
from postroad.store import Store, Tx
from support.scripted_mailbox import ScriptedConnection, ScriptedServer
from support.sync_rig import ACCOUNT, NEW, NODE, NOTIFY_FROM, Rig

ALL = ("CONDSTORE", "QRESYNC")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await stores.open(tmp_path)
    yield made
    await made.close()


async def test_mail_on_either_side_of_the_date_is_told_from_the_other(store: Store) -> None:
    server = ScriptedServer("INBOX")
    for date in (NOTIFY_FROM - 1, NOTIFY_FROM, NOTIFY_FROM - 86_400_000 * 3, NEW):
        server["INBOX"].append(f"<{date}>", date=date)
    rig = await Rig.begin(store, server)
    await rig.look_at_all()

    told = [one.data["messageId"] for one in await rig.events("messageNew")]
    assert told == [f"<{NOTIFY_FROM}>", f"<{NEW}>"]


async def test_a_mailbox_met_later_brings_old_mail_unless_mail_arrives_there(
    store: Store,
) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    await rig.mark_connected()
    box = server.create("Box")
    box.append("<old>", date=NEW)
    await rig.look_at_all()
    box.append("<new>", date=NEW)
    await rig.look_at_all()

    assert await rig.announced() == {"<new>": 1}
    assert [entry.uid for entry in await rig.index("Box")] == [1, 2]


async def test_a_new_life_is_told_as_such_and_nothing_of_its_messages(store: Store) -> None:
    server = ScriptedServer("INBOX", capabilities=ALL)
    server["INBOX"].append("<a>", date=NEW)
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    first = await rig.cursor()
    server["INBOX"].begin_anew()
    await rig.look_at_all()

    told = [one.name for one in await rig.events()]
    assert told == ["mailboxNew", "messageNew", "mailboxReset", "mailboxNew"]
    (reset,) = await rig.events("mailboxReset")
    assert (reset.data["uidValidity"], reset.data["prevUidValidity"]) == ("2", "1")
    assert (await rig.cursor()).number != first.number
    assert await store.read(lambda tx: tx.messages.chunk_starts(ACCOUNT, first.number)) == []


async def test_an_index_that_cannot_be_read_is_made_again_quietly(store: Store) -> None:
    server = ScriptedServer("INBOX")
    for _ in range(3):
        server["INBOX"].append(date=NEW)
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    broken = type("Broken", (Chunk,), {"encode": lambda self: b"nonsense"})
    number = (await rig.cursor()).number
    await store.write(
        lambda tx: tx.messages.put_chunk(ACCOUNT, number, 1, broken([Entry(1, marks(()))]))
    )
    server["INBOX"].expunge(2)
    await rig.look_at_all()

    (reset,) = await rig.events("mailboxReset")
    assert reset.data["reason"] == "syncStateLost"
    assert len(await rig.events("messageNew")) == 3
    assert [entry.uid for entry in await rig.index()] == [1, 3]


async def test_an_account_whose_state_is_gone_is_looked_at_quietly(store: Store) -> None:
    server = ScriptedServer("INBOX", "Box")
    server["INBOX"].append(date=NEW)
    rig = await Rig.begin(store, server)
    await rig.mark_connected()
    await rig.look_at_all()

    resets = await rig.events("mailboxReset")
    assert [one.data["reason"] for one in resets][:1] == ["syncStateLost"]
    assert not await rig.events("messageNew")


class Withholding(ScriptedConnection):
    """Names a message, and gives it only after some tries."""

    tries = 99

    async def uid_fetch(
        self, uids: MessageSet, items: Sequence[str], *, max_bytes: int = 0
    ) -> list[Fetched]:
        rows = await super().uid_fetch(uids, items, max_bytes=max_bytes)
        self.tries -= 1
        return [
            row if row.uid != 2 or self.tries < 0 else replace(row, sections={}) for row in rows
        ]


@pytest.mark.parametrize("tries", [2, 99])
async def test_a_message_that_is_withheld_is_waited_for(store: Store, tries: int) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    for name in "abc":
        server["INBOX"].append(f"<{name}>", date=NEW)
    connection = Withholding(server)
    connection.tries = tries
    await rig.looker(connection).open(rig.followed("INBOX"))

    told = {one.data["uid"]: one for one in await rig.events("messageNew", "messageMissing")}
    assert list(told) == [1, 2, 3]
    assert told[2].name == ("messageNew" if tries == 2 else "messageMissing")
    assert rig.waited == list(RETRY_S[: 2 if tries == 2 else 3])
    assert told[2].data["missingRetries"] == len(rig.waited)
    assert told[2].data["missingDelay"] == round(sum(rig.waited) * 1000)


async def test_the_last_message_is_waited_for_as_well(store: Store) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    for name in "ab":
        server["INBOX"].append(f"<{name}>", date=NEW)
    await rig.looker(Withholding(server)).open(rig.followed("INBOX"))

    told = await rig.events("messageNew", "messageMissing")
    assert [(one.name, one.data["uid"]) for one in told] == [
        ("messageNew", 1),
        ("messageMissing", 2),
    ]


class Hiding(ScriptedConnection):
    """Finds a message, and passes over it when it is asked for several."""

    hidden = 2

    async def uid_fetch(
        self, uids: MessageSet, items: Sequence[str], *, max_bytes: int = 0
    ) -> list[Fetched]:
        rows = await super().uid_fetch(uids, items, max_bytes=max_bytes)
        return [row for row in rows if row.uid != self.hidden]


@pytest.mark.parametrize("hidden", [1, 2, 3])
async def test_a_message_that_is_passed_over_is_told_as_missing(store: Store, hidden: int) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    for name in "abc":
        server["INBOX"].append(f"<{name}>", date=NEW)
    connection = Hiding(server)
    connection.hidden = hidden
    await rig.looker(connection).open(rig.followed("INBOX"))

    told = await rig.events("messageNew", "messageMissing")
    assert [(one.name == "messageMissing", one.data["uid"]) for one in told] == [
        (uid == hidden, uid) for uid in (1, 2, 3)
    ]


class Losing(ScriptedConnection):
    """Finds messages that somebody else removes before they can be read."""

    async def uid_search(self, criteria: Sequence[SearchWord]) -> list[int]:
        found = await super().uid_search(criteria)
        for uid in (2, 3):
            if uid in self._server["INBOX"].uids:
                self._server["INBOX"].expunge(uid)
        return found


async def test_a_message_that_has_gone_is_not_waited_for(store: Store) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    for name in "abc":
        server["INBOX"].append(f"<{name}>", date=NEW)
    cursor = await rig.cursor()
    connection = Losing(server)
    await connection.select(b"INBOX")
    uids = await connection.uid_search(["UID", "1:9"])
    arrivals = await rig.arrivals(connection).read(cursor, NumSet.of(uids), expected=uids)

    assert [(one.entry.uid, one.missing) for one in arrivals] == [(1, None)]
    assert rig.waited == []


class Chatting(ScriptedConnection):
    """Tells of the next message amid the answer that it gives."""

    async def uid_fetch(
        self, uids: MessageSet, items: Sequence[str], *, max_bytes: int = 0
    ) -> list[Fetched]:
        rows = await super().uid_fetch(uids, items, max_bytes=max_bytes)
        inbox = self._server["INBOX"]
        if inbox.uidnext < 4:
            message = inbox.append(date=NEW)
            rows.append(Fetched(len(inbox.messages), uid=message.uid, flags=()))
        return rows


async def test_a_message_that_comes_amid_an_answer_is_not_waited_for(store: Store) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    server["INBOX"].append(date=NEW)
    connection = Chatting(server)
    server.connections.append(connection)
    await rig.looker(connection).open(rig.followed("INBOX"))

    assert [one.data["uid"] for one in await rig.events("messageNew")] == [1, 2, 3]
    assert rig.waited == []


async def test_whoever_lost_the_lease_writes_nothing(store: Store) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    server["INBOX"].append("<a>", date=NEW)
    await store.write(lambda tx: tx.leases.take(f"account:{ACCOUNT}", NODE))

    with pytest.raises(LeaseLost):
        await rig.look_at_all()
    assert not await rig.events("messageNew")
    assert await rig.index() == []


async def test_two_looks_at_one_mailbox_do_not_both_count(store: Store) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    stale = await rig.cursor()
    server["INBOX"].append("<a>", date=NEW)
    await rig.look_at_all()

    with pytest.raises(LeaseLost):
        await rig.ingest.announce(stale, [], upto=2)
    with pytest.raises(LeaseLost):
        await rig.ingest.amend(stale, Sight({1: marks(())}))


async def test_many_messages_lie_in_many_chunks_and_go_from_all(store: Store) -> None:
    server = ScriptedServer("INBOX")
    for _ in range(2 * MAX_MESSAGES + 20):
        server["INBOX"].append()
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    number = (await rig.cursor()).number
    starts = await store.read(lambda tx: tx.messages.chunk_starts(ACCOUNT, number))
    assert starts == [1, MAX_MESSAGES + 1, 2 * MAX_MESSAGES + 1]
    for uid in range(MAX_MESSAGES - 5, 2 * MAX_MESSAGES + 5):
        server["INBOX"].expunge(uid)
    await rig.look_at_all()

    assert len(await rig.events("messageDeleted")) == MAX_MESSAGES + 10
    assert [entry.uid for entry in await rig.index()] == server["INBOX"].uids
    starts = await store.read(lambda tx: tx.messages.chunk_starts(ACCOUNT, number))
    assert starts == [1, 2 * MAX_MESSAGES + 1]


async def test_a_modseq_that_goes_backwards_costs_a_look_at_everything(store: Store) -> None:
    server = ScriptedServer("INBOX", capabilities=ALL)
    inbox = server["INBOX"]
    for _ in range(3):
        inbox.append()
    inbox.modseq = 50
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    inbox.modseq = 7
    inbox.get(2).flags = frozenset({"\\Seen"})
    inbox.get(2).modseq = 6
    await rig.look_at_all()

    (updated,) = await rig.events("messageUpdated")
    assert updated.data["uid"] == 2
    assert (await rig.cursor()).highestmodseq == 7


async def test_an_unchanged_mailbox_is_selected_and_nothing_more(store: Store) -> None:
    server = ScriptedServer("INBOX", capabilities=ALL)
    for _ in range(5):
        server["INBOX"].append()
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    connection, looker = await rig.connect()
    await looker.open(rig.followed("INBOX"))

    assert connection.commands == ["ENABLE", "SELECT"]


async def test_the_fast_indexer_remembers_no_messages(store: Store) -> None:
    server = ScriptedServer("INBOX", capabilities=ALL)
    server["INBOX"].append("<old>")
    server["INBOX"].append("<recent>", date=NEW)
    rig = await Rig.begin(store, server, indexer=Indexer.FAST)
    await rig.look_at_all()
    server["INBOX"].append("<new>", date=NEW)
    server["INBOX"].flag(1, ["\\Seen"])
    server["INBOX"].expunge(2)
    await rig.look_at_all()

    assert await rig.announced() == {"<recent>": 1, "<new>": 1}
    assert not await rig.events("messageUpdated", "messageDeleted")
    assert await rig.index() == []


@pytest.mark.parametrize("capabilities", [(), ALL, (*ALL, "OBJECTID")])
@pytest.mark.parametrize("order", [("INBOX", "Box"), ("Box", "INBOX")])
async def test_a_move_is_recognised_whichever_side_is_seen_first(
    store: Store, capabilities: tuple[str, ...], order: tuple[str, ...]
) -> None:
    server = ScriptedServer("INBOX", "Box", capabilities=capabilities)
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    server["INBOX"].append("<a>", date=NEW)
    await rig.look_at_all()
    server["INBOX"].move(1, server["Box"])
    _, looker = await rig.connect()
    for name in order:
        await looker.open(rig.followed(name))

    (moved,) = await rig.events("messageMoved")
    assert (moved.path, moved.data["uid"]) == ("Box", 1)
    previous = moved.data["previous"]
    assert isinstance(previous, dict)
    assert (previous["path"], previous["uid"]) == ("INBOX", 1)
    told = await rig.events("messageNew")
    assert [one.data["seemsLikeNew"] for one in told] == [True, False]


async def test_a_message_that_went_and_another_that_came_are_no_move(store: Store) -> None:
    server = ScriptedServer("INBOX", "Box")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()
    server["INBOX"].append("<a>", date=NEW)
    await rig.look_at_all()
    server["INBOX"].expunge(1)
    server["Box"].append("<a>", date=NEW + 5000)  # another size or date: not the same message
    await rig.look_at_all()

    assert not await rig.events("messageMoved")


async def test_threads_do_not_depend_on_what_arrives_first(store: Store) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server, threading=True)
    await rig.look_at_all()
    inbox = server["INBOX"]
    inbox.append("<c>", date=NEW, references=["<a>", "<b>"])
    inbox.append("<a>", date=NEW)
    inbox.append("<x>", date=NEW)
    inbox.append("<b>", date=NEW, references=["<a>"])
    await rig.look_at_all()

    threads = {
        one.data["messageId"]: one.data["threadId"] for one in await rig.events("messageNew")
    }
    assert threads["<a>"] == threads["<b>"] == threads["<c>"] != threads["<x>"]


async def test_a_burst_in_a_session_is_told_in_order(store: Store) -> None:
    server = ScriptedServer("INBOX", capabilities=ALL)
    rig = await Rig.begin(store, server)
    connection, looker = await rig.connect()
    cursor = await looker.open(rig.followed("INBOX"))
    for number in range(130):
        server["INBOX"].append(f"<{number}>", date=NEW)
    news = News()
    await connection.idle(news.hear, max_s=0.0)
    await looker.follow(cursor, news)

    told = [one.data["messageId"] for one in await rig.events("messageNew")]
    assert told == [f"<{number}>" for number in range(130)]


async def test_a_flush_makes_the_running_session_stop(store: Store) -> None:
    server = ScriptedServer("INBOX")
    rig = await Rig.begin(store, server)
    await rig.look_at_all()

    async def flush(tx: Tx) -> None:
        await tx.leases.revoke(f"account:{ACCOUNT}")
        await tx.messages.forget_account(ACCOUNT)

    await store.write(flush)
    server["INBOX"].append(date=NEW)
    with pytest.raises(LeaseLost):
        await rig.look_at_all()
