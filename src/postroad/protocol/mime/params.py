"""Parameters of Content-Type and Content-Disposition. RFC 2045 §5.1, RFC 2231.

Plain values stay plain; what is beyond ASCII is percent-encoded UTF-8 with its charset, and what
is long goes in numbered sections, so that no line passes 76 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from postroad.protocol.mime.fold import WIDTH

_TOKEN = re.compile(r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+")
_QUOTABLE = re.compile(r"[ -~]*")
# RFC 2231 §7 attribute-char, without the apostrophe and percent that have a meaning here.
_ATTRIBUTE_SAFE = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~"
)
_PARAMETER = re.compile(r';\s{0,20}([^\s=;"]{1,100})\s{0,20}=\s{0,20}("(?:[^"\\]|\\.)*"|[^;"]*)')
_PAIR = re.compile(r"\\(.)", re.S)


def is_token(text: str) -> bool:
    """Whether ``text`` may stand unquoted. RFC 2045 §5.1."""
    return _TOKEN.fullmatch(text) is not None


def format_parameter(name: str, value: str) -> list[str]:
    """One parameter as the pieces that go between semicolons, each short enough for a line.

    ``value`` must hold no line break, NUL or lone surrogate. Linear in its length.
    """
    if _QUOTABLE.fullmatch(value) and "=?" not in value:
        quoted = value if _TOKEN.fullmatch(value) else _quote(value)
        if len(name) + 1 + len(quoted) < WIDTH - 2:
            return [f"{name}={quoted}"]
        return _sections(name, "", (_escape(char) for char in value), '"', '"')
    encoded = [_percent(char) for char in value]
    whole = f"{name}*=utf-8''{''.join(encoded)}"
    if len(whole) < WIDTH - 2:
        return [whole]
    return _sections(f"{name}", "utf-8''", encoded, "", "", mark="*")


def format_parameters(start: str, pieces: Iterable[str]) -> str:
    """A whole field with CRLF: ``start`` is the name and value, ``pieces`` its parameters."""
    out = [start]
    column = len(start)
    for piece in pieces:
        if column + 3 + len(piece) > WIDTH:
            out.append(f";\r\n {piece}")
            column = 1 + len(piece)
        else:
            out.append(f"; {piece}")
            column += 2 + len(piece)
    out.append("\r\n")
    return "".join(out)


def parse_type(value: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Read a media type with plain parameters; ``None`` when it is none.

    The type comes in lower case, parameter names too; values are unquoted.
    """
    head, semicolon, rest = value.partition(";")
    kind = head.strip().lower()
    main, slash, sub = kind.partition("/")
    if not slash or not is_token(main) or not is_token(sub):
        return None
    parameters: list[tuple[str, str]] = []
    for match in _PARAMETER.finditer(semicolon + rest):
        text = match[2].strip()
        if text.startswith('"'):
            text = _PAIR.sub(r"\1", text[1:-1])
        if is_token(match[1]):
            parameters.append((match[1].lower(), text))
    return kind, parameters


def _sections(
    name: str, start: str, chars: Iterable[str], before: str, after: str, mark: str = ""
) -> list[str]:
    """Numbered sections of a value that is too long for one line. RFC 2231 §3, §4.1."""
    pieces: list[str] = []
    current: list[str] = [start]
    room = WIDTH - 4 - len(name) - 12  # for the star, the number, quotes and the semicolon
    left = room - len(start)
    for char in chars:
        if len(char) > left:
            pieces.append(f"{name}*{len(pieces)}{mark}={before}{''.join(current)}{after}")
            current, left = [], room
        current.append(char)
        left -= len(char)
    pieces.append(f"{name}*{len(pieces)}{mark}={before}{''.join(current)}{after}")
    return pieces


def _quote(value: str) -> str:
    return f'"{"".join(map(_escape, value))}"'


def _escape(char: str) -> str:
    return "\\" + char if char in '"\\' else char


def _percent(char: str) -> str:
    if char in _ATTRIBUTE_SAFE:
        return char
    return "".join(f"%{octet:02X}" for octet in char.encode())
