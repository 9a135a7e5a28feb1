"""Transfer encodings undone piece by piece, for contents too large to hold. RFC 2045 §6.

However the octets are cut, together the pieces are what
:func:`~postroad.protocol.mime.transfer.decode_transfer` makes of the whole.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from typing import Final

import pybase64

from postroad.protocol.mime.transfer import decode_transfer

MAX_LINE: Final = 64 * 1024  # a quoted-printable line without an end is not held for longer

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_FOREIGN = bytes({*range(256)} - {*_ALPHABET})
_PADDING = re.compile(rb"=+")
_BASE64 = frozenset({"base64", "b", "b64"})
_QUOTED = frozenset({"quoted-printable", "quoted", "q", "qp"})
_UU = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})


class Decoder:
    """One content; :meth:`feed` its octets in order, then :meth:`finish`.

    Uuencoded content, which has its beginning somewhere inside, is held until its end.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._rest = b""
        self._held: list[bytes] = []

    def feed(self, octets: bytes) -> bytes:
        """What can be told of it by now."""
        if self._encoding in _BASE64:
            return self._base64(octets)
        if self._encoding in _QUOTED:
            return self._quoted(octets)
        if self._encoding in _UU:
            self._held.append(octets)
            return b""
        return octets

    def finish(self) -> bytes:
        """What was still held back."""
        rest, self._rest = self._rest, b""
        if self._encoding in _UU:
            rest, self._held = b"".join(self._held), []
        return decode_transfer(rest, self._encoding)

    def _base64(self, octets: bytes) -> bytes:
        clean = self._rest + octets.translate(None, _FOREIGN)
        ended: list[bytes] = []
        last = clean
        if b"=" in clean:
            *ended, last = _PADDING.split(clean)  # several encoded texts may stand in a row
        whole = len(last) - len(last) % 4
        self._rest = last[whole:]
        out = [decode_transfer(text, self._encoding) for text in ended]
        out.append(pybase64.b64decode(last[:whole]))
        return b"".join(out)

    def _quoted(self, octets: bytes) -> bytes:
        held = self._rest + octets
        # Blanks at the end of a line and soft line breaks are only known once the line has ended.
        end = held.rfind(b"\n") + 1
        if not end and len(held) > MAX_LINE:
            end = len(held) - 3
        self._rest = held[end:]
        return a2b_qp(held[:end])
