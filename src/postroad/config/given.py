"""How a field of the configuration says what it is."""

from __future__ import annotations

from postroad.config import values


class Given:
    """What an annotation says of a field: how it is read, what it does, which variables set it."""

    def __init__(self, read: values.Reader, sentence: str, *variables: str) -> None:
        self.read = read
        self.sentence = sentence
        self.variables = variables  # the first is ours and wins
