"""The two directions of COMPRESS=DEFLATE. RFC 4978."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from postroad.domain.errors import RemoteProtocolError

_PIECE_BYTES = 64 * 1024
# The server's window is its own choice, so ours must take the largest.
_IN_WINDOW_BITS = -15
_STORED_BYTES = 0xFFFF
_STORED_HEAD = struct.Struct("<BHH")


def stored(data: bytes) -> bytes:
    """Wrap octets as deflate blocks without compression. RFC 1951 §3.2.4.

    What we send is short commands, and messages whose base64 saves a quarter at 20 ms of CPU per
    MiB. Blocks of this kind end at an octet, so the server can read each at once and no state is
    carried from one to the next.
    """
    if len(data) <= _STORED_BYTES:
        return _STORED_HEAD.pack(0, len(data), len(data) ^ 0xFFFF) + data
    out = bytearray()
    for at in range(0, len(data), _STORED_BYTES):
        piece = data[at : at + _STORED_BYTES]
        out += _STORED_HEAD.pack(0, len(piece), len(piece) ^ 0xFFFF)
        out += piece
    return bytes(out)


class Inflater:
    """Expands what comes in, in pieces of at most 64 KiB, so that a bomb is met piece by piece.

    Holds about 40 KiB for as long as it lives: compression is for connections that read much, not
    for those that wait.
    """

    def __init__(self) -> None:
        self._z = zlib.decompressobj(_IN_WINDOW_BITS)
        self._has_ended = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Raises :exc:`RemoteProtocolError` for what is not deflate or lies behind its end.

        The end itself is no error: servers close the compressed stream before the connection.
        """
        while True:
            try:
                piece = self._z.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise RemoteProtocolError("the server's compressed stream is broken") from error
            if piece:
                yield piece
            if self._z.eof:
                if self._z.unused_data or self._has_ended:
                    raise RemoteProtocolError("the server spoke on behind its compressed stream")
                self._has_ended = True
                return
            data = self._z.unconsumed_tail
            # A full piece may leave more behind even when all input is used up.
            if not data and len(piece) < _PIECE_BYTES:
                return
