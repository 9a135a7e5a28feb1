"""Return paths that name their submission."""

from __future__ import annotations

import pytest

from postroad.domain.return_path import queue_id_in, queue_ids_in, tagged

QUEUE_ID = "01a2075945300000001"


@pytest.mark.parametrize("address", ["a@b.example", "a+news@b.example", "jürgen@b.example"])
def test_a_return_path_tells_its_queue_id(address: str) -> None:
    made = tagged(address, QUEUE_ID)

    assert made.startswith(address.partition("@")[0] + "+")
    assert made.endswith("@b.example")
    assert queue_id_in(made) == QUEUE_ID
    assert queue_id_in(made.upper()) == QUEUE_ID


@pytest.mark.parametrize(
    "address",
    ["", "postmaster", '"a b"@b.example', "x" * 50 + "@b.example", "a@" + "b" * 250],
)
def test_what_cannot_carry_a_queue_id_stays_as_it_is(address: str) -> None:
    assert tagged(address, QUEUE_ID) == address


@pytest.mark.parametrize(
    "address",
    ["", "a@b.example", "a+news@b.example", f"a@b+{QUEUE_ID}", f"a+{QUEUE_ID}x@b", f"{QUEUE_ID}@b"],
)
def test_other_addresses_tell_none(address: str) -> None:
    assert queue_id_in(address) is None


def test_each_queue_id_is_told_once() -> None:
    path = tagged("a@b.example", QUEUE_ID)

    assert queue_ids_in(["c@b.example", path, path.upper()]) == (QUEUE_ID,)
