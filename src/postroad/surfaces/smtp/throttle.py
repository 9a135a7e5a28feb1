"""Slower and slower answers to whoever keeps guessing passwords.

Failures are counted by the client's address and by the account that was tried. Attempts of an
address stand in line: each one waits behind the one before it, twice as long as that one did. An
account's failures only delay the answer "no", so that nobody can be locked out of an account by
guessing at it. Whoever has logged in before with the same name and password does not wait.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_FAILURES = 3  # typing errors
MAX_DELAY_S = 30.0
MAX_WAIT_S = 60.0  # the line of an address is no longer than that
FORGET_S = 900.0
MAX_KEPT = 20_000


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last_at: float = 0.0
    free_at: float = 0.0  # when the line of this address has been worked off


class Throttle:
    """Counts failed logins in this process. ``monotonic`` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()

    def wait_s(self, address: str) -> float | None:
        """How long an attempt from ``address`` has to wait; ``None``: it need not try."""
        record = self._find(("address", address))
        if record is None or record.failures < FREE_FAILURES:
            return 0.0
        now = self._monotonic()
        starts_at = max(now, record.free_at) + _delay_s(record.failures)
        if starts_at - now > MAX_WAIT_S:
            return None
        record.free_at = starts_at
        return starts_at - now

    def fail(self, address: str, account: str) -> float:
        """Note a failure; for how long the answer to it is held back."""
        self._note(("address", address))
        return _delay_s(self._note(("account", account[:256])).failures)

    def succeed(self, account: str) -> None:
        """Note a success: what was tried on this account before is forgotten."""
        self._records.pop(("account", account[:256]), None)

    def _note(self, key: tuple[str, str]) -> _Record:
        record = self._find(key)
        if record is None:
            record = self._records[key] = _Record()
            if len(self._records) > MAX_KEPT:
                self._records.popitem(last=False)
        record.failures += 1
        record.last_at = self._monotonic()
        self._records.move_to_end(key)
        return record

    def _find(self, key: tuple[str, str]) -> _Record | None:
        record = self._records.get(key)
        if record is not None and self._monotonic() - record.last_at > FORGET_S:
            del self._records[key]
            return None
        return record


def _delay_s(failures: int) -> float:
    if failures < FREE_FAILURES:
        return 0.0
    return min(MAX_DELAY_S, 0.5 * 2.0 ** min(failures - FREE_FAILURES, 16))
