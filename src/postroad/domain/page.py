"""Pages of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


def pages_of(total: int, page_size: int) -> int:
    """How many pages hold ``total`` items; 0 for none. Contract B-027."""
    return -(-total // page_size)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. ``page`` counts from 0; one past the end has no items."""

    items: Sequence[T]
    total: int
    page: int
    pages: int
