"""Patterns for texts that were written without accents, as old mail systems had to."""

from __future__ import annotations

import re
import unicodedata

# Germans write the umlaut as two letters; others leave out what is above or through a letter.
_LETTERS = {
    "ä": "ae?", "ö": "oe?", "ü": "ue?", "ß": "ss", "ł": "l", "đ": "d", "ø": "oe?", "å": "aa?",
    "æ": "ae", "ı": "i",
}  # fmt: skip


class Pattern:
    """A pattern that ignores accents where a text is all ASCII, and case unless told otherwise."""

    __slots__ = ("_accented", "_bare")

    def __init__(self, pattern: str, flags: re.RegexFlag = re.I) -> None:
        self._accented = re.compile(pattern, flags)
        self._bare = re.compile("".join(_bare(letter) for letter in pattern), flags)

    def search(self, text: str) -> re.Match[str] | None:
        """As :meth:`re.Pattern.search`; one search, whatever the text."""
        return (self._bare if text.isascii() else self._accented).search(text)


def _bare(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter in _LETTERS:
        return _LETTERS[letter]
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base.isascii() else letter
