"""The leaves of a whole message: what can be shown or saved by itself.

Nothing is rebuilt: a part is a span of the message, so sizes and contents are exact and a large
message is not copied. Numbers are those of IMAP (RFC 9051 §6.4.5.1): the children of a multipart
count from 1, a message without parts is part 1, and a message inside a message is one leaf.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postroad.protocol.mime.parameters import content_id, filename
from postroad.protocol.mime.parser import ParsedMessage, parse_message
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.transfer import decode_transfer

_HEADER_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One part that has no parts of its own."""

    number: str  # IMAP part number, "2.1"
    content_type: str  # lower case
    is_alternative: bool  # stands in a multipart/alternative: one rendering of the text
    disposition: str | None  # "inline" | "attachment" | whatever else was written, lower case
    filename: str | None  # decoded
    content_id: str | None  # with <>
    encoding: str  # lower case; "7bit" when nothing is said
    start: int  # span of the encoded content in the message
    end: int

    @property
    def encoded_size(self) -> int:
        return self.end - self.start

    @property
    def is_body(self) -> bool:
        """Whether this is text to read rather than a file: no name, not marked as attachment."""
        return (
            self.content_type in ("text/plain", "text/html")
            and self.disposition != "attachment"
            and self.filename is None
        )


def header_block(message: bytes) -> bytes:
    """The octets before the empty line, without it; all of them when there is none."""
    found = _HEADER_END.search(message)
    return message if found is None else message[: found.start()]


def leaves(message: bytes) -> list[Leaf]:
    """All leaf parts in their order. Lenient and bounded as the parser is."""
    parsed = parse_message(message)
    return list(_leaves(parsed.root, parsed, False))


def decoded(message: bytes, leaf: Leaf) -> bytes:
    """The content of ``leaf`` with its transfer encoding removed. RFC 2045 §6."""
    return decode_transfer(message[leaf.start : leaf.end], leaf.encoding)


def _leaves(node: BodyPart, parsed: ParsedMessage, alternative: bool) -> Iterator[Leaf]:
    if node.is_multipart:
        for child in node.children:
            yield from _leaves(child, parsed, alternative or node.subtype == "alternative")
        return
    start, end = parsed.spans[node.part]
    yield Leaf(
        number=node.part,
        content_type=node.content_type,
        is_alternative=alternative,
        disposition=node.disposition,
        filename=filename(node),
        content_id=content_id(node),
        encoding=node.encoding,
        start=start,
        end=end,
    )
