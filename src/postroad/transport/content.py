"""Message content on its way to a relay: octets of known length, read whole or by the piece.

Reading that fails or ends at another length than was said is a :exc:`RelayFailure` of kind
``STREAM``: ours, and worth another attempt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from postroad.domain.reply import Failure, FailureKind
from postroad.protocol.smtp import RelayFailure


class Octets(Protocol):
    """Message content of known length; ``open`` begins a new reading."""

    @property
    def size(self) -> int: ...

    @property
    def open(self) -> Callable[[], AsyncIterator[bytes]]: ...


async def read_whole(content: Octets) -> bytes:
    """Read small content before anything is said, so that nothing can go wrong in DATA."""
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in content.open():
            pieces.append(piece)
            size += len(piece)
            if size > content.size:
                break
    except OSError as error:
        raise _unreadable(error) from error
    if size != content.size:
        raise cut_short(size, content.size)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def next_piece(pieces: AsyncIterator[bytes]) -> bytes | None:
    """The next piece; ``None`` at the end."""
    try:
        return await anext(pieces)
    except StopAsyncIteration:
        return None
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> RelayFailure:
    words = f"The message content cannot be read: {error.strerror or error}"
    return RelayFailure(Failure(FailureKind.STREAM, words, "DATA"))


def cut_short(got: int, size: int) -> RelayFailure:
    """The failure for content that is not as long as was said."""
    words = f"The message content has {got} octets, {size} were expected"
    return RelayFailure(Failure(FailureKind.STREAM, words, "DATA"))
