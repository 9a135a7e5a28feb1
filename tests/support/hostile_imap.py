"""A server that does whatever a test wants, for finding out what the client does then.

A script is a coroutine over a :class:`Peer`; each connection plays it once. ``{tag}`` in what is
said becomes the tag of the last command that was read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from postroad.domain.account import ImapSettings, Login, TlsOptions
from postroad.domain.secret import Secret
from postroad.transport.imap import ImapConnection, ImapTimeouts

READ_S = 10.0
QUICK = ImapTimeouts(connect_s=5.0, open_s=5.0, silence_s=5.0, command_s=5.0, close_s=0.05)
PASSWORD = Login("me", Secret("pass word"))


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.tag = "A0"
        self.heard: list[bytes] = []

    async def say(self, *lines: str) -> None:
        for line in lines:
            self.writer.write(line.replace("{tag}", self.tag).encode() + b"\r\n")
        await self.writer.drain()

    async def say_octets(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """The next line, without its end. The first word becomes the tag."""
        async with asyncio.timeout(READ_S):
            line = (await self.reader.readuntil(b"\r\n"))[:-2]
        self.heard.append(line)
        self.tag = line.split(b" ", 1)[0].decode("latin-1")
        return line

    async def hear_octets(self, count: int) -> bytes:
        async with asyncio.timeout(READ_S):
            return await self.reader.readexactly(count)

    async def log_in(self, capabilities: str = "IMAP4rev1") -> None:
        """Greet, and let the client in whatever it says."""
        await self.say(f"* OK [CAPABILITY {capabilities}] hello")
        await self.hear()
        await self.say(f"{{tag}} OK [CAPABILITY {capabilities}] in")

    async def answer(self, *lines: str) -> bytes:
        """Hear a command, say lines, complete it."""
        command = await self.hear()
        await self.say(*lines, "{tag} OK done")
        return command

    async def hang(self) -> None:
        """Say nothing more until the client goes."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Peer], Awaitable[None]]


class HostileImap:
    """Listens on a port of 127.0.0.1. ``peers`` has every connection so far."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts  # one a connection; the last one serves all others
        self.peers: list[Peer] = []
        self.failures: list[BaseException] = []
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        script = self._scripts[min(len(self.peers), len(self._scripts) - 1)]
        self.peers.append(peer)
        try:
            await script(peer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went; that is its right
        except BaseException as error:
            self.failures.append(error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def hostile_imap(*scripts: Script) -> AsyncIterator[HostileImap]:
    """Run a server for a while; a script that failed fails the test."""
    hostile = HostileImap(*scripts)
    server = await asyncio.start_server(hostile._serve, "127.0.0.1", 0)
    hostile.port = server.sockets[0].getsockname()[1]
    try:
        yield hostile
    finally:
        server.close()
        for peer in hostile.peers:
            peer.writer.close()
        await server.wait_closed()
    if hostile.failures:
        raise hostile.failures[0]


def settings(port: int, login: Login | None = PASSWORD) -> ImapSettings:
    return ImapSettings("127.0.0.1", port, login=login, tls=TlsOptions(verify=False))


async def opened(
    port: int, *, login: Login | None = PASSWORD, timeouts: ImapTimeouts = QUICK
) -> ImapConnection:
    """A connection of ours to the server on ``port``."""
    return await ImapConnection.open(settings(port, login), timeouts=timeouts)


class OctetsOf:
    """Content in pieces of a thousand octets; ``size`` may lie."""

    def __init__(self, data: bytes, *, size: int | None = None) -> None:
        self._data = data
        self.size = len(data) if size is None else size

    async def open(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._data), 1000):
            yield self._data[at : at + 1000]
