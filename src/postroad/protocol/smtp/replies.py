"""Cutting what a server says into whole replies. RFC 5321 §4.2."""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache

from postroad.domain.errors import RemoteProtocolError
from postroad.domain.reply import SmtpReply
from postroad.protocol.wire import shorten

MAX_LINE_BYTES = 4096  # RFC 5321 §4.5.3.1.5 says 512; links in policy refusals are longer
MAX_REPLY_LINES = 256
MAX_REPLY_BYTES = 64 * 1024

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?![^ \t])")


class ReplyParser:
    """Takes reads of any size and gives back replies in order.

    A bare LF ends a line too, and a line may be a code alone; both exist. Anything else that
    does not begin with a reply code, and anything beyond the limits of this module, raises
    :exc:`RemoteProtocolError`, after which the parser is of no more use.
    """

    __slots__ = ("_begun", "_begun_bytes", "_lines", "_rest")

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()  # whole lines, CR still on them
        self._rest = b""  # half a line
        self._begun: list[str] = []  # lines of a reply whose end has not come
        self._begun_bytes = 0

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(lines)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits here, not even half a line."""
        return not (self._lines or self._rest or self._begun)

    def next_reply(self) -> SmtpReply | None:
        """The next whole reply; ``None`` until more is fed."""
        while self._lines:
            line = self._lines.popleft()
            if not self._begun and line[3:4] != b"-":
                return _single(line)
            match = _match(line)
            self._begun.append(_text(match[3] or b""))
            self._begun_bytes += len(line)
            if len(self._begun) > MAX_REPLY_LINES or self._begun_bytes > MAX_REPLY_BYTES:
                raise RemoteProtocolError("The server sent a reply without end")
            if match[2] != b"-":
                # Codes of one reply must not differ; where they do, the last one is meant, as
                # Postfix reads it too.
                reply = _reply(int(match[1]), tuple(self._begun))
                self._begun = []
                self._begun_bytes = 0
                return reply
        if len(self._rest) > MAX_LINE_BYTES:
            raise RemoteProtocolError("The server sent a line without end")
        return None


# A busy relay says the same few lines over and over.
@lru_cache(maxsize=512)
def _single(line: bytes) -> SmtpReply:
    match = _match(line)
    return _reply(int(match[1]), (_text(match[3] or b""),))


def _match(line: bytes) -> re.Match[bytes]:
    if len(line) > MAX_LINE_BYTES:
        raise RemoteProtocolError("The server sent a line without end")
    line = line.removesuffix(b"\r")
    match = _LINE.fullmatch(line)
    if match is None:
        raise RemoteProtocolError(f"Expected an SMTP reply, got: {shorten(line)}")
    return match


def _reply(code: int, lines: tuple[str, ...]) -> SmtpReply:
    enhanced = _ENHANCED.match(lines[0])
    # An enhanced status of another class than the code contradicts it. RFC 2034 §4
    fits = enhanced is not None and int(enhanced[1]) == code // 100
    return SmtpReply(code, lines, enhanced[0] if enhanced is not None and fits else None)


def _text(octets: bytes) -> str:
    """Foreign text made harmless for logs and JSON: UTF-8 where it is, no control characters."""
    text = octets.decode("utf-8", "backslashreplace").rstrip()
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)
