"""Values that are made by the hundred for one answer.

A frozen dataclass sets its fields through ``object.__setattr__``, one call each: 2.2 µs for one of
22 fields, where a plain one takes 0.3. Most types are made too seldom for that to matter. Those of
which a page of a list or a burst of mail makes hundreds are declared with
:func:`quick_dataclass` instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as quick_dataclass
else:
    from dataclasses import dataclass

    def quick_dataclass(*, frozen: bool, slots: bool):
        """``dataclass(frozen=True, slots=True)`` of which the type checker alone keeps the ice.

        Equality and hash are those of a frozen dataclass; changing a field is an error to mypy and
        not to Python.
        """
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["quick_dataclass"]
