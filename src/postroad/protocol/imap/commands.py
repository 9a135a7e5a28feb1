"""Commands about the connection and who we are. RFC 9051 §6.1, §6.2; others named at each.

Those about mailboxes are in :mod:`mailbox_commands`, those about messages in
:mod:`message_commands`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.imap.command import Command, Part, astring, joined, string

CAPABILITY = Command("CAPABILITY")
NOOP = Command("NOOP")
LOGOUT = Command("LOGOUT")
STARTTLS = Command("STARTTLS")
COMPRESS_DEFLATE = Command("COMPRESS", (b" DEFLATE",))  # RFC 4978
IDLE = Command("IDLE")  # RFC 2177; ended with ImapSession.done

_CAPABILITY = re.compile(r"[A-Z0-9=_\-]{1,40}")
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


def enable(capabilities: Sequence[str]) -> Command:
    """Switch on what changes the server's answers: QRESYNC, UTF8=ACCEPT. RFC 5161."""
    if not capabilities or not all(_CAPABILITY.fullmatch(name) for name in capabilities):
        raise LocalProtocolError(f"not capabilities: {capabilities}")
    return Command("ENABLE", (f" {' '.join(capabilities)}".encode("ascii"),))
