"""Waiting for changes beside everything else that a connection is wanted for."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from postroad.domain.errors import TimedOut
from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.mailbox_status import MailboxStatus
from postroad.protocol.imap.numset import EVERY, NumSet
from postroad.protocol.imap.response import Exists, Expunge
from postroad.protocol.imap.vanished import Vanished
from postroad.transport.imap import CommandRefused, ConnectionLost, IdleEnd
from postroad.transport.imap_news import OVERFLOW
from support.hostile_imap import QUICK, HostileImap, Peer, hostile_imap, opened

CAN_IDLE = "IMAP4rev1 IDLE"


def ignore(change: object) -> None:
    pass


async def let_in(peer: Peer, capabilities: str = CAN_IDLE) -> None:
    await peer.log_in(capabilities)
    await peer.answer("* 9 EXISTS", "* OK [UIDVALIDITY 7] x")


async def begin_idle(peer: Peer) -> str:
    assert (await peer.hear()).endswith(b" IDLE")
    tag = peer.tag
    await peer.say("+ idling")
    return tag


async def end_idle(peer: Peer, tag: str) -> None:
    assert await peer.hear() == b"DONE"
    await peer.say(f"{tag} OK done")


async def idling(peer: Peer) -> None:
    await end_idle(peer, await begin_idle(peer))


async def until_heard(hostile: HostileImap, words: bytes) -> None:
    async with asyncio.timeout(5):
        while not any(words in line for peer in hostile.peers for line in peer.heard):
            await asyncio.sleep(0)


async def test_a_change_ends_the_wait_and_is_told() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        tag = await begin_idle(peer)
        await peer.say("* OK still here", "* 10 EXISTS", "* 1 RECENT")
        await end_idle(peer, tag)
        await peer.hang()

    heard: list[object] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        mailbox = await connection.select(b"INBOX")
        assert await connection.idle(heard.append, max_s=60) is IdleEnd.CHANGED
        assert heard == [Exists(10)]
        assert mailbox.exists == 10
        connection.abort()


async def test_what_else_arrives_until_the_server_lets_go_is_told_too() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        tag = await begin_idle(peer)
        await peer.say("* 3 EXPUNGE")
        assert await peer.hear() == b"DONE"
        await peer.say("* 4 FETCH (FLAGS (\\Seen))", "* VANISHED 5:6", f"{tag} OK done")
        await peer.hang()

    heard: list[object] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        await connection.idle(heard.append, max_s=60)
        assert heard == [Expunge(3), Fetched(4, flags=("\\Seen",)), Vanished(NumSet.of([5, 6]))]
        connection.abort()


async def test_nothing_happening_ends_the_wait_in_time() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await idling(peer)
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        assert await connection.idle(ignore, max_s=0.01) is IdleEnd.EXPIRED
        connection.abort()


async def test_silence_is_no_failure_while_idling() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await idling(peer)
        await peer.hang()

    timeouts = dataclasses.replace(QUICK, silence_s=0.05)
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port, timeouts=timeouts)
        await connection.select(b"INBOX")
        assert await connection.idle(ignore, max_s=0.2) is IdleEnd.EXPIRED
        connection.abort()


async def test_a_server_that_never_goes_ahead_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await peer.hang()

    timeouts = dataclasses.replace(QUICK, silence_s=0.1)
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port, timeouts=timeouts)
        await connection.select(b"INBOX")
        with pytest.raises(TimedOut):
            await connection.idle(ignore, max_s=60)
        assert not connection.is_open


async def test_a_server_that_does_not_let_go_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await begin_idle(peer)
        await peer.hang()

    timeouts = dataclasses.replace(QUICK, silence_s=0.1)
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port, timeouts=timeouts)
        await connection.select(b"INBOX")
        with pytest.raises(TimedOut):
            await connection.idle(ignore, max_s=0.01)
        assert not connection.is_open


async def test_a_refusal_says_so_and_leaves_the_connection_usable() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await peer.hear()
        await peer.say("{tag} NO not today")
        await peer.answer()
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        with pytest.raises(CommandRefused, match="not today"):
            await connection.idle(ignore, max_s=60)
        await connection.noop()
        connection.abort()


async def test_a_loss_while_idling_is_raised() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await begin_idle(peer)
        await peer.say("* BYE [UNAVAILABLE] maintenance")

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        with pytest.raises(ConnectionLost) as caught:
            await connection.idle(ignore, max_s=60)
        assert caught.value.code == "UNAVAILABLE"


async def test_a_command_ends_the_wait_and_then_has_its_turn() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await idling(peer)
        assert (await peer.answer()).endswith(b" NOOP")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(connection.idle(ignore, max_s=60))
            await until_heard(hostile, b"IDLE")
            tasks.create_task(connection.noop())
        assert waiting.result() is IdleEnd.STOPPED
        connection.abort()


async def test_done_waits_for_the_go_ahead() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        assert (await peer.hear()).endswith(b" IDLE")
        tag = peer.tag
        await stopped.wait()
        await peer.say("+ idling")
        await end_idle(peer, tag)
        await peer.hang()

    stopped = asyncio.Event()
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(connection.idle(ignore, max_s=60))
            await until_heard(hostile, b"IDLE")
            connection.stop_idle()
            connection.stop_idle()
            stopped.set()
        assert waiting.result() is IdleEnd.STOPPED
        connection.abort()


async def test_many_that_want_the_connection_each_have_their_turn() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer, CAN_IDLE + " NAMESPACE")
        await idling(peer)
        for _ in range(4):
            await peer.answer()
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(connection.idle(ignore, max_s=60))
            await until_heard(hostile, b"IDLE")
            tasks.create_task(connection.noop())
            tasks.create_task(connection.select(b"INBOX"))
            tasks.create_task(connection.namespace())
            tasks.create_task(connection.select(b"Other"))
        connection.abort()


async def test_idling_waits_for_a_command_that_runs() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        assert (await peer.answer()).endswith(b" NOOP")
        await idling(peer)
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(connection.noop())
            await asyncio.sleep(0)
            tasks.create_task(connection.idle(ignore, max_s=0.01))
        connection.abort()


async def test_a_cancelled_wait_leaves_the_connection_usable() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await idling(peer)
        assert (await peer.answer()).endswith(b" NOOP")
        await idling(peer)
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        waiting = asyncio.create_task(connection.idle(ignore, max_s=60))
        await until_heard(hostile, b"IDLE")
        waiting.cancel()
        await asyncio.wait([waiting])
        await connection.noop()
        assert await connection.idle(ignore, max_s=0.01) is IdleEnd.EXPIRED
        connection.abort()


async def test_keeping_alive_leaves_an_idle_connection_alone() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        tag = await begin_idle(peer)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await peer.reader.read(1)
        await peer.say("* 10 EXISTS")
        await end_idle(peer, tag)

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        alive = asyncio.create_task(connection.keep_alive(interval_s=0.01))
        assert await connection.idle(ignore, max_s=60) is IdleEnd.CHANGED
        assert isinstance(await alive, ConnectionLost)


async def test_changes_between_two_waits_are_not_lost() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await peer.answer("* 10 EXISTS")
        await peer.answer("* 1 FETCH (UID 5 FLAGS ())", "* 2 EXPUNGE", "* STATUS x (MESSAGES 1)")
        await idling(peer)
        await peer.hang()

    heard: list[object] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        await connection.noop()
        await connection.uid_fetch_stream(EVERY, ["FLAGS"], ignore)
        assert await connection.idle(heard.append, max_s=60) is IdleEnd.CHANGED
        assert heard == [Exists(10), Expunge(2), MailboxStatus(b"x", messages=1)]
        assert await connection.idle(heard.append, max_s=0.01) is IdleEnd.EXPIRED
        connection.abort()


async def test_changes_of_another_mailbox_are_forgotten_with_it() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await peer.answer("* 10 EXISTS", "* STATUS x (MESSAGES 1)")
        await peer.answer("* OK [CLOSED] x", "* 3 EXISTS")
        await peer.hang()

    heard: list[object] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        await connection.noop()
        await connection.select(b"Other")
        await connection.idle(heard.append, max_s=60)
        assert heard == [MailboxStatus(b"x", messages=1)]
        connection.abort()


async def test_too_many_changes_become_one_word() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await peer.answer(*["* 1 EXPUNGE"] * 5000)
        await peer.hang()

    heard: list[object] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        await connection.noop()
        await connection.idle(heard.append, max_s=60)
        assert heard == [OVERFLOW]
        connection.abort()


async def test_without_idle_it_asks() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer, "IMAP4rev1")
        await peer.answer()
        await peer.answer("* 10 EXISTS")
        await peer.hang()

    heard: list[object] = []
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        assert await connection.idle(heard.append, max_s=0.01) is IdleEnd.CHANGED
        assert heard == [Exists(10)]
        connection.abort()


async def test_asking_can_be_stopped_and_is_spared_when_the_server_speaks_first() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer, "IMAP4rev1")
        await peer.answer()
        await asked.wait()
        await peer.say("* 10 EXISTS")
        await peer.answer()
        await peer.answer()
        await peer.hang()

    asked = asyncio.Event()
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        waiting = asyncio.create_task(connection.idle(ignore, max_s=60))
        await until_heard(hostile, b"NOOP")
        asked.set()
        assert await waiting is IdleEnd.CHANGED
        waiting = asyncio.create_task(connection.idle(ignore, max_s=60))
        await asyncio.sleep(0.05)
        connection.stop_idle()
        assert await waiting is IdleEnd.STOPPED
        connection.abort()


async def test_closing_while_idling_says_goodbye() -> None:
    async def script(peer: Peer) -> None:
        await let_in(peer)
        await idling(peer)
        assert (await peer.hear()).endswith(b" LOGOUT")
        await peer.say("* BYE", "{tag} OK")

    timeouts = dataclasses.replace(QUICK, close_s=5.0)
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port, timeouts=timeouts)
        await connection.select(b"INBOX")
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(connection.idle(ignore, max_s=60))
            await until_heard(hostile, b"IDLE")
            tasks.create_task(connection.close())
        assert waiting.result() is IdleEnd.STOPPED
