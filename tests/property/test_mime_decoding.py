from __future__ import annotations

import base64
import itertools
import quopri

from hypothesis import given
from hypothesis import strategies as st

from postroad.protocol.mime.decoding import Decoder
from postroad.protocol.mime.transfer import decode_transfer

ENCODINGS = ("base64", "quoted-printable", "7bit", "x-uuencode")


def streamed(octets: bytes, encoding: str, cuts: list[int]) -> bytes:
    decoder = Decoder(encoding)
    places = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    pieces = [octets[a:b] for a, b in itertools.pairwise(places)]
    return b"".join([*(decoder.feed(piece) for piece in pieces), decoder.finish()])


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=8))
def test_base64_comes_back_however_it_is_cut(content: bytes, cuts: list[int]) -> None:
    assert streamed(base64.encodebytes(content), "base64", cuts) == content


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=8))
def test_quoted_printable_comes_back_however_it_is_cut(content: bytes, cuts: list[int]) -> None:
    encoded = quopri.encodestring(content)
    whole = decode_transfer(encoded, "quoted-printable")
    assert streamed(encoded, "quoted-printable", cuts) == whole


@given(
    st.lists(
        st.sampled_from(
            [b"QUJD", b"QUI=", b"Q", b"==", b"\r\n", b"!", b"=3D", b"= \n", b"ab", b"="]
        ),
        max_size=20,
    ),
    st.sampled_from(ENCODINGS),
    st.lists(st.integers(0, 100), max_size=6),
)
def test_nonsense_is_read_the_same_in_pieces(
    words: list[bytes], encoding: str, cuts: list[int]
) -> None:
    octets = b"".join(words)
    assert streamed(octets, encoding, cuts) == decode_transfer(octets, encoding)
