"""Whatever happens in mailboxes, and whenever the sync is cut off: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad import store as stores
from postroad.domain.message_index import marks
from postroad.engine.sync.heard import News
from postroad.transport.imap import ConnectionLost
from support.scripted_mailbox import OLD_MS, ScriptedMailbox, ScriptedServer
from support.sync_rig import NEW, Rig

NAMES = ("INBOX", "Other")
FLAGS = (("\\Seen",), ("\\Flagged", "\\Seen"), (), ("a", "b"))

place = st.integers(0, 10_000)
box = st.sampled_from(NAMES)
action = st.one_of(
    st.tuples(st.just("append"), box, st.integers(1, 4)),
    st.tuples(st.just("flag"), box, place),
    st.tuples(st.just("expunge"), box, place),
    st.tuples(st.just("move"), box, place),
    st.tuples(st.just("anew"), box, st.just(0)),
    st.tuples(st.just("look"), st.just(""), st.just(0)),
    st.tuples(st.just("look cut off"), st.just(""), st.integers(0, 9)),
    st.tuples(st.just("idle"), box, place),
)


class History:
    """What happened, and what has to come of it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.is_silent: set[str] = set()  # Message-IDs that a reset made old mail

    async def do(self, what: str, name: str, number: int) -> None:
        server = self.rig.server
        if "look" in what or what == "idle":
            await self._note_resets()
        match what:
            case "append":
                for _ in range(number):
                    server[name].append(date=NEW)
            case "anew":
                server[name].begin_anew()
            case "look":
                await self.rig.look_at_all()
            case "look cut off":
                await self._cut_off(number)
            case "idle":
                await self._idle(name, number)
            case _:
                self._change(what, server[name], number)

    async def _note_resets(self) -> None:
        """What lies in a mailbox when its new life is met is old mail."""
        for name in NAMES:
            mailbox = self.rig.server[name]
            if (await self.rig.cursor(name)).uidvalidity != mailbox.uidvalidity:
                self.is_silent |= {one.message_id for one in mailbox.messages}

    def _change(self, what: str, mailbox: ScriptedMailbox, number: int) -> None:
        if not mailbox.messages:
            return
        uid = mailbox.uids[number % len(mailbox.messages)]
        if what == "flag":
            mailbox.flag(uid, FLAGS[number % len(FLAGS)])
        elif what == "expunge":
            mailbox.expunge(uid)
        else:
            other = next(one for one in NAMES if one != mailbox.name)
            mailbox.move(uid, self.rig.server[other])

    async def _cut_off(self, commands: int) -> None:
        """A connection that is lost in the middle of a look."""
        connection = self.rig.server.connect()
        connection.fails_after = commands
        try:
            await connection.enable("QRESYNC")
            looker = self.rig.looker(connection)
            for name in NAMES:
                await looker.open(self.rig.followed(name))
        except (ConnectionLost, ExceptionGroup):
            pass
        finally:
            connection.abort()

    async def _idle(self, name: str, number: int) -> None:
        """A session that hears of changes as they happen."""
        connection, looker = await self.rig.connect()
        cursor = await looker.open(self.rig.followed(name))
        mailbox = self.rig.server[name]
        for what in ("append", "flag", "expunge", "flag")[: 1 + number % 4]:
            if what == "append":
                mailbox.append(date=NEW)
            else:
                self._change(what, mailbox, number)
        news = News()
        await connection.idle(news.hear, max_s=0.0)
        if news.is_of_selected:
            await looker.follow(cursor, news)
        await connection.close()


async def live(capabilities: tuple[str, ...], actions: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = await stores.open(Path(folder))
        try:
            server = ScriptedServer(*NAMES, capabilities=capabilities)
            for name in NAMES:
                for _ in range(3):
                    server[name].append(date=OLD_MS)
            rig = await Rig.begin(store, server)
            await rig.look_at_all()
            await rig.mark_connected()
            history = History(rig)
            for what, name, number in actions:
                await history.do(what, name, number)
            await history.do("look", "", 0)
            await check(rig, history)
        finally:
            await store.close()


async def check(rig: Rig, history: History) -> None:
    keys = Counter((one.path, one.data["uid"], one.data["messageId"])
                   for one in await rig.events("messageNew"))  # fmt: skip
    assert all(times == 1 for times in keys.values()), "announced twice"
    announced = await rig.announced()
    for name in NAMES:
        mailbox = rig.server[name]
        index = await rig.index(name)
        assert [entry.uid for entry in index] == mailbox.uids
        if "CONDSTORE" in rig.server.capabilities:
            assert [entry.marks for entry in index] == [
                marks(tuple(one.flags)) for one in mailbox.messages
            ]
        assert (await rig.cursor(name)).messages == len(mailbox.messages)
        for message in mailbox.messages:
            if message.date == OLD_MS:
                assert announced[message.message_id] == 0, "old mail as new"
            elif message.message_id not in history.is_silent:
                assert announced[message.message_id] >= 1, "new mail lost"


@pytest.mark.parametrize(
    "capabilities",
    [(), ("CONDSTORE",), ("CONDSTORE", "QRESYNC"), ("CONDSTORE", "QRESYNC", "OBJECTID")],
    ids=["bare", "condstore", "qresync", "objectid"],
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(action, max_size=14))
def test_any_history_is_told_in_full_and_once(
    capabilities: tuple[str, ...], actions: list[tuple[str, str, int]]
) -> None:
    asyncio.run(live(capabilities, actions))
