"""A scripted SMTP server beside a test that is not a coroutine: it lives in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from support.hostile_smtp import Answer, HostileServer


class _Relay(HostileServer):
    def __init__(self, answers: Mapping[str, Answer | Sequence[Answer]], delay_s: float) -> None:
        super().__init__(answers)
        self.delay_s = delay_s
        self.peers: list[str] = []

    async def _converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.peers.append(writer.get_extra_info("peername")[0])
        await super()._converse(reader, writer)

    async def _answer(self, verb: str, writer: StreamWriter) -> bytes:
        if verb == "." and self.delay_s:
            await asyncio.sleep(self.delay_s)
        return await super()._answer(verb, writer)


class ScriptedRelay:
    """Answers as told, see :class:`HostileServer`; takes ``delay_s`` over each message."""

    def __init__(
        self,
        answers: Mapping[str, Answer | Sequence[Answer]] | None = None,
        *,
        delay_s: float = 0.0,
    ) -> None:
        self._relay = _Relay(answers or {}, delay_s)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def port(self) -> int:
        return self._relay.port

    @property
    def commands(self) -> list[str]:
        """Every line that a client sent outside of contents."""
        return [line.decode("utf-8", "replace") for line in list(self._relay.commands)]

    @property
    def messages(self) -> list[bytes]:
        """Every content that was sent whole, in the order of arrival."""
        return list(self._relay.messages)

    @property
    def peers(self) -> list[str]:
        """Where each connection came from."""
        return list(self._relay.peers)

    def said(self, verb: str) -> list[str]:
        """The lines that begin with ``verb``."""
        return [line for line in self.commands if line.upper().startswith(verb)]

    def change(self, **answers: Answer) -> None:
        """Answer otherwise from now on; ``end`` is the end of the content."""
        for verb, answer in answers.items():
            self._relay._answers["." if verb == "end" else verb] = [answer]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._relay.__aenter__(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._relay.__aexit__(), self._loop).result(10)
        # Connections that a killed client left behind are closed before their loop is.
        asyncio.run_coroutine_threadsafe(_wind_up(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _wind_up() -> None:
    mine = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not mine]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # transports close in the next round of the loop
