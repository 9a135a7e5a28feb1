"""The two directions of COMPRESS=DEFLATE. RFC 4978."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from postroad.domain.errors import RemoteProtocolError

_PIECE_BYTES = 64 * 1024
# What we send is short and rare; a 2 KiB window costs tens of KiB instead of 256 for a connection
# that idles for hours. The server's window is its own choice, so ours must take the largest.
_OUT_WINDOW_BITS, _OUT_MEM_LEVEL = -11, 5
_IN_WINDOW_BITS = -15


class Deflater:
    """Compresses what goes out; each call ends so that the server can read all of it."""

    def __init__(self) -> None:
        self._z = zlib.compressobj(
            zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _OUT_WINDOW_BITS, _OUT_MEM_LEVEL
        )

    def compress(self, data: bytes) -> bytes:
        return self._z.compress(data) + self._z.flush(zlib.Z_SYNC_FLUSH)


class Inflater:
    """Expands what comes in, in pieces of at most 64 KiB, so that a bomb is met piece by piece."""

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
