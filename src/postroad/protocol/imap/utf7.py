"""Mailbox names on the wire: modified UTF-7. RFC 3501 §5.1.3, RFC 9051 Appendix A.1."""

from __future__ import annotations

import binascii
import re

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError

_NEEDS_ENCODING = re.compile(r"&|[^\x20-\x7e]+")
_SHIFTED = re.compile(rb"&([^-]*)-")
_DIRECT = re.compile(rb"[\x20-\x7e]*")


def encode(name: str) -> bytes:
    """Spell a mailbox name for the wire; printable ASCII but for ``&`` stays as it is.

    Raises :exc:`LocalProtocolError` for NUL and for lone surrogates, which no mailbox name has.
    """
    if "\x00" in name:
        raise LocalProtocolError("a mailbox name cannot contain NUL")
    try:
        return _NEEDS_ENCODING.sub(_shift, name).encode("ascii")
    except UnicodeEncodeError as error:
        raise LocalProtocolError("a mailbox name cannot contain half a character") from error


def encode_utf8(name: str) -> bytes:
    """Spell a name where UTF-8 is allowed. Raises as :func:`encode`. RFC 6855 §3."""
    if "\x00" in name:
        raise LocalProtocolError("a mailbox name cannot contain NUL")
    try:
        return name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise LocalProtocolError("a mailbox name cannot contain half a character") from error


def decode(name: bytes) -> str:
    """Read a mailbox name from the wire.

    Raises :exc:`RemoteProtocolError` for what no encoder writes: octets above 127, an open shift,
    bad base64, half a surrogate pair, non-zero padding bits.
    """
    if not _DIRECT.fullmatch(name):
        raise RemoteProtocolError(f"mailbox name is not modified UTF-7: {name[:60]!r}")
    out: list[str] = []
    at = 0
    while (amp := name.find(b"&", at)) >= 0:
        match = _SHIFTED.match(name, amp)
        if match is None:
            raise RemoteProtocolError(f"mailbox name has an open shift: {name[:60]!r}")
        out.append(name[at:amp].decode("ascii"))
        out.append(_unshift(match[1]) if match[1] else "&")
        at = match.end()
    out.append(name[at:].decode("ascii"))
    return "".join(out)


def decode_leniently(name: bytes) -> str:
    """Read a mailbox name as any server sends it; never fails.

    Servers send UTF-8 where they should not (and where UTF8=ACCEPT lets them), and names with a
    bare ``&`` made by clients that knew no better. Those are shown as they stand; such a name
    does not encode back to the same octets, so keep the octets to select it.
    """
    try:
        return decode(name)
    except RemoteProtocolError:
        return name.decode("utf-8", "replace")


def _shift(match: re.Match[str]) -> str:
    run = match[0]
    if run == "&":
        return "&-"
    coded = binascii.b2a_base64(run.encode("utf-16-be"), newline=False)
    return "&" + coded.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def _unshift(coded: bytes) -> str:
    padded = coded.replace(b",", b"/") + b"=" * (-len(coded) % 4)
    try:
        if b"/" in coded:  # the alphabet has a comma in its place
            raise ValueError
        octets = binascii.a2b_base64(padded, strict_mode=True)
        text = octets.decode("utf-16-be")
    except ValueError as error:
        raise RemoteProtocolError(f"mailbox name has a bad shift: {coded[:60]!r}") from error
    # Two spellings of one name would be two mailboxes to us and one to the server.
    if binascii.b2a_base64(octets, newline=False) != padded:
        raise RemoteProtocolError(f"mailbox name has stray bits: {coded[:60]!r}")
    return text
