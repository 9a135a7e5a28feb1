"""How many accounts are served at one origin at a time, and which wait for it.

A target that hangs must not eat all the slots, so each origin has a share of them, and one that
does not answer has a small share until it does. Accounts beyond the share are parked and come
back one by one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_MAX_REMEMBERED = 1_000  # origins that are down and nobody is served at


@dataclass(slots=True)
class _Origin:
    active: int = 0
    is_down: bool = False  # the last request was not answered at all
    parked: deque[str] = field(default_factory=deque)


class Origins:
    """Shares of ``concurrency`` slots: three quarters for an origin, one eighth when it is down."""

    def __init__(self, concurrency: int) -> None:
        self._share = max(1, concurrency * 3 // 4)
        self._small_share = max(1, concurrency // 8)
        self._origins: dict[str, _Origin] = {}

    def enter(self, origin: str) -> bool:
        """Take a place at an origin; false when its share is used up."""
        at = self._origins.setdefault(origin, _Origin())
        if at.active >= self._share_of(at):
            return False
        at.active += 1
        return True

    def leave(self, origin: str) -> list[str]:
        """Give the place back; the accounts to be served there next, if any are parked."""
        at = self._origins[origin]
        at.active -= 1
        next_ones: list[str] = []
        # More than one after an origin has come back and its share has grown.
        while at.parked and at.active + len(next_ones) < self._share_of(at):
            next_ones.append(at.parked.popleft())
        is_forgettable = not at.is_down or len(self._origins) > _MAX_REMEMBERED
        if not at.active and not next_ones and is_forgettable:
            del self._origins[origin]
        return next_ones

    def park(self, origin: str, account: str) -> None:
        """Let an account wait for the next place. Only after :meth:`enter` was refused."""
        self._origins[origin].parked.append(account)

    def note(self, origin: str, *, is_up: bool) -> None:
        """Remember whether the origin answered the last request, with whatever status."""
        self._origins[origin].is_down = not is_up

    def is_up(self, origin: str) -> bool:
        """Whether nothing speaks against sending many requests there."""
        at = self._origins.get(origin)
        return at is None or not at.is_down

    def _share_of(self, at: _Origin) -> int:
        return self._small_share if at.is_down else self._share
