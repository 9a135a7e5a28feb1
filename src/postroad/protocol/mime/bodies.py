"""Bodies in the transfer encoding that suits them. RFC 2045 §6.

Text goes as it is while it is ASCII with lines that fit, as quoted-printable while it is mostly
ASCII, and as base64 otherwise. Files are always base64, so that every octet arrives; only
messages inside messages stay unencoded, as RFC 2046 §5.2.1 demands.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

import pybase64

from postroad.protocol.mime.fold import MAX_LINE
from postroad.protocol.mime.lines import crlf_chunks, has_long_line

_BASE64_BLOCK = 57 * 4096  # octets of source a piece: whole lines of 76 characters
_ASCII = bytes(range(128))
_LINE_END = re.compile(r"\r\n|\r|\n")
# Controls that transports drop or change; tab and line feed are fine.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded body. ``pieces`` together do not end in a CRLF of their own."""

    encoding: str  # 7bit | 8bit | quoted-printable | base64
    pieces: list[bytes]
    bare: bytes | None = None  # the source when it goes unencoded, so that a boundary may occur


def text_body(text: str) -> Body:
    """Encode text as UTF-8, its line ends made CRLF. No line exceeds 998 octets."""
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    if text.isascii() and _CONTROL.search(text) is None and _fits(text):
        octets = text.replace("\n", "\r\n").encode("ascii")
        return Body("7bit", [octets], bare=octets)
    octets = text.replace("\n", "\r\n").encode()
    beyond = len(octets.translate(None, _ASCII))
    if beyond * 3 > len(octets):  # little is left to read, and base64 is a good deal shorter
        return file_body(octets)
    # The encoder learns from the first line end it sees which kind to break lines with, and
    # guards blanks at the end of a line only when it sees that end.
    return Body("quoted-printable", [binascii.b2a_qp(octets + b"\r\n", istext=True)[:-2]])


def file_body(octets: bytes) -> Body:
    """Encode octets as base64 in lines of 76, a block at a time."""
    view = memoryview(octets)
    pieces = [
        pybase64.encodebytes(view[at : at + _BASE64_BLOCK]).replace(b"\n", b"\r\n")
        for at in range(0, len(octets), _BASE64_BLOCK)
    ]
    if pieces:
        pieces[-1] = pieces[-1][:-2]
    return Body("base64", pieces)


def message_body(octets: bytes) -> Body | None:
    """A message to be embedded as it is, line ends made CRLF.

    ``None`` when it cannot be: a line beyond 998 octets, a bare CR, or NUL would not survive the
    journey unencoded. RFC 2046 §5.2.1, RFC 2045 §2.7, §2.8.
    """
    if b"\0" in octets or octets.count(b"\r") != octets.count(b"\r\n"):
        return None
    pieces = list(crlf_chunks(octets))
    if has_long_line(pieces):
        return None
    return Body("7bit" if octets.isascii() else "8bit", pieces, bare=octets)


def _fits(text: str) -> bool:
    return len(text) <= MAX_LINE or max(map(len, text.split("\n"))) <= MAX_LINE
