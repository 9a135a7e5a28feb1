"""What a command is made of, and how values are spelled so that none can become syntax.

RFC 9051 §4, §9; literals RFC 7888.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from postroad.domain.errors import LocalProtocolError

_ATOM = re.compile(rb"[A-Za-z0-9!#$&'+,\-./:;<=>?@^_`|~]{1,255}")
# Quoted strings are for printable ASCII; all else travels as a literal. RFC 3501 §9.
_QUOTABLE = re.compile(rb"[\x20-\x7e]{0,1000}")
_FLAG = re.compile(r"\\?[A-Za-z0-9!#$&'+,\-./:;<=>?@^_`|~]{1,255}")


@dataclass(frozen=True, slots=True)
class Literal:
    """Octets announced by their number."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LiteralStream:
    """A literal whose octets the transport brings when they are wanted."""

    size: int


Part = bytes | Literal | LiteralStream  # bytes are syntax, already safe


@dataclass(frozen=True, slots=True)
class Command:
    """One command without its tag.

    ``name`` decides where it is allowed and what its completion changes; it is ``UID FETCH`` for
    UID commands. ``parts`` follow the name and begin with a space, if there are any.
    """

    name: str
    parts: tuple[Part, ...] = field(default=(), repr=False)  # may hold a password


def astring(text: bytes) -> Part:
    """Spell octets as atom, quoted string or literal, whichever is safe and shortest.

    Raises :exc:`LocalProtocolError` for NUL, which no string can hold.
    """
    # An atom that reads NIL is a name in this place, yet not every server agrees.
    if _ATOM.fullmatch(text) and text.upper() != b"NIL":
        return text
    return string(text)


def string(text: bytes) -> Part:
    """Spell octets as quoted string or literal. Raises :exc:`LocalProtocolError` for NUL."""
    if _QUOTABLE.fullmatch(text):
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    if b"\x00" in text:
        raise LocalProtocolError("a string cannot contain NUL")
    return Literal(text)


def flag_list(flags: tuple[str, ...]) -> bytes:
    """Spell ``(\\Seen $Forwarded)``. Raises :exc:`LocalProtocolError` for what is no flag."""
    for flag in flags:
        if not _FLAG.fullmatch(flag):
            raise LocalProtocolError(f"not a flag: {flag[:60]!r}")
    return b"(" + " ".join(flags).encode("ascii") + b")"


def joined(*parts: Part) -> tuple[Part, ...]:
    """Join neighbouring octets, so that what can go out at once is one piece."""
    out: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and out and isinstance(out[-1], bytes):
            out[-1] += part
        else:
            out.append(part)
    return tuple(out)
