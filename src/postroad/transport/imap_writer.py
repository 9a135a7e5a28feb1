"""From what a session wants to say to what goes out."""

from __future__ import annotations

from collections.abc import Callable

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.imap.events import StreamWanted
from postroad.protocol.imap.session import ImapSession
from postroad.transport.imap_running import Content
from postroad.transport.stream import Stream

_WRITE_BYTES = 64 * 1024


class Writer:
    """Writes the output of ``session`` to ``stream``, in as few pieces as can be."""

    __slots__ = ("_session", "_stream")

    def __init__(self, stream: Stream, session: ImapSession) -> None:
        self._stream = stream
        self._session = session

    def flush(self) -> StreamWanted | None:
        """Write what can be written now; tell if octets of a stream are wanted first."""
        pieces: list[bytes] = []
        while (output := self._session.next_output()) is not None:
            if isinstance(output, StreamWanted):
                break
            pieces.append(output)
        if pieces:
            self._stream.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        return output

    async def stream(self, content: Content, size: int, moved: Callable[[], None]) -> None:
        """Send the octets of one streamed literal, ``moved`` being told of each piece.

        Raises :exc:`LocalProtocolError` when the content is not as long as was said.
        """
        pieces = content.open()
        try:
            async for piece in pieces:
                for start in range(0, len(piece), _WRITE_BYTES):
                    part = piece[start : start + _WRITE_BYTES]
                    size -= len(part)
                    self._stream.write(self._session.literal_octets(part))
                    await self._stream.drain()
                    moved()
        finally:
            aclose = getattr(pieces, "aclose", None)
            if aclose is not None:
                await aclose()
        if size:
            raise LocalProtocolError(f"the content ended {size} octets early")
