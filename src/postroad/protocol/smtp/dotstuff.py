"""Making message content transparent for DATA, piece by piece. RFC 5321 §4.5.2."""

from __future__ import annotations


class DotStuffer:
    """Doubles dots at line starts, however the content is cut into pieces.

    The content should have CRLF line ends. A dot behind a lone CR or LF is doubled as well:
    servers exist that see a line start there, and to them such a dot could end the message and
    let commands be smuggled in. Nothing else is changed.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"  # the last two octets; the content begins at a line start

    def feed(self, piece: bytes) -> bytes:
        """The octets to send for ``piece``."""
        if not piece:
            return piece
        first = self._tail[-1:]
        self._tail = piece[-2:] if len(piece) > 1 else first + piece
        if piece[0] == 0x2E and first in b"\r\n":
            piece = b"." + piece
        if b"." in piece:
            piece = piece.replace(b"\n.", b"\n..")
            if b"\r." in piece:
                piece = piece.replace(b"\r.", b"\r..")
        return piece

    def end(self) -> bytes:
        """The octets that end the message; a last line without CRLF is completed first."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"
