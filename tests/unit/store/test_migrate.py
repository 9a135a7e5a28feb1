"""Which migrations are still to apply."""

from __future__ import annotations

import pytest

from postroad.domain.errors import ConfigError
from postroad.store.dialect import Migration
from postroad.store.migrate import checksum, pending

ALL = [Migration(n, f"m{n}", f"SQL {n}", (f"SQL {n}",)) for n in (1, 2, 3)]
APPLIED = [(m.number, checksum(m)) for m in ALL]


def test_empty_database_needs_all() -> None:
    assert pending(ALL, []) == ALL


def test_only_later_ones_are_left() -> None:
    assert pending(ALL, APPLIED[:2]) == ALL[2:]
    assert list(pending(ALL, APPLIED)) == []


def test_database_ahead_of_the_program_is_refused() -> None:
    with pytest.raises(ConfigError, match="schema 3, this program knows 2"):
        pending(ALL[:2], APPLIED)


def test_changed_migration_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Migration 2 \(m2\)"):
        pending(ALL, [APPLIED[0], (2, "other")])
