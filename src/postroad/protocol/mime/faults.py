"""Collecting what is wrong with a message, so that a caller hears of every problem at once.

Nothing that could end a header line early gets past this module: CR, LF and NUL are refused in
every text that reaches a header, and so are lone surrogates, which have no octets at all.
"""

from __future__ import annotations

import re

from postroad.domain.errors import FieldProblem, Invalid

# CR and LF end a header field, NUL ends a string in many a mail server. Lone surrogates cannot
# be written as UTF-8. Other control characters are harmless inside encoded words.
_UNWRITABLE = re.compile(r"[\r\n\x00\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def tidy_line(text: str) -> str:
    """``text`` with a blank for each character that could not be written in a header."""
    return _UNWRITABLE.sub(" ", text)


class Faults:
    """Problems found so far. ``key`` is the offending member's own name, as the API spells it."""

    __slots__ = ("_problems",)

    def __init__(self) -> None:
        self._problems: list[FieldProblem] = []

    def add(self, key: str, message: str) -> None:
        """Note one problem, once."""
        problem = FieldProblem(key, message)
        if problem not in self._problems:
            self._problems.append(problem)

    def is_line(self, key: str, text: str, what: str) -> bool:
        """Whether ``text`` may stand in a header; notes the problem when it may not."""
        if _UNWRITABLE.search(text) is None:
            return True
        self.add(key, f"{what} must not contain line breaks, NUL or lone surrogates")
        return False

    def is_text(self, key: str, text: str, what: str) -> bool:
        """Whether ``text`` can be written as UTF-8 in a body; line breaks are welcome there."""
        if text.isascii() or _SURROGATE.search(text) is None:
            return True
        self.add(key, f"{what} must not contain lone surrogates")
        return False

    def settle(self) -> None:
        """Raise :exc:`Invalid` with all problems, if there are any."""
        if self._problems:
            raise Invalid(fields=self._problems)
