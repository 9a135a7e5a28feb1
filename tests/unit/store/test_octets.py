"""Cutting the Bcc field out of octets that come in pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from postroad.store.octets import cut


@given(st.data(), st.binary(max_size=60))
def test_any_span_is_cut_whatever_the_pieces(data: st.DataObject, octets: bytes) -> None:
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, len(octets)))
    borders = sorted(data.draw(st.sets(st.integers(0, len(octets)))) | {0, len(octets)})
    kept = b""
    for left, right in pairwise(borders):
        kept += b"".join(cut(octets[left:right], start - left, end - left))
    assert kept == octets[:start] + octets[end:]


@given(st.binary(min_size=1, max_size=20), st.integers(-30, 30), st.integers(-30, 30))
def test_no_piece_is_empty(octets: bytes, start: int, end: int) -> None:
    assert all(cut(octets, min(start, end), max(start, end)))
