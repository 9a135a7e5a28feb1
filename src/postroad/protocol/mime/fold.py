"""Writing header fields: folding, and encoded words where the field may hold them.

Lines end at 76 characters, inside the 78 that RFC 5322 §2.1.1 asks for, because RFC 2047 §2
allows no more on a line with encoded words. A fold replaces one space that is already there, so
that unfolding gives the very same text back. Only a single token without a space can make a
line longer; one beyond the limit of 998 octets is refused by whoever calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from postroad.protocol.mime.words import encode_words

WIDTH = 76
MAX_LINE = 998  # octets without CRLF. RFC 5322 §2.1.1
MAX_TOKEN = MAX_LINE - 1  # a token alone on its line, behind the folding space

# A run of several spaces is no place to fold: some readers collapse what begins a line.
_FOLD_POINT = re.compile(r"(?<=[^ \t]) (?=[^ \t])")
_PRINTABLE = re.compile(r"[ -~]*")
_UNSAFE = re.compile(r"[^ -~]|=\?")


class Folder:
    """One field being written, token by token; :meth:`finish` gives the lines with CRLF."""

    __slots__ = ("_column", "_first", "_parts")

    def __init__(self, name: str) -> None:
        self._parts = [name, ":"]
        self._column = len(name) + 1
        self._first = True

    @property
    def room(self) -> int:
        """Characters that a further token may take on the current line."""
        return WIDTH - 1 - self._column

    def add(self, token: str) -> None:
        """Write one token behind a space or a fold; it is never broken.

        The first token stays beside the field's name even when that line becomes long: some mail
        servers misread a field that begins with a fold. It moves only when the line would
        exceed what RFC 5322 allows.
        """
        end = self._column + 1 + len(token)
        limit = WIDTH
        if self._first:
            self._first = False
            if not token.startswith("=?") and token.isascii():
                limit = MAX_LINE
        if end > limit:
            self._parts.append("\r\n ")
            self._column = 1 + len(token)
        else:
            self._parts.append(" ")
            self._column = end
        self._parts.append(token)

    def finish(self) -> str:
        self._parts.append("\r\n")
        return "".join(self._parts)


def fold_tokens(name: str, tokens: Iterable[str]) -> str:
    """A field of tokens that are never broken or encoded: message ids, or text as it stands."""
    folder = Folder(name)
    for token in tokens:
        folder.add(token)
    return folder.finish()


def split_tokens(value: str) -> list[str]:
    """Cut a value at the spaces where it may be folded."""
    return _FOLD_POINT.split(value)


def fold_verbatim(name: str, value: str) -> str:
    """An ASCII value as it stands, folded at spaces only."""
    if len(name) + 2 + len(value) <= WIDTH:
        return f"{name}: {value}\r\n"
    return fold_tokens(name, split_tokens(value))


def fold_text(name: str, value: str) -> str:
    """An unstructured field: plain where it can be, encoded words where it must. RFC 2047 §5 (1).

    ``value`` holds no line break. Leading and trailing blanks, tabs, other controls, tokens that
    look like encoded words and tokens too long for a line survive inside encoded words. What
    needs them is spelled as one run, from the first such token to the last.
    """
    if (
        len(name) + 2 + len(value) <= WIDTH
        and _PRINTABLE.fullmatch(value)
        and "=?" not in value
        and not value.startswith(" ")
        and not value.endswith(" ")
    ):
        return f"{name}: {value}\r\n"
    tokens = split_tokens(value)
    unsafe = [i for i, token in enumerate(tokens) if _needs_words(token)]
    if not unsafe:
        return fold_tokens(name, tokens)
    folder = Folder(name)
    for token in tokens[: unsafe[0]]:
        folder.add(token)
    for word in encode_words(" ".join(tokens[unsafe[0] : unsafe[-1] + 1]), folder.room):
        folder.add(word)
    for token in tokens[unsafe[-1] + 1 :]:
        folder.add(token)
    return folder.finish()


def fold_list(name: str, items: Sequence[Sequence[str]]) -> str:
    """A field of items with commas between them, each item given as tokens."""
    folder = Folder(name)
    last = len(items) - 1
    for i, item in enumerate(items):
        comma = "," if i < last else ""
        if len(item) > 1:
            whole = " ".join(item) + comma
            # Rather a new line than a fold inside an item; the first one has no new line to go to.
            if len(whole) <= folder.room or (i and len(whole) < WIDTH):
                folder.add(whole)
                continue
            for token in item[:-1]:
                folder.add(token)
        folder.add(item[-1] + comma)
    return folder.finish()


def _needs_words(token: str) -> bool:
    return (
        len(token) > WIDTH - 1
        or _UNSAFE.search(token) is not None
        or token.startswith(" ")
        or token.endswith(" ")
    )
