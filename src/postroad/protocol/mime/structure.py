"""The part tree of a whole message, found by cutting its octets at the boundaries.

Nothing is rebuilt: a part is a span of the message, so sizes and contents are exact and a large
message is not copied. For messages that lie here as octets; a server's BODYSTRUCTURE says the
same of those that lie elsewhere.

Numbers are those of IMAP (RFC 9051 §6.4.5.1): the children of a multipart count from 1, a
message without parts is part 1, and a message inside a message is one leaf.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

import pybase64

MAX_DEPTH = 32
MAX_PARTS = 1000  # leaves; what lies behind is left out
_HEADER_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


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
    """All leaf parts in their order, at most :data:`MAX_PARTS`.

    Lenient as mail clients are: a multipart without a usable boundary is a leaf, a missing end
    boundary ends with the message, nesting beyond :data:`MAX_DEPTH` is a leaf. RFC 2046 §5.1.
    """
    found = []
    for leaf in _walk(message, 0, len(message), "", 0, "text/plain", False):
        found.append(leaf)
        if len(found) == MAX_PARTS:
            break
    return found


def decoded(message: bytes, leaf: Leaf) -> bytes:
    """The content of ``leaf`` with its transfer encoding removed. RFC 2045 §6.

    Foreign characters inside base64 are skipped as §6.8 asks for; an incomplete last group is
    dropped. Unknown encodings are given as they are.
    """
    content = message[leaf.start : leaf.end]
    match leaf.encoding:
        case "base64":
            clean = _NOT_BASE64.sub(b"", content)
            clean = clean[: len(clean) - (len(clean) % 4 == 1)]
            return pybase64.b64decode(clean + b"=" * (-len(clean) % 4))
        case "quoted-printable":
            return a2b_qp(content)
        case _:
            return content


def _walk(
    message: bytes, start: int, end: int, number: str, depth: int, default: str, alternative: bool
) -> Iterator[Leaf]:
    head_end, body = head_and_body(message, start, end)
    head = message_from_bytes(message[start:head_end] + b"\r\n\r\n")
    head.set_default_type(default)
    boundary = boundary_of(head)
    if boundary is None or depth >= MAX_DEPTH:
        yield _leaf(head, number or "1", body, end, alternative)
        return
    subtype = head.get_content_subtype()
    child_default = "message/rfc822" if subtype == "digest" else "text/plain"
    for count, (child_start, child_end) in enumerate(cut(message, body, end, boundary), 1):
        child = f"{number}.{count}" if number else str(count)
        yield from _walk(
            message,
            child_start,
            child_end,
            child,
            depth + 1,
            child_default,
            alternative or subtype == "alternative",
        )


def head_and_body(message: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the header of a part ends, and where its body begins."""
    # Pattern \A does not match at an offset, so a part that begins with an empty line is told here.
    if message.startswith((b"\r\n", b"\n"), start, end):
        return start, start + (2 if message.startswith(b"\r\n", start) else 1)
    found = _HEADER_END.search(message, start, end)
    return (end, end) if found is None else found.span()


def boundary_of(head: Message) -> bytes | None:
    """The boundary of a multipart that has a usable one."""
    if head.get_content_maintype() != "multipart":
        return None
    boundary = head.get_boundary()
    return boundary.encode("utf-8", "surrogateescape") if boundary else None


def cut(message: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    """The spans between the delimiter lines; the line break before one belongs to it."""
    delimiter = re.compile(
        rb"(?:\A|\r?\n|(?<=\n))--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    line_end = re.compile(rb"\r?\n")
    content = None
    # Searching in a span makes \A and \Z mean its ends only for the whole string, so the body's
    # own first line is told by the look-behind and its last by the end of the message.
    for found in delimiter.finditer(message, start, end):
        if content is not None:
            yield content, max(content, found.start())
        if found[1]:
            return
        after = line_end.match(message, found.end(), end)
        content = after.end() if after else end
    if content is not None:
        yield content, end


def _leaf(head: Message, number: str, start: int, end: int, alternative: bool) -> Leaf:
    disposition = head.get_content_disposition()
    return Leaf(
        number=number,
        content_type=head.get_content_type(),
        is_alternative=alternative,
        disposition=disposition,
        filename=_filename(head),
        content_id=_content_id(head),
        encoding=str(head.get("Content-Transfer-Encoding", "7bit")).strip().lower(),
        start=start,
        end=end,
    )


def _filename(head: Message) -> str | None:
    # RFC 2231 is undone by the library; many senders put encoded words there instead.
    name = head.get_filename()
    if name and "=?" in name:
        try:
            name = str(make_header(decode_header(name)))
        except (HeaderParseError, LookupError, UnicodeDecodeError, ValueError):
            pass  # shown as it was written
    return name or None


def _content_id(head: Message) -> str | None:
    value = str(head.get("Content-ID", "")).strip()
    return f"<{value.strip('<>')}>" if value.strip("<>") else None
