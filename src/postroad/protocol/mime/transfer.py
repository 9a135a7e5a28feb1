"""Transfer encodings removed, also where they are broken. RFC 2045 §6."""

from __future__ import annotations

import binascii
import re

import pybase64

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_GROUPS = re.compile(rb"[A-Za-z0-9+/]+")
_UU_BEGIN = re.compile(rb"(?:\A|\n)begin [0-7]{3,4} [^\n]*\n")


def decode_transfer(octets: bytes, encoding: str) -> bytes:
    """The content behind its transfer encoding; what cannot be decoded is given as it is.

    Foreign characters inside base64 are skipped as §6.8 asks for, several encoded texts in a row
    are joined, and an incomplete last group is dropped, so that the front of a cut part can be
    read. Unknown encodings are no encoding. Never fails, linear in the size.
    """
    match encoding:
        case "base64" | "b" | "b64":
            return _base64(octets)
        case "quoted-printable" | "quoted" | "q" | "qp":
            return binascii.a2b_qp(octets)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return _uu(octets)
        case _:
            return octets


def _base64(octets: bytes) -> bytes:
    clean = _NOT_BASE64.sub(b"", octets)
    padding = clean.find(b"=")
    if padding < 0 or not clean[padding:].strip(b"="):
        return _group(clean if padding < 0 else clean[:padding])
    return b"".join(_group(group) for group in _GROUPS.findall(clean))


def _group(clean: bytes) -> bytes:
    clean = clean[: len(clean) - (len(clean) % 4 == 1)]
    return pybase64.b64decode(clean + b"=" * (-len(clean) % 4))


def _uu(octets: bytes) -> bytes:
    begin = _UU_BEGIN.search(octets)
    if begin is None:
        return octets
    out: list[bytes] = []
    for line in octets[begin.end() :].splitlines():
        if line in (b"end", b"`", b""):
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders count the padding wrongly; take as many characters as the line says.
            try:
                out.append(binascii.a2b_uu(line[: (((line[0] - 32) & 63) * 4 + 5) // 3]))
            except binascii.Error:
                break
    return b"".join(out)
