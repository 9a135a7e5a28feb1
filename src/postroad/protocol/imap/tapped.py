"""What a log may show of a session: who said what, without secrets and without contents.

Arguments of LOGIN and AUTHENTICATE and all of a SASL exchange are hidden, also where the server
repeats them. Literals, and every string of a FETCH response but its date, are shown as their size
in octets: ``{1234}``. What does not look like a response may be a piece of a message and is shown
as its size too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

from postroad.domain.account import Login
from postroad.protocol.imap.command import Command, Literal

Tell = Callable[[str, str], None]  # what it is, and one line about it

MAX_CHARS = 2_000  # of a line
_HIDDEN = "***"
_MAX_OCTETS = 4 * MAX_CHARS  # looked at of one piece of syntax; a character has up to four
_SECRET = frozenset({"LOGIN", "AUTHENTICATE"})
_RESPONSE = re.compile(rb"\* |\+|[A-Z0-9]{1,20} (?:OK|NO|BAD)\b", re.IGNORECASE)
_FETCH = re.compile(rb"\* [0-9]{1,20} FETCH\b", re.IGNORECASE)
_LITERAL = re.compile(rb"\{([0-9]{1,20})[+-]?\}$")
_LITERAL_TAIL_BYTES = 24
# A string that is cut off has no end.
_STRING = re.compile(rb'(INTERNALDATE "[^"\\]*")|"((?:[^"\\]|\\.)*)(?:"|\\?$)', re.DOTALL)


class Tap:
    """Hears one session and tells ``tell``; ``login`` is what must never be told."""

    __slots__ = ("_hidden", "_login", "_login_tag", "_tell")

    def __init__(self, tell: Tell, login: Login | None) -> None:
        self._tell = tell
        self._login = login
        self._login_tag: bytes | None = None  # of the login that is under way
        self._hidden: list[str] = []

    def spoke(self, tag: str, command: Command) -> None:
        """A command is on its way."""
        if command.name in _SECRET:
            self._login_tag = tag.encode("ascii")
            self._hidden = [*_spellings(self._login), *_initial_response(command)]
        self._tell("command", spoken(tag, command))

    def answered(self, line: bytes) -> None:
        """A challenge was answered with ``line``."""
        self._hidden.append(line.decode("ascii"))
        self._tell("command", _HIDDEN)

    def stopped_idling(self) -> None:
        self._tell("command", "DONE")

    def heard(self, frame: bytes) -> None:
        """A whole response has come."""
        line = heard(frame)
        if self._login_tag is not None:
            line = self._masked(frame, line)
        self._tell("response", _cut(line))

    def began_tls(self) -> None:
        self._tell("tls", "TLS has begun")

    def ended(self, reason: str) -> None:
        self._tell("end", reason)

    def _masked(self, frame: bytes, line: str) -> str:
        if frame.startswith(b"+"):
            return f"+ {_HIDDEN}"
        for hidden in sorted(self._hidden, key=len, reverse=True):
            if hidden:
                line = line.replace(hidden, _HIDDEN)
        if self._login_tag is not None and frame.startswith(self._login_tag + b" "):
            self._login_tag, self._hidden = None, []
        return line


def spoken(tag: str, command: Command) -> str:
    """One command of ours as a log may show it."""
    line = f"{tag} {command.name}"
    if command.name == "LOGIN":
        return f"{line} {_HIDDEN}"
    if command.name == "AUTHENTICATE":
        return f"{line} {_words(command)[0]} {_HIDDEN}"
    for part in command.parts:
        if isinstance(part, bytes):
            line += part[:_MAX_OCTETS].decode("utf-8", "backslashreplace")
        else:
            size = len(part.data) if isinstance(part, Literal) else part.size
            line += f"{{{size}}}"
        if len(line) > MAX_CHARS:
            break
    return _cut(line)


def heard(frame: bytes) -> str:
    """One response as a log may show it, before it is cut; credentials are not known here."""
    if not _RESPONSE.match(frame):
        return f"{{{len(frame)}}}"
    is_fetch = _FETCH.match(frame) is not None
    line = ""
    for syntax in _syntax(frame):
        octets = syntax[:_MAX_OCTETS]
        if is_fetch:
            octets = _STRING.sub(_size, octets)
        line += octets.decode("utf-8", "backslashreplace")
        if len(line) > _MAX_OCTETS:
            break
    return line


def _syntax(frame: bytes) -> Iterator[bytes]:
    """The pieces between literals."""
    at = 0
    while (end := frame.find(b"\r\n", at)) >= 0:
        yield frame[at:end]
        literal = _LITERAL.search(frame, max(at, end - _LITERAL_TAIL_BYTES), end)
        at = end + 2 + (int(literal[1]) if literal is not None else 0)
    yield frame[at:]


def _size(match: re.Match[bytes]) -> bytes:
    return match[1] or b"{%d}" % len(match[2])


def _words(command: Command) -> list[str]:
    part = command.parts[0]
    return part.decode("ascii").split() if isinstance(part, bytes) else [""]


def _initial_response(command: Command) -> list[str]:
    return _words(command)[1:] if command.name == "AUTHENTICATE" else []


def _spellings(login: Login | None) -> Iterator[str]:
    """How a server may repeat what it was shown."""
    for secret in () if login is None else (login.password, login.access_token):
        if secret is not None:
            plain = secret.reveal()
            yield plain
            yield plain.replace("\\", "\\\\").replace('"', '\\"')
            yield base64.b64encode(plain.encode()).decode("ascii")


def _cut(line: str) -> str:
    return line if len(line) <= MAX_CHARS else f"{line[:MAX_CHARS]}..."
