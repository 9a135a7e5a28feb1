"""Connecting over TCP to whichever address of a name answers first. RFC 8305."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from postroad.domain.reply import FailureKind
from postroad.protocol.wire import ascii_domain
from postroad.transport.dial import DialError

_HEAD_START_S = 0.25  # of one address before the next is tried too. RFC 8305 §5

_Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
_AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, _Address]


async def open_socket(host: str, port: int, *, local_address: str | None) -> socket.socket:
    """Connect to the first address of ``host`` that answers; families take turns.

    Raises :exc:`DialError` for names that do not resolve and :exc:`OSError` for the rest.
    """
    loop = asyncio.get_running_loop()
    found = await _resolve(loop, host, port)
    local: Sequence[_AddressInfo] = ()
    if local_address is not None:
        local = await loop.getaddrinfo(
            local_address, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        families = {info[0] for info in local}
        found = [info for info in found if info[0] in families]
    if not found:
        raise DialError(FailureKind.DNS, f"{host} has no address that can be reached from here")
    bind = {info[0]: info[4] for info in local}
    if len(found) == 1:
        sock = await _open(loop, found[0], bind)
    else:
        sock = await _race(loop, _interleave(found), bind)
    # Hours of silence are normal on a watching connection; this finds peers that are gone.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


async def _resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> Sequence[_AddressInfo]:
    try:
        return await loop.getaddrinfo(ascii_domain(host), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, ValueError) as error:  # UnicodeError is a ValueError
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise DialError(FailureKind.DNS, f"Cannot resolve {host}: {words}") from error


def _interleave(found: Sequence[_AddressInfo]) -> list[_AddressInfo]:
    """Let the families take turns, beginning with the one that the resolver prefers."""
    first = [info for info in found if info[0] == found[0][0]]
    other = [info for info in found if info[0] != found[0][0]]
    mixed = [info for pair in zip(first, other, strict=False) for info in pair]
    return [*mixed, *first[len(other) :], *other[len(first) :]]


async def _race(
    loop: asyncio.AbstractEventLoop,
    addresses: list[_AddressInfo],
    bind: dict[socket.AddressFamily, _Address],
) -> socket.socket:
    winner: socket.socket | None = None
    failures: list[OSError] = []

    async def run(info: _AddressInfo) -> None:
        nonlocal winner
        try:
            sock = await _open(loop, info, bind)
        except OSError as error:
            failures.append(error)
            return
        if winner is None:
            winner = sock
        else:
            sock.close()

    try:
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[None]] = set()
            waiting = list(reversed(addresses))
            while winner is None and (waiting or running):
                if waiting:
                    running.add(group.create_task(run(waiting.pop())))
                _, running = await asyncio.wait(
                    running,
                    timeout=_HEAD_START_S if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            for task in running:
                task.cancel()
    except BaseException:
        if winner is not None:
            winner.close()
        raise
    if winner is None:
        raise failures[0]
    return winner


async def _open(
    loop: asyncio.AbstractEventLoop,
    info: _AddressInfo,
    bind: dict[socket.AddressFamily, _Address],
) -> socket.socket:
    family, kind, proto, _, address = info
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        if family in bind:
            sock.bind(bind[family])
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
