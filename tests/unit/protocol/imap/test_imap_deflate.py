from __future__ import annotations

import zlib

import pytest

from postroad.domain.errors import RemoteProtocolError
from postroad.protocol.imap.deflate import Inflater, stored


def test_each_call_can_be_read_at_once() -> None:
    inflater = Inflater()
    for text in (b"A1 NOOP\r\n", b"A2 NOOP\r\n", b"x" * 200_000):
        assert b"".join(inflater.pieces(stored(text))) == text


def test_a_bomb_comes_in_small_pieces() -> None:
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = z.compress(b"\x00" * 30_000_000) + z.flush(zlib.Z_SYNC_FLUSH)
    sizes = [len(piece) for piece in Inflater().pieces(bomb)]
    assert sum(sizes) == 30_000_000
    assert max(sizes) <= 65536


def test_what_is_not_deflate_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="broken"):
        list(Inflater().pieces(b"* OK in the clear\r\n"))


def test_the_end_of_the_stream_is_no_error_and_what_follows_is() -> None:
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    inflater = Inflater()
    assert b"".join(inflater.pieces(z.compress(b"bye") + z.flush())) == b"bye"
    with pytest.raises(RemoteProtocolError, match="behind"):
        list(inflater.pieces(b"more"))


def test_what_follows_the_end_at_once_is_refused() -> None:
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    with pytest.raises(RemoteProtocolError, match="behind"):
        list(Inflater().pieces(z.compress(b"bye") + z.flush() + b"more"))
