"""Moving the octets of messages in and out, outside of units and never whole when large."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import chain
from typing import Protocol

from postroad.domain.errors import NotFound, Unavailable
from postroad.domain.submission import Content
from postroad.store.backend import Backend, Unit
from postroad.store.contents import (
    CHUNK_BYTES,
    INLINE_MAX,
    Staged,
    content_ids_before,
    new_content_id,
)
from postroad.store.spill import SpillDirectory

ORPHAN_AGE_MS = 3_600_000  # longer than any request lives
_SWEEP_BATCH = 500


class LargeOctets(Protocol):
    """Where octets lie that are too many for a row."""

    async def put(
        self, content_id: str, pieces: Iterable[bytes] | AsyncIterable[bytes]
    ) -> tuple[str | None, int]:
        """Store them durably; name of the file, if there is one, and size."""
        ...

    def get(self, content_id: str, spill: str | None) -> AsyncIterator[bytes]: ...

    async def sweep(self) -> int: ...


class Files:
    """Large octets in files beside the database."""

    def __init__(self, backend: Backend, directory: SpillDirectory) -> None:
        self._backend = backend
        self._directory = directory

    async def put(
        self, content_id: str, pieces: Iterable[bytes] | AsyncIterable[bytes]
    ) -> tuple[str | None, int]:
        try:
            if isinstance(pieces, AsyncIterable):
                return await self._put_slowly(content_id, pieces)
            return await asyncio.to_thread(self._put, content_id, pieces)
        except OSError as error:
            raise Unavailable(
                "The message store cannot write just now", info={"reason": str(error)}
            ) from error

    async def get(self, content_id: str, spill: str | None) -> AsyncIterator[bytes]:
        if spill is None:
            raise NotFound("The message content is gone")
        pieces = self._directory.read(spill)
        try:
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece
        except FileNotFoundError as error:
            raise NotFound("The message content is gone") from error
        finally:
            pieces.close()

    async def sweep(self) -> int:
        old = await asyncio.to_thread(
            lambda: list(self._directory.list_older(ORPHAN_AGE_MS / 1000))
        )
        swept = 0
        for start in range(0, len(old), _SWEEP_BATCH):
            names = dict(old[start : start + _SWEEP_BATCH])
            ids = list(names)
            for content_id in await self._backend.read(_missing(ids)):
                await asyncio.to_thread(self._directory.remove, names[content_id])
                swept += 1
        return swept

    def _put(self, content_id: str, pieces: Iterable[bytes]) -> tuple[str | None, int]:
        file = self._directory.create(content_id)
        size = 0
        try:
            for piece in pieces:
                file.write(piece)
                size += len(piece)
            file.finish()
        except BaseException:
            file.abandon()
            raise
        return file.name, size

    async def _put_slowly(
        self, content_id: str, pieces: AsyncIterable[bytes]
    ) -> tuple[str | None, int]:
        file = await asyncio.to_thread(self._directory.create, content_id)
        size = 0
        try:
            async for chunk in _in_chunks(pieces):
                await asyncio.to_thread(file.write, chunk)
                size += len(chunk)
            await asyncio.to_thread(file.finish)
        except BaseException:
            file.abandon()
            raise
        return file.name, size


class Chunks:
    """Large octets in rows of their own."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def put(
        self, content_id: str, pieces: Iterable[bytes] | AsyncIterable[bytes]
    ) -> tuple[str | None, int]:
        size, n = 0, 0
        source = pieces if isinstance(pieces, AsyncIterable) else _slowly(pieces)
        async for chunk in _in_chunks(source):
            await self._backend.write(_insert_chunk(content_id, n, chunk))
            size, n = size + len(chunk), n + 1
        return None, size

    async def get(self, content_id: str, spill: str | None) -> AsyncIterator[bytes]:
        n = 0
        while True:
            chunk = await self._backend.read(_find_chunk(content_id, n), quick=True)
            if chunk is None:
                break
            yield chunk
            n += 1
        if n == 0:
            raise NotFound("The message content is gone")

    async def sweep(self) -> int:
        older_than = content_ids_before(self._backend.now() - ORPHAN_AGE_MS)
        swept = 0
        while found := await self._backend.write(
            lambda tx: tx.contents.sweep_chunks(older_than=older_than)
        ):
            swept += found
        return swept


async def stage(
    backend: Backend,
    large: LargeOctets,
    pieces: Iterable[bytes] | AsyncIterable[bytes],
    bcc_start: int,
    bcc_end: int,
) -> Staged:
    """See ``Store.stage``."""
    content_id = new_content_id(backend.now())
    head: list[bytes] = []
    size = 0
    rest: Iterable[bytes] | AsyncIterable[bytes]
    if isinstance(pieces, AsyncIterable):
        source = aiter(pieces)
        async for piece in source:
            head.append(piece)
            if (size := size + len(piece)) > INLINE_MAX:
                break
        rest = _joined(head, source)
    else:
        iterator: Iterator[bytes] = iter(pieces)
        for piece in iterator:
            head.append(piece)
            if (size := size + len(piece)) > INLINE_MAX:
                break
        rest = chain(head, iterator)
    if size <= INLINE_MAX:
        data = head[0] if len(head) == 1 else b"".join(head)
        return Staged(Content(content_id, size, bcc_start, bcc_end), data)
    spill, size = await large.put(content_id, rest)
    return Staged(Content(content_id, size, bcc_start, bcc_end), None, spill)


async def read(
    backend: Backend,
    large: LargeOctets,
    content: Content,
    recent: bytes | None,
    *,
    skip_bcc: bool,
) -> AsyncIterator[bytes]:
    """See ``Store.open_content``. ``recent`` are the octets, where they are at hand."""
    content_id = content.content_id
    data, spill = recent, None
    if data is None:
        found = await backend.read(lambda tx: tx.contents.find_inline(content_id), quick=True)
        if found is None:
            raise NotFound("The message content is gone")
        data, spill = found
    start, end = (content.bcc_start, content.bcc_end) if skip_bcc else (0, 0)
    if data is not None:
        yield data if start == end else data[:start] + data[end:]
        return
    at = 0
    async for piece in large.get(content_id, spill):
        for kept in cut(piece, start - at, end - at):
            yield kept
        at += len(piece)


def cut(piece: bytes, start: int, end: int) -> Iterator[bytes]:
    """What of ``piece`` lies outside of a span, which may begin before it and end behind it."""
    if start >= end or end <= 0 or start >= len(piece):
        yield piece
        return
    if start > 0:
        yield piece[:start]
    if end < len(piece):
        yield piece[end:]


async def _in_chunks(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same octets in pieces of exactly :data:`CHUNK_BYTES`, the last one shorter."""
    buffer = bytearray()
    async for piece in pieces:
        for start in range(0, len(piece), CHUNK_BYTES):
            buffer += piece[start : start + CHUNK_BYTES]
            if len(buffer) >= CHUNK_BYTES:
                yield bytes(buffer[:CHUNK_BYTES])
                del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)


async def _joined(head: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in head:
        yield piece
    async for piece in rest:
        yield piece


async def _slowly(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _missing(content_ids: list[str]) -> Unit[set[str]]:
    return lambda tx: tx.contents.missing(content_ids)


def _insert_chunk(content_id: str, n: int, chunk: bytes) -> Unit[None]:
    return lambda tx: tx.contents.insert_chunk(content_id, n, chunk)


def _find_chunk(content_id: str, n: int) -> Unit[bytes | None]:
    return lambda tx: tx.contents.find_chunk(content_id, n)
