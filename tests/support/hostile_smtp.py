"""An SMTP server that does what it is told to do wrong, for faults that real servers hide."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Mapping, Sequence
from enum import Enum, auto

ENDLESS_BYTES = 4 * 1024 * 1024  # how much of an endless line is really sent


class Fault(Enum):
    """What a server may do instead of an answer."""

    HANG = auto()
    DROP = auto()  # closes in good order
    RESET = auto()
    HALF_LINE = auto()  # then closes
    ENDLESS_LINE = auto()
    ENDLESS_REPLY = auto()
    GARBAGE = auto()
    FAREWELL = auto()  # 421 and closes
    TWICE = auto()  # answers, and again
    WRONG_WAY = auto()  # 334, which only AUTH may be answered with


Answer = bytes | Fault

_GOOD: dict[str, Answer] = {
    "CONN": b"220 hostile.example ESMTP\r\n",
    "EHLO": b"250-hostile.example\r\n250-PIPELINING\r\n250-SIZE\r\n250 AUTH PLAIN LOGIN\r\n",
    "HELO": b"250 hostile.example\r\n",
    "STARTTLS": b"220 go on\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "RSET": b"250 2.0.0 reset\r\n",
    "NOOP": b"250 2.0.0 nothing\r\n",
    "MAIL": b"250 2.1.0 sender ok\r\n",
    "RCPT": b"250 2.1.5 recipient ok\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 2.0.0 taken\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}


class HostileServer:
    """Answers each verb from ``answers``: one answer, or a list used up in order whose last
    one stays. ``"."`` is the end of the content, ``CONN`` the greeting.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer | Sequence[Answer]] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
    ) -> None:
        self._answers: dict[str, list[Answer]] = {
            verb: [answer] if isinstance(answer, bytes | Fault) else list(answer)
            for verb, answer in {**_GOOD, **(answers or {})}.items()
        }
        self._tls = tls
        self._implicit_tls = implicit_tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.commands: list[bytes] = []  # without line ends
        self.messages: list[bytes] = []  # as on the wire, without the final dot
        self.connections = 0
        self.ended = asyncio.Event()  # some connection has come to its end

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> HostileServer:
        self._server = await asyncio.start_server(
            self._serve,
            "127.0.0.1",
            0,
            limit=1 << 20,
            ssl=self._tls if self._implicit_tls else None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (OSError, EOFError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            # Swallowed: streams in 3.11 log a cancelled handler as an error.
            pass
        finally:
            self._tasks.discard(task)
            self.ended.set()
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer("CONN", writer)
        while True:
            line = (await reader.readuntil(b"\n")).rstrip(b"\r\n")
            self.commands.append(line)
            verb = line.split(b" ")[0].decode("latin-1").upper()
            answer = await self._answer(verb, writer)
            if verb == "DATA" and answer.startswith(b"354"):
                content = await reader.readuntil(b".\r\n")
                while not (content == b".\r\n" or content.endswith(b"\r\n.\r\n")):
                    content += await reader.readuntil(b".\r\n")
                self.messages.append(content[:-3])
                await self._answer(".", writer)
            elif verb == "STARTTLS" and self._tls is not None and answer.startswith(b"220"):
                await writer.start_tls(self._tls)
            elif verb == "QUIT":
                return

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> bytes:
        answers = self._answers.get(verb, [b"502 5.5.1 what?\r\n"])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        good = _GOOD.get(verb, b"250 ok\r\n")
        assert isinstance(good, bytes)
        match answer:
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.DROP:
                raise EOFError
            case Fault.RESET:
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                raise ConnectionResetError
            case Fault.HALF_LINE:
                writer.write(b"250-hal")
                raise EOFError
            case Fault.ENDLESS_LINE:
                for _ in range(ENDLESS_BYTES // 65536):
                    writer.write(b"2" * 65536)
                    await writer.drain()
                await asyncio.Event().wait()
            case Fault.ENDLESS_REPLY:
                for _ in range(ENDLESS_BYTES // 64000):
                    writer.write(b"250-more\r\n" * 6400)
                    await writer.drain()
                await asyncio.Event().wait()
            case Fault.GARBAGE:
                writer.write(b"\x00\xff<html>SMTP?</html>\r\n\r\n")
                return b""
            case Fault.FAREWELL:
                writer.write(b"421 4.3.2 shutting down\r\n")
                raise EOFError
            case Fault.TWICE:
                writer.write(good + good)
                return good
            case Fault.WRONG_WAY:
                writer.write(b"334 \r\n")
                return b"334"
            case bytes():
                writer.write(answer)
                return answer
        return b""
