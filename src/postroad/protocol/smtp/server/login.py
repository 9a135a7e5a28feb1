"""AUTH from the server's side: PLAIN and LOGIN. RFC 4954, RFC 4616.

An exchange is a generator: it yields challenges, takes responses, both without base64, and
returns user and password.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Final

from postroad.protocol.smtp.server.replies import (
    BAD_ENCODING,
    BAD_LOGIN,
    BAD_SYNTAX,
    CANCELLED,
    NO_MECHANISM,
    RefusedCommand,
)

Exchange = Generator[bytes, bytes, tuple[str, str]]


def begin_login(args: str) -> Exchange:
    """Start what stands behind ``AUTH``. Raises :exc:`RefusedCommand`."""
    name, _, initial = args.partition(" ")
    mechanism = MECHANISMS.get(name.upper())
    if mechanism is None:
        raise RefusedCommand(NO_MECHANISM if name else BAD_SYNTAX)
    initial = initial.strip(" ")
    return mechanism(decode_response(initial.encode("utf-8")) if initial else None)


def decode_response(line: bytes) -> bytes:
    """Take base64 off a response; ``=`` is an empty one, ``*`` gives up.

    Raises :exc:`RefusedCommand`.
    """
    if line == b"*":
        raise RefusedCommand(CANCELLED)
    if line == b"=":
        return b""
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except binascii.Error as error:
        raise RefusedCommand(BAD_ENCODING) from error


def _plain(initial: bytes | None) -> Exchange:
    response = initial if initial is not None else (yield b"")
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise RefusedCommand(BAD_ENCODING)
    acting_for, user, password = map(_text, parts)
    if acting_for not in ("", user):
        raise RefusedCommand(BAD_LOGIN)  # nobody sends in somebody else's name
    return user, password


def _login(initial: bytes | None) -> Exchange:
    """The undocumented LOGIN; some clients give the user name with the command."""
    user = _text(initial if initial is not None else (yield b"Username:"))
    return user, _text((yield b"Password:"))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedCommand(BAD_ENCODING) from error


MECHANISMS: Final[Mapping[str, Callable[[bytes | None], Exchange]]] = MappingProxyType(
    {"PLAIN": _plain, "LOGIN": _login}
)
