"""A hostile server costs its own connection, bounded memory, and leaves words that say why."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from postroad.domain.errors import PostroadError
from postroad.protocol.imap.numset import EVERY, NumSet
from postroad.transport.imap import ImapConnection, ImapTimeouts, QresyncParams
from support.hostile_imap import Peer, hostile_imap, opened

MIB = 1024 * 1024
CAPABILITIES = "IMAP4rev1 IDLE ENABLE QRESYNC LIST-EXTENDED LIST-STATUS QUOTA NAMESPACE"

SHORT = ImapTimeouts(connect_s=5.0, open_s=5.0, silence_s=0.6, command_s=0.6, close_s=0.05)

Act = Callable[[ImapConnection], Awaitable[object]]


def ignore(change: object) -> None:
    pass


async def drain(connection: ImapConnection) -> None:
    _, pieces = await connection.fetch_body(1, "")
    async for _ in pieces:
        pass


ACTS: dict[str, Act] = {
    "noop": lambda c: c.noop(),
    "list": lambda c: c.list_mailboxes(),
    "select": lambda c: c.select(b"x", qresync=QresyncParams(1, 1)),
    "stream": lambda c: c.uid_fetch_stream(EVERY, ["UID", "FLAGS"], ignore),
    "fetch": lambda c: c.uid_fetch(NumSet.of([1]), ["ENVELOPE"]),
    "body": drain,
    "search": lambda c: c.uid_search(["ALL"]),
    "status": lambda c: c.status_all(["MESSAGES"]),
    "idle": lambda c: c.idle(ignore, max_s=60),
    "move": lambda c: c.uid_move(NumSet.of([1]), b"x"),
}

# What is said to any command, again and again.
DEEDS: dict[str, bytes] = {
    "a giant literal": b"* 1 FETCH (UID 1 BODY[] {4000000000}\r\n" + b"x" * MIB,
    "a literal beyond all numbers": b"* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\n",
    "an endless line": b"x" * MIB,
    "nested lists": b"* 1 FETCH (X " + b"(" * 100_000 + b"\r\n",
    "nested lists that close": b"* 1 FETCH (X " + b"(" * 100_000 + b")" * 100_000 + b")\r\n",
    "zeroes": b"\x00" * 1000 + b"\r\n",
    "wrong tags": b"A999 OK done\r\n",
    "a go-ahead for nothing": b"+ go\r\n+ go\r\n",
    "goodbye": b"* BYE [UNAVAILABLE] enough\r\n",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a preauth": b"* PREAUTH in again\r\n",
    "quotes without end": b"* OK [X " + b'"a" ' * 50_000 + b"\r\n* BYE x\r\n",
    "numbers without end": b"* SEARCH" + b" 1" * 500_000 + b" x\r\n",
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("deed", DEEDS)
async def test_a_deed_costs_the_connection_and_says_why(act: str, deed: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.log_in(CAPABILITIES)
        await peer.answer("* 9 EXISTS", "* OK [UIDVALIDITY 1] x")
        await peer.hear()
        while not peer.writer.is_closing():
            await peer.say_octets(DEEDS[deed])
            await asyncio.sleep(0)

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        await connection.select(b"INBOX")
        with pytest.raises(PostroadError) as caught:
            await ACTS[act](connection)
        assert not connection.is_open
        assert 10 < len(caught.value.message) < 300
        assert caught.value.message.isprintable()


FLOODS: dict[str, tuple[str, bytes]] = {
    "expunges": ("noop", b"* 1 EXPUNGE\r\n"),
    "rows": ("stream", b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"),
    "rows of others": ("fetch", b"* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n"),
    "mailboxes": ("list", b'* LIST () "/" "' + b"m" * 40 + b'"\r\n'),
    "ranges": ("stream", b"* VANISHED (EARLIER) 1" + b",3" * 50 + b"\r\n"),
    "statuses": ("status", b"* STATUS x (MESSAGES 1)\r\n"),
    "found": ("search", b"* SEARCH" + b" 12345678" * 1000 + b"\r\n"),
    "capabilities": ("noop", b"* CAPABILITY" + b" X" * 1000 + b"\r\n"),
    "signs of life": ("noop", b"* OK still here\r\n"),
    "nonsense": ("noop", b"* NONSENSE (((\r\n"),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_fills_no_memory(flood: str) -> None:
    act, line = FLOODS[flood]
    piece = line * (64 * 1024 // len(line))

    async def script(peer: Peer) -> None:
        await peer.log_in(CAPABILITIES)
        await peer.answer("* 9 EXISTS", "* OK [UIDVALIDITY 1] x")
        await peer.hear()
        for _ in range(24 * MIB // len(piece)):
            if peer.writer.is_closing():
                return
            await peer.say_octets(piece)

    # A flood is met slowly, so most end by the clock; the connection goes with it.
    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port, timeouts=SHORT)
        await connection.select(b"INBOX")
        tracemalloc.start()
        try:
            with pytest.raises(PostroadError):
                await ACTS[act](connection)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert not connection.is_open
        assert peak < 64 * MIB


@pytest.mark.parametrize(
    "first",
    [
        b"* 3 EXISTS\r\n",
        b"A1 OK early\r\n",
        b"+ go\r\n",
        b"\x00\x01\x02\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"* OK " + b"x" * 70_000,
        b"(" * 70_000,
        b"",
    ],
)
async def test_before_the_login_little_is_listened_to(first: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.say_octets(first)

    async with hostile_imap(script) as hostile:
        with pytest.raises(PostroadError) as caught:
            await opened(hostile.port)
        assert caught.value.message.isprintable()


@pytest.mark.parametrize("at", range(0, 340, 23))
async def test_goodbye_at_any_moment_is_understood(at: int) -> None:
    """The same session, cut after so many octets of what the server says."""
    said = 0

    async def script(peer: Peer) -> None:
        nonlocal said

        async def say(*lines: str) -> None:
            nonlocal said
            for line in lines:
                octets = line.replace("{tag}", peer.tag).encode() + b"\r\n"
                if said + len(octets) > at:
                    await peer.say_octets(octets[: at - said] + b"\r\n* BYE enough\r\n")
                    raise ConnectionResetError
                said += len(octets)
                await peer.say_octets(octets)

        await say(f"* OK [CAPABILITY {CAPABILITIES}] hello")
        await peer.hear()
        await say(f"{{tag}} OK [CAPABILITY {CAPABILITIES}] in")
        await peer.hear()
        await say("* 9 EXISTS", "* OK [UIDVALIDITY 1] x", "{tag} OK [READ-WRITE] done")
        await peer.hear()
        await say("* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())", "{tag} OK done")
        await peer.hear()
        await say("+ idling", "* 10 EXISTS")
        await peer.hang()

    async def session(port: int) -> None:
        connection = await opened(port)
        await connection.select(b"INBOX")
        await connection.uid_fetch_stream(EVERY, ["UID", "FLAGS"], ignore)
        while True:
            await connection.idle(ignore, max_s=60)

    async with hostile_imap(script) as hostile:
        with pytest.raises(PostroadError):
            await session(hostile.port)


async def test_names_that_try_to_be_commands_stay_names() -> None:
    name = 'a"\\\r\nA9 DELETE INBOX\r\n\x01\x7f'

    async def script(peer: Peer) -> None:
        await peer.log_in("IMAP4rev1 LITERAL+")
        octets = name.encode()
        await peer.hear()
        await peer.say_octets(b'* LIST () "/" {%d}\r\n' % len(octets) + octets + b"\r\n")
        await peer.say("{tag} OK done")
        await peer.answer()
        assert (await peer.hear()).endswith(b" SELECT {%d+}" % len(octets))
        assert await peer.hear_octets(len(octets) + 2) == octets + b"\r\n"
        await peer.say("A4 OK done")
        await peer.hang()

    async with hostile_imap(script) as hostile:
        connection = await opened(hostile.port)
        (entry,) = (await connection.list_mailboxes()).entries
        assert entry.path == name
        await connection.select(entry.wire_name)
        connection.abort()
