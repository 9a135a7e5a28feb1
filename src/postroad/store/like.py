"""Substring search with LIKE."""

from __future__ import annotations

_SPECIAL = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


def contains(text: str) -> str:
    """The pattern that finds ``text`` anywhere in a casefolded column, ``ESCAPE '\\'``."""
    return f"%{text.casefold().translate(_SPECIAL)}%"
