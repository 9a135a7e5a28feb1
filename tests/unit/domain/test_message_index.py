"""What is remembered of messages, packed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.message_index import (
    MAX_MESSAGES,
    Chunk,
    Entry,
    fingerprint,
    identity_range,
    marks,
)

words = st.text(min_size=1, max_size=20)
sets = st.builds(
    marks,
    st.lists(words, max_size=4).map(tuple),
    st.none() | st.lists(words, max_size=3).map(tuple),
)
chunks = st.builds(
    lambda found: Chunk(Entry(uid, *rest) for uid, rest in sorted(found.items())),
    st.dictionaries(
        st.integers(1, 2**32 - 1),
        st.tuples(sets, st.integers(-(2**63), 2**63 - 1)),
        max_size=40,
    ),
)


@given(chunks)
def test_a_chunk_survives_packing(chunk: Chunk) -> None:
    assert Chunk.decode(chunk.encode()) == chunk


@given(chunks, st.integers(0, 60), st.binary(max_size=3))
def test_what_was_not_written_whole_is_refused(chunk: Chunk, cut: int, junk: bytes) -> None:
    data = chunk.encode()
    broken = data[: max(0, len(data) - 1 - cut)] + junk
    if broken != data:
        try:
            Chunk.decode(broken)
        except ValueError:
            return  # most are
        assert len(broken) == len(data)


def test_a_message_costs_few_octets() -> None:
    kinds = [marks(("\\Seen",)), marks(()), marks(("\\Seen", "\\Answered", "$Forwarded"))]
    chunk = Chunk(Entry(n + 1, kinds[n % 3], n + 1) for n in range(MAX_MESSAGES))

    assert len(chunk.encode()) / MAX_MESSAGES < 15


def test_marks_do_not_depend_on_order_or_recent() -> None:
    assert marks(("\\Seen", "a", "\\Recent")) is marks(("\\Seen", "a", "\\Recent"))
    assert marks(("a", "\\Seen", "\\Recent")) == marks(("\\Seen", "a"))
    assert marks(("a",), ()) != marks(("a",))


def test_messages_are_put_in_their_place_and_removed() -> None:
    chunk = Chunk([Entry(5, marks(()))])
    chunk.insert(Entry(9, marks(())))
    chunk.insert(Entry(2, marks(("a",))))
    chunk.insert(Entry(2, marks(("b",)), 7))
    chunk.remove([5, 77])

    assert chunk.entries() == [Entry(2, marks(("b",)), 7), Entry(9, marks(()))]
    assert chunk.find(9) == 1
    assert chunk.find(5) is None
    with pytest.raises(ValueError, match="rise"):
        chunk.append(Entry(9, marks(())))


def test_a_fingerprint_tells_messages_and_accounts_apart() -> None:
    one = fingerprint("a", "<1@x>", size=10, internal_date=5)

    assert one == fingerprint("a", "<1@x>", size=10, internal_date=5)
    assert one != fingerprint("b", "<1@x>", size=10, internal_date=5)
    assert one != fingerprint("a", "<1@x>", size=11, internal_date=5)
    assert fingerprint("a", None) == 0


@given(st.text(min_size=1), st.integers(0, 10**9))
def test_copies_of_one_message_lie_in_its_identity_range(identity: str, size: int) -> None:
    low, high = identity_range(fingerprint("a", identity, size=1, internal_date=1))

    assert low <= fingerprint("a", identity, size=size, internal_date=None) <= high
    assert low <= fingerprint("a", identity) <= high
    assert low >= -(2**63)
    assert high < 2**63
