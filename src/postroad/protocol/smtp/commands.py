"""MAIL and RCPT with their parameters. RFC 5321 §4.1.1.2, §4.1.1.3."""

from __future__ import annotations

import re

from postroad.domain.envelope import DsnNotify, DsnRequest, DsnReturn, RecipientDsn
from postroad.domain.errors import LocalProtocolError
from postroad.protocol.smtp.extensions import Extensions
from postroad.protocol.smtp.paths import encode_path

_MAX_ENVID_BYTES = 100  # RFC 3461 §4.4
_MAX_ORCPT_BYTES = 500  # RFC 3461 §4.2

_NOT_XTEXT = re.compile(rb"[^!-~]|[+=]")
_RET = {DsnReturn.HEADERS: b"HDRS", DsnReturn.FULL: b"FULL"}


def mail_command(
    path: bytes,
    offered: Extensions,
    *,
    octets: int,
    eight_bit: bool,
    smtputf8: bool,
    dsn: DsnRequest | None,
) -> bytes:
    """Build MAIL for an encoded path; parameters that are not offered are left out.

    ``octets`` is the size of the content with CRLF line ends, before dots are doubled
    (RFC 1870 §6.1). Raises :exc:`LocalProtocolError` if the envelope id cannot be sent.
    """
    parts = [b"MAIL FROM:<%b>" % path]
    if offered.size:
        parts.append(b"SIZE=%d" % octets)
    # A server without 8BITMIME gets 8-bit content all the same: none that still runs clears the
    # eighth bit, and the alternative of RFC 6152 §3, re-encoding, would break signatures.
    if eight_bit and offered.eight_bit:
        parts.append(b"BODY=8BITMIME")
    if smtputf8 and offered.smtputf8:
        parts.append(b"SMTPUTF8")
    if dsn is not None and offered.dsn:
        if dsn.ret is not None:
            parts.append(b"RET=" + _RET[dsn.ret])
        if dsn.envid:
            parts.append(b"ENVID=" + _xtext("envelope id", dsn.envid, _MAX_ENVID_BYTES))
    return b" ".join(parts) + b"\r\n"


def rcpt_command(
    path: bytes, offered: Extensions, *, dsn: DsnRequest | RecipientDsn | None
) -> bytes:
    """Build RCPT for an encoded path, with NOTIFY and ORCPT where DSN is offered.

    Raises :exc:`LocalProtocolError` if the original recipient cannot be sent.
    """
    if dsn is None or not offered.dsn:
        return b"RCPT TO:<%b>\r\n" % path
    parts = [b"RCPT TO:<%b>" % path]
    if dsn.notify:
        # NEVER stands alone. RFC 3461 §4.1
        wanted = (DsnNotify.NEVER,) if DsnNotify.NEVER in dsn.notify else dsn.notify
        parts.append(b"NOTIFY=" + ",".join(n.value.upper() for n in wanted).encode("ascii"))
    if dsn.orcpt:
        kind = b"rfc822" if dsn.orcpt.isascii() else b"utf-8"
        address = encode_path(dsn.orcpt) if dsn.orcpt.isascii() else _unitext(dsn.orcpt)
        parts.append(
            b"ORCPT=%b;%b" % (kind, _xtext("original recipient", address, _MAX_ORCPT_BYTES))
        )
    return b" ".join(parts) + b"\r\n"


def _xtext(what: str, text: str | bytes, max_bytes: int) -> bytes:
    """Encode as xtext. RFC 3461 §4."""
    octets = text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
    if len(octets) > max_bytes or any(octet < 0x20 or octet == 0x7F for octet in octets):
        raise LocalProtocolError(f"The {what} for delivery reports is too long or not printable")
    return _NOT_XTEXT.sub(lambda match: b"+%02X" % match[0][0], octets)


def _unitext(address: str) -> bytes:
    r"""Write what is not ASCII as ``\x{20AC}``, so that no SMTPUTF8 is needed. RFC 6533 §3."""
    encode_path(address)  # for its refusals
    return "".join(
        c if c.isascii() and c not in "\\+=" else f"\\x{{{ord(c):X}}}" for c in address
    ).encode("ascii")
