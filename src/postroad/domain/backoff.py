"""When to try again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential delays from ``base_ms``, doubling, never above ``cap_ms``.

    Each delay is shortened by a random share of up to ``jitter``, so that what failed together
    does not return together.
    """

    base_ms: int = 5_000
    cap_ms: int = 6 * 3_600_000
    jitter: float = 0.2

    def nominal_ms(self, attempts: int) -> int:
        """The delay after attempt number ``attempts`` (1 is the first), without jitter."""
        # The shift is bounded so that a horizon of many days cannot build a huge integer.
        return min(self.cap_ms, self.base_ms << min(attempts - 1, 40)) if attempts > 0 else 0

    def delay_ms(self, attempts: int, rng: Random) -> int:
        """The delay after attempt number ``attempts``, shortened at random."""
        nominal = self.nominal_ms(attempts)
        return int(nominal * (1 - self.jitter * rng.random()))
