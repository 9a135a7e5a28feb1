"""Envelope addresses as they stand between angle brackets. RFC 5321 §4.1.2."""

from __future__ import annotations

import re
from functools import lru_cache

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.wire import ascii_domain, shorten

MAX_PATH_BYTES = 512  # RFC 5321 §4.5.3.1.3 says 256; signed and rewritten senders exceed it

# Looser than RFC 5321 where real addresses are: dots anywhere (once usual at Japanese carriers).
# Never loose about what could end the path or the line.
_LOCAL = re.compile(
    r'[^\x00-\x20\x7f-\xa0"(),:;<>@\[\\\]\u2028\u2029\ud800-\udfff]+'
    r'|"(?:[^\x00-\x1f\x7f-\x9f"\\\u2028\u2029\ud800-\udfff]|\\[\x20-\x7e])*"'
)
_DOMAIN = re.compile(
    r'[^\x00-\x20\x7f-\xa0"(),:;<>@\[\\\]\u2028\u2029\ud800-\udfff]+'
    r"|\[[A-Za-z0-9.:-]+\]"
)


@lru_cache(maxsize=4096)
def encode_path(address: str) -> bytes:
    """The octets between ``<`` and ``>`` for one address.

    A Unicode domain becomes A-labels when the local part is ASCII, so that such an address
    needs no SMTPUTF8; otherwise all is UTF-8. ``postmaster`` may stand alone.

    Raises :exc:`LocalProtocolError` for anything that is not an address, above all for line
    breaks, controls, spaces and brackets that would change the command.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    is_whole = bool(at) and _DOMAIN.fullmatch(domain) is not None
    is_postmaster = not at and local.lower() == "postmaster"
    if not (is_whole or is_postmaster) or _LOCAL.fullmatch(local) is None:
        raise LocalProtocolError(f"Not a mail address: {shorten(_octets(address))}")
    if at and local.isascii():
        try:
            address = f"{local}@{ascii_domain(domain)}"
        except ValueError as error:
            raise LocalProtocolError(f"Not a mail domain: {shorten(_octets(domain))}") from error
    path = address.encode("utf-8")
    if len(path) > MAX_PATH_BYTES:
        raise LocalProtocolError(f"Mail address too long: {shorten(path)}")
    return path


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
