"""The commands that we give, as values. RFC 9051 §6 and the extensions named at each."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.imap.command import (
    Command,
    LiteralStream,
    Part,
    astring,
    flag_list,
    joined,
    string,
)
from postroad.protocol.imap.dates import date_time
from postroad.protocol.imap.numset import NumSet

CAPABILITY = Command("CAPABILITY")
NOOP = Command("NOOP")
LOGOUT = Command("LOGOUT")
STARTTLS = Command("STARTTLS")
NAMESPACE = Command("NAMESPACE")  # RFC 2342
COMPRESS_DEFLATE = Command("COMPRESS", (b" DEFLATE",))  # RFC 4978
UNSELECT = Command("UNSELECT")  # RFC 3691

_FETCH_ITEM = re.compile(
    r"[A-Z0-9.\-]{1,40}"
    r"(?:\[[A-Z0-9.\-]{0,255}(?: \([!#-'*-Z^-z|~ ]{1,4000}\))?\])?"
    r"(?:<[0-9]{1,19}\.[0-9]{1,19}>)?",
    re.IGNORECASE,
)
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}")
# RFC 2971 §3.3: at most 30 fields, names of 30 and values of 1024 octets.
_MAX_ID_FIELDS, _MAX_ID_NAME, _MAX_ID_VALUE = 30, 30, 1024


def login(user: str, password: str) -> Command:
    return Command(
        "LOGIN",
        joined(b" ", astring(user.encode()), b" ", astring(password.encode())),
    )


def authenticate(mechanism: str, initial: bytes | None = None) -> Command:
    """Begin a SASL exchange; ``initial`` only where the server has SASL-IR. RFC 4959."""
    if not _MECHANISM.fullmatch(mechanism):
        raise LocalProtocolError(f"not a SASL mechanism: {mechanism[:40]!r}")
    line = b" " + mechanism.encode("ascii")
    if initial is not None:
        line += b" " + (base64.b64encode(initial) or b"=")
    return Command("AUTHENTICATE", (line,))


def client_id(fields: Mapping[str, str] | None) -> Command:
    """Say who we are; ``None`` or nothing says NIL. Too long values are cut. RFC 2971."""
    parts: list[Part] = [b" "]
    shown = [(name, value) for name, value in (fields or {}).items() if value]
    if not shown:
        return Command("ID", (b" NIL",))
    for i, (name, value) in enumerate(shown[:_MAX_ID_FIELDS]):
        text = value.encode()[:_MAX_ID_VALUE].decode("utf-8", "ignore").encode()
        parts += [b"(" if i == 0 else b" ", string(name.encode()[:_MAX_ID_NAME])]
        parts += [b" ", string(text)]
    return Command("ID", joined(*parts, b")"))


def list_mailboxes(*, returning: Sequence[str] = ()) -> Command:
    """List all mailboxes; ``returning`` (SUBSCRIBED, SPECIAL-USE) needs LIST-EXTENDED. RFC 5258."""
    tail = f" RETURN ({' '.join(returning)})" if returning else ""
    return Command("LIST", (f' "" "*"{tail}'.encode("ascii"),))


XLIST = Command("XLIST", (b' "" "*"',))  # Gmail's forerunner of SPECIAL-USE
LSUB = Command("LSUB", (b' "" "*"',))


def select(wire_name: bytes) -> Command:
    return Command("SELECT", joined(b" ", astring(wire_name)))


def examine(wire_name: bytes) -> Command:
    return Command("EXAMINE", joined(b" ", astring(wire_name)))


def uid_fetch(uids: NumSet, items: Sequence[str]) -> Command:
    """Fetch ``items``, spelled as the RFC does: ``FLAGS``, ``BODY.PEEK[2.1]<0.1000>``."""
    for item in items:
        if not _FETCH_ITEM.fullmatch(item):
            raise LocalProtocolError(f"not an item to fetch: {item[:60]!r}")
    if not uids.ranges or not items:
        raise LocalProtocolError("nothing to fetch")
    return Command("UID FETCH", (f" {uids} ({' '.join(items)})".encode("ascii"),))


def uid_store(uids: NumSet, how: str, flags: Sequence[str]) -> Command:
    """Change flags; ``how`` is ``FLAGS``, ``+FLAGS`` or ``-FLAGS``, each perhaps ``.SILENT``."""
    if how.upper().removesuffix(".SILENT") not in ("FLAGS", "+FLAGS", "-FLAGS"):
        raise LocalProtocolError(f"not a way to store flags: {how[:40]!r}")
    if not uids.ranges:
        raise LocalProtocolError("no messages to store flags of")
    line = f" {uids} {how} ".encode("ascii") + flag_list(tuple(flags))
    return Command("UID STORE", (line,))


def uid_search(criteria: Sequence[bytes | str]) -> Command:
    """Search with keys that all must hold.

    A ``str`` is a key of the grammar (``HEADER``, ``UNSEEN``, ``SINCE``), ``bytes`` are an
    argument, quoted as needed. Arguments above ASCII announce ``CHARSET UTF-8``.
    """
    if not criteria:
        raise LocalProtocolError("nothing to search for")
    parts: list[Part] = []
    if any(isinstance(word, bytes) and not word.isascii() for word in criteria):
        parts.append(b" CHARSET UTF-8")
    for word in criteria:
        if isinstance(word, bytes):
            # Always quoted: an argument that reads like a key stays an argument.
            parts += [b" ", string(word)]
        else:
            key = astring(word.encode())
            if not isinstance(key, bytes) or key.startswith(b'"'):
                raise LocalProtocolError(f"not a search key: {word[:60]!r}")
            parts += [b" ", key]
    return Command("UID SEARCH", joined(*parts))


def header_search(name: str, value: str) -> Command:
    """Messages whose header field ``name`` contains ``value``."""
    return uid_search(("HEADER", name.encode(), value.encode()))


def append(
    wire_name: bytes,
    messages: Sequence[tuple[int, Sequence[str], int | None]],
) -> Command:
    """File one message, or several where the server has MULTIAPPEND (RFC 3502).

    Each message is its size in octets, its flags and its date (epoch ms) or ``None``; the octets
    are asked for when the server is ready for them.
    """
    parts: list[Part] = [b" ", astring(wire_name)]
    if not messages:
        raise LocalProtocolError("nothing to append")
    for size, flags, date_ms in messages:
        if size <= 0:
            raise LocalProtocolError("an empty message cannot be appended")
        if flags:
            parts += [b" ", flag_list(tuple(flags))]
        if date_ms is not None:
            parts.append(f' "{date_time(date_ms)}"'.encode("ascii"))
        parts += [b" ", LiteralStream(size)]
    return Command("APPEND", joined(*parts))
