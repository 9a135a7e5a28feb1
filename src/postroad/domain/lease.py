"""Holding a name while a process lives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """A node's hold on a name. ``token`` only ever grows, so a late writer can be told apart."""

    name: str  # "account:<id>", "job:<name>"
    node_id: str
    token: int
