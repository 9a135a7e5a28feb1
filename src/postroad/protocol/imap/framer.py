"""Where one response ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postroad.domain.errors import RemoteProtocolError

DEFAULT_MAX_SIZE = 16 * 1024 * 1024

# "{12}" and the forms servers are not meant to send but do: "{12+}", "~{12}".
_LITERAL = re.compile(rb"\{([0-9]{1,20})[+-]?\}$")
_LITERAL_TAIL_BYTES = 24
_BRACE = ord("}")
# The text of a status response and of a continuation is free and has no literals (RFC 9051 §9
# resp-text), so one that happens to end in "{5}" does not announce five octets.
_FREE_TEXT = re.compile(rb"\+|[^ \r\n]{1,64} (?:OK|NO|BAD|BYE|PREAUTH) ", re.IGNORECASE)


class ResponseFramer:
    """Cut a byte stream into whole IMAP responses, before any grammar is applied.

    Feed it reads of any size; iterate to take complete responses, without their final CRLF. A
    malformed response can then be dropped without losing the place in the stream.

    ``max_size`` bounds one response in bytes, literals included; beyond it iteration
    raises :exc:`RemoteProtocolError`, and the stream is lost. RFC 9051 §2.2.2, §4.3.
    """

    __slots__ = ("_buffer", "_line", "_ready", "_scan", "max_size")

    def __init__(self, max_size: int = DEFAULT_MAX_SIZE) -> None:
        self.max_size = max_size
        self._buffer = bytearray()
        self._scan = 0  # nothing before it can end the line that is being read
        self._line = 0  # where the current line of the response begins
        self._ready: list[bytes] = []  # whole responses, the next one last

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def pending(self) -> int:
        """Octets fed and not yet taken."""
        return len(self._buffer) + sum(len(frame) + 2 for frame in self._ready)

    def take_rest(self) -> bytes:
        """Give up what is buffered; for a change of layer (COMPRESS) right after a response."""
        rest = b"".join(frame + b"\r\n" for frame in reversed(self._ready)) + self._buffer
        self._ready.clear()
        self._buffer.clear()
        self._scan = self._line = 0
        return rest

    def __iter__(self) -> Iterator[bytes]:
        self._split()
        while self._ready:
            yield self._ready.pop()
        while (end := self._find_end()) is not None:
            with memoryview(self._buffer) as view:
                frame = bytes(view[:end])
            del self._buffer[: end + 2]
            self._scan = self._line = 0
            yield frame

    def _split(self) -> None:
        """Cut all that is there at once, when no literal can begin in it."""
        buffer = self._buffer
        scan = self._scan
        # What was scanned before holds no line end, so a long line costs no more than once.
        if self._line or self._ready or buffer.find(b"\r\n", scan) < 0:
            return
        if buffer.find(b"}\r\n", max(0, scan - 1)) >= 0:
            return
        frames = buffer.split(b"\r\n")
        rest = frames.pop()
        self._check_size(max(map(len, frames)))
        self._check_size(len(rest))
        frames.reverse()
        self._ready = [bytes(frame) for frame in frames]
        self._buffer = rest
        self._scan = max(0, len(rest) - 1)

    def _find_end(self) -> int | None:
        """The position of the CRLF that ends the response; ``None`` until it has arrived."""
        buffer = self._buffer
        while True:
            end = buffer.find(b"\r\n", self._scan)
            if end < 0:
                # A literal still to come is awaited at its end, so it is scanned once.
                self._scan = max(self._scan, len(buffer) - 1)
                self._check_size(len(buffer))
                return None
            tail = max(self._line, end - _LITERAL_TAIL_BYTES)
            literal = None
            if end > tail and buffer[end - 1] == _BRACE:
                literal = _LITERAL.search(bytes(buffer[tail:end]))
            if literal is None or (self._line == 0 and _FREE_TEXT.match(buffer)):
                self._check_size(end)
                return end
            self._line = end + 2 + int(literal[1])
            self._check_size(self._line)
            self._scan = self._line

    def _check_size(self, size: int) -> None:
        if size > self.max_size:
            raise RemoteProtocolError(f"response is larger than {self.max_size} bytes")
