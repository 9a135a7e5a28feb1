"""The part tree of a message that lies here as octets.

Nothing is rebuilt: a part is a span of the message, so sizes and contents are exact and a large
message is not copied. The tree is the one that a mail server would tell as BODYSTRUCTURE, with
the same part numbers (RFC 9051 §6.4.5.1).

Lenient as mail clients are: a multipart without a usable boundary is text, a missing end boundary
ends with the parts around it, headers may lack the empty line behind them. Time is linear in the
size whatever the octets say: each line that could be a boundary is looked at twice at most, and
nothing but headers is looked at otherwise. RFC 2046 §5.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from postroad.protocol.mime.headers import Headers, parse_headers
from postroad.protocol.mime.parameters import split_value
from postroad.protocol.mime.part import BodyPart

MAX_DEPTH = 32  # of multiparts and messages in each other; deeper ones are left whole
MAX_PARTS = 1_000  # what lies behind belongs to the last one

_BLANK = re.compile(rb"\n\r{0,2}\n")
_FIRST_BLANK = re.compile(rb"\r{0,2}\n")
_FIELD = re.compile(rb"(?:>?From [^\n]{0,998}\n)?[!-9;-~]{1,998}[ \t]{0,99}:|[ \t]|--")
_DASHES = re.compile(rb"(?:\A|\n)(--[^\n]{0,300})")
_IDENTITY = frozenset({"7bit", "8bit", "binary", ""})
_STRUCTURAL = re.compile(
    rb"(?:\A|(?<=\n))(content-(?:type|transfer-encoding|disposition|id|description))[ \t]{0,20}:"
    rb"([^\n]*(?:\n[ \t][^\n]*)*)",
    re.I,
)
_FOLD = re.compile(rb"[\r\n]+")


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message cut into its parts. Spans are places in the octets that were parsed."""

    octets: bytes = field(repr=False)
    headers_end: int  # where the header block of the message ends, without the empty line
    root: BodyPart
    spans: Mapping[str, tuple[int, int]]  # body of each part that has a number

    @property
    def header_block(self) -> bytes:
        return self.octets[: self.headers_end]

    @property
    def headers(self) -> Headers:
        return parse_headers(self.header_block, skips_junk=True)

    def body(self, part: str) -> bytes | None:
        """The octets of a part in their transfer encoding; ``None`` when there is no such part."""
        span = self.spans.get(part)
        return None if span is None else self.octets[span[0] : span[1]]


@dataclass(slots=True)
class _Node:
    """A part in work."""

    number: str  # of the part; for a multipart the prefix of its children
    fields: Mapping[str, bytes]
    start: int  # of the body
    kind: tuple[str, str] = ("text", "plain")
    parameters: Mapping[str, bytes] = field(default_factory=dict)
    encoding: str = "7bit"
    end: int = -1
    boundary: bytes | None = None  # of a multipart
    is_in_message: bool = False  # it is the message inside its parent
    children: list[_Node] = field(default_factory=list)


def parse_message(octets: bytes) -> ParsedMessage:
    """Find the parts of a whole message. Never fails, linear in the size."""
    if b"\n" not in octets and b"\r" in octets:
        octets = octets.replace(b"\r", b"\n")  # an old Macintosh; no octet moves
    return _Parser(octets).run()


class _Delimiter(NamedTuple):
    where: int  # of its first hyphen
    depth: int  # of its multipart among the open ones
    is_final: bool


