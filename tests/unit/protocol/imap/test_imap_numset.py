from __future__ import annotations

import pytest

from postroad.domain.errors import LocalProtocolError, RemoteProtocolError
from postroad.protocol.imap.numset import NumSet


def test_neighbours_are_joined_and_order_is_kept() -> None:
    assert str(NumSet.of([1, 2, 3, 9, 7, 8])) == "1:3,9,7:8"


def test_a_backward_range_is_turned_around() -> None:
    numbers = NumSet.parse(b"4:2,7")
    assert list(numbers) == [2, 3, 4, 7]
    assert len(numbers) == 4
    assert 3 in numbers
    assert 5 not in numbers


def test_a_huge_range_costs_nothing() -> None:
    assert len(NumSet.parse(b"1:4294967295")) == 4294967295


@pytest.mark.parametrize("text", [b"", b"0", b"1:", b"1,,2", b"*", b"-1", b"4294967296", b"1 2"])
def test_what_is_no_set_is_refused(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        NumSet.parse(text)


@pytest.mark.parametrize("number", [0, -1, 2**32])
def test_what_is_no_number_is_refused(number: int) -> None:
    with pytest.raises(LocalProtocolError):
        NumSet.of([number])