class _Parser:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._size = len(octets)
        self._blank = -1  # the next empty line from where we are, as far as it is known
        self._count = 0
        self._open: list[_Node] = []  # multiparts and messages around the part in work
        self._boundaries: dict[bytes, int] = {}  # delimiter line -> how deep its multipart is
        self._headers_end = 0

    def run(self) -> ParsedMessage:
        root = self._begin(0, "", ("text", "plain"), is_root=True)
        node = root
        while True:
            closed = self._descend(node)
            following = self._close(closed)
            if following is None:
                break
            node = following
        self._end(root, self._size)
        spans: dict[str, tuple[int, int]] = {}
        return ParsedMessage(self._octets, self._headers_end, _freeze(root, spans), spans)

    def _descend(self, node: _Node) -> _Delimiter | None:
        """Open what ``node`` opens, down to a leaf; the delimiter that ends it, if any."""
        while True:
            if len(self._open) < MAX_DEPTH and self._count < MAX_PARTS:
                if node.kind[0] == "multipart" and (boundary := _boundary(node)):
                    node.boundary = boundary
                    self._push(node)
                elif _is_message(node):
                    self._push(node)
                    inner = self._begin(node.start, node.number, ("text", "plain"), is_root=True)
                    inner.is_in_message = True
                    node.children.append(inner)
                    node = inner
                    continue
            return self._next_delimiter(node.start)

    def _push(self, node: _Node) -> None:
        self._open.append(node)
        if node.boundary is not None:
            # An inner multipart with the boundary of an outer one could never be told from it.
            self._boundaries.setdefault(b"--" + node.boundary, len(self._open) - 1)

    def _next_delimiter(self, start: int, end: int | None = None) -> _Delimiter | None:
        """The next line from ``start`` on that is a delimiter of an open multipart."""
        if not self._boundaries:
            return None
        end = self._size if end is None else end
        for match in _DASHES.finditer(self._octets, max(start - 1, 0), end):
            if match.start(1) < start:
                continue
            line = match[1].rstrip(b" \t\r")
            if (depth := self._boundaries.get(line)) is not None:
                return _Delimiter(match.start(1), depth, False)
            if line.endswith(b"--") and (depth := self._boundaries.get(line[:-2])) is not None:
                return _Delimiter(match.start(1), depth, True)
        return None

    def _close(self, found: _Delimiter | None) -> _Node | None:
        """End all that the delimiter ends and begin the part behind it; ``None`` at the end."""
        while found is not None:
            where, depth, is_final = found
            end = self._before(where)
            self._drop(depth + 1, end)
            multipart = self._open[depth]
            if multipart.children:
                self._end(multipart.children[-1], end)
            after = self._octets.find(b"\n", where)
            start = after + 1 if after >= 0 else self._size
            if is_final:
                multipart.end = start
                self._drop(depth, start)
            elif self._count < MAX_PARTS:
                number = f"{multipart.number}.{len(multipart.children) + 1}".lstrip(".")
                is_digest = multipart.kind[1] == "digest"
                default = ("message", "rfc822") if is_digest else ("text", "plain")
                child = self._begin(start, number, default, is_root=False)
                multipart.children.append(child)
                return child
            found = self._next_delimiter(start)
        self._drop(0, self._size)
        return None

    def _drop(self, depth: int, end: int) -> None:
        """Close multiparts and messages from the inside out, down to ``depth``."""
        while len(self._open) > depth:
            node = self._open.pop()
            if node.children:
                self._end(node.children[-1], end)
            if node.boundary is not None:
                key = b"--" + node.boundary
                if self._boundaries.get(key) == len(self._open):
                    del self._boundaries[key]
            self._end(node, end)

    def _end(self, node: _Node, end: int) -> None:
        if node.end < 0:
            node.end = max(end, node.start)

    def _before(self, where: int) -> int:
        """The line break before a delimiter belongs to it."""
        end = where - 1 if where else 0
        while end and self._octets[end - 1] == 0x0D:
            end -= 1
        return end

    def _begin(self, start: int, number: str, default: tuple[str, str], *, is_root: bool) -> _Node:
        """Read the header block at ``start`` and begin the part that it describes."""
        self._count += 1
        head_end, body = self._header_span(start)
        if number == "" and is_root:
            self._headers_end = head_end
        fields = _fields(self._octets[start:head_end])
        node = _Node(number, fields, body)
        _describe(node, default)
        if is_root and node.kind[0] != "multipart":
            node.number = f"{number}.1".lstrip(".")
        return node

    def _header_span(self, start: int) -> tuple[int, int]:
        """Where the header block ends and where the body begins."""
        octets = self._octets
        first = _FIRST_BLANK.match(octets, start)
        if first is not None:
            return start, first.end()
        if _FIELD.match(octets, start) is None:
            return start, start  # no header at all: what stands here is to be read
        if self._blank < start:
            found = _BLANK.search(octets, start)
            self._blank = found.start() if found is not None else self._size
        head_end = body = min(self._blank + 1, self._size)
        if self._blank < self._size:
            after = octets.find(b"\n", self._blank + 1)
            body = after + 1
        # A delimiter inside the header block ends a part that has no body.
        cut = self._next_delimiter(start, head_end)
        if cut is not None:
            return cut.where, cut.where
        return head_end, body


def _fields(block: bytes) -> dict[str, bytes]:
    """The first of each field that says something of the structure, unfolded."""
    found: dict[bytes, bytes] = {}
    for name, value in _STRUCTURAL.findall(block):
        found.setdefault(name.lower(), _FOLD.sub(b"", value).strip(b" \t"))
    return {name.decode("ascii"): value for name, value in found.items()}


def _describe(node: _Node, default: tuple[str, str]) -> None:
    kind, node.parameters = split_value(node.fields.get("content-type", b""))
    main, _, sub = kind.decode("latin-1").partition("/")
    if main and sub:
        node.kind = main, sub
    elif main in ("text", "multipart"):
        node.kind = main, "plain" if main == "text" else "mixed"
    elif not main:
        node.kind = default
    else:
        node.kind = "text", "plain"  # RFC 2045 §5.2: what makes no sense is text
    encoding = node.fields.get("content-transfer-encoding", b"").decode("latin-1").lower()
    node.encoding = encoding.partition(";")[0].partition("(")[0].strip(" \t\"'") or "7bit"


def _boundary(node: _Node) -> bytes | None:
    boundary = node.parameters.get("boundary", b"").rstrip(b" \t")
    return boundary if 0 < len(boundary) <= 250 else None


def _is_message(node: _Node) -> bool:
    return (
        node.kind[0] == "message"
        and node.kind[1] in ("rfc822", "global")
        and node.encoding in _IDENTITY
    )


def _freeze(node: _Node, spans: dict[str, tuple[int, int]]) -> BodyPart:
    """The finished tree; recursion is bounded by :data:`MAX_DEPTH`."""
    end = max(node.end, node.start)
    kind, number, parameters = node.kind, node.number, node.parameters
    if kind[0] == "multipart" and not node.children:
        # Nothing was found to be cut: all of it can still be read as text.
        kind = "text", "plain"
        if node.is_in_message or not number:
            number = f"{number}.1".lstrip(".")
        parameters = {}
    children = tuple(_freeze(child, spans) for child in node.children)
    is_multipart = kind[0] == "multipart"
    if not is_multipart:
        spans[number] = (node.start, end)
    disposition, disposition_parameters = split_value(node.fields.get("content-disposition", b""))
    return BodyPart(
        part=number,
        media_type=kind[0],
        subtype=kind[1],
        parameters=parameters,
        content_id=node.fields.get("content-id"),
        description=node.fields.get("content-description"),
        encoding="7bit" if is_multipart else node.encoding,
        size=0 if is_multipart else end - node.start,
        disposition=disposition.decode("latin-1") or None,
        disposition_parameters=disposition_parameters,
        children=children,
    )
