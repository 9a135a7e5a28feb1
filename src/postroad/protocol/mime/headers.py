"""Header blocks as they come: fields in order, unfolded and decoded on demand.

Lenient as mail demands: any line end, blanks before the colon, raw UTF-8 or Latin-1. A line that
is neither a field nor a continuation ends the block, as it does in Postfix. RFC 5322 §2.2, §4.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postroad.domain.address import Address
from postroad.domain.quick import quick_dataclass
from postroad.protocol.mime.addresses import addresses
from postroad.protocol.mime.words import decode_words

# CR CR LF is what files look like after a conversion too many; a longer run of CR is several line
# ends, which also keeps this linear.
LINE_END = re.compile(rb"\r{0,2}\n|\r")
_NAME = re.compile(rb"([!-9;-~]{1,998})[ \t]*:")
_ID = re.compile(r"<([!-;=?-~]{1,990})>")
_FOLD = re.compile(r"[\r\n]+(?=[ \t])")
_BREAK = re.compile(r"[\r\n\x00]")


@quick_dataclass(frozen=True, slots=True)
class Field:
    """One header field as it stands."""

    key: str  # name in lower case
    octets: bytes  # the whole field with its name, CRLF between and behind its lines
    value_at: int  # where the value begins in ``octets``

    @property
    def raw(self) -> str:
        """The value unfolded and trimmed, encoded words untouched."""
        octets = self.octets[self.value_at :]
        try:
            text = octets.decode("utf-8")
        except UnicodeDecodeError:
            text = octets.decode("latin-1")
        return _BREAK.sub(" ", _FOLD.sub("", text.rstrip("\r\n"))).strip(" \t")


@dataclass(frozen=True, slots=True)
class Headers:
    """A header block: ordered fields, names compared without case."""

    fields: tuple[Field, ...] = ()

    def get(self, name: str) -> str | None:
        """The first field's value, unfolded and decoded; ``None`` when there is no such field.

        For people. Address fields must be read from :meth:`raw`, or with :meth:`addresses`.
        """
        raw = self.raw(name)
        return None if raw is None else decode_words(raw)

    def get_all(self, name: str) -> list[str]:
        """Values of all fields of that name, unfolded and decoded."""
        return [decode_words(raw) for raw in self.raw_all(name)]

    def raw(self, name: str) -> str | None:
        """The first field's value, unfolded, encoded words untouched."""
        key = name.lower()
        return next((field.raw for field in self.fields if field.key == key), None)

    def raw_all(self, name: str) -> list[str]:
        key = name.lower()
        return [field.raw for field in self.fields if field.key == key]

    def addresses(self, name: str) -> list[Address]:
        """Addresses of all fields of that name together."""
        return [address for raw in self.raw_all(name) for address in addresses(raw)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(f.key == name.lower() for f in self.fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)


def parse_headers(block: bytes, *, skips_junk: bool = False) -> Headers:
    """Read a header block; an empty line, a line that is no field, or the end closes it.

    With ``skips_junk`` lines that are no fields are passed over, which is how mail servers read
    a block of which they know the end by the empty line.
    """
    return Headers(tuple(split_fields(block, skips_junk=skips_junk)[0]))


def split_fields(octets: bytes, *, skips_junk: bool = False) -> tuple[list[Field], int]:
    """Cut the header fields off the front of a message.

    Returns them, with line ends made CRLF and all other octets kept, and where the body begins
    in ``octets``. Only the header block is looked at; linear in its size.
    """
    fields: list[Field] = []
    lines: list[bytes] = []
    at, size = 0, len(octets)
    while at < size:
        end = LINE_END.search(octets, at)
        line_end, next_at = (end.start(), end.end()) if end is not None else (size, size)
        if line_end == at:
            at = next_at
            break
        if octets[at] in b" \t" and lines:
            lines.append(octets[at:line_end])
        elif _NAME.match(octets, at, line_end) is not None:
            _close(lines, fields)
            lines = [octets[at:line_end]]
        elif skips_junk:
            _close(lines, fields)
            lines = []
        else:
            break
        at = next_at
    _close(lines, fields)
    return fields, at


def make_field(line: str) -> Field:
    """A field from text as the writing side makes it, CRLF included."""
    name, _, _ = line.partition(":")
    return Field(name.lower(), line.encode(), len(name.encode()) + 1)


def message_ids(value: str) -> list[str]:
    """Message ids in a field, each with its ``<>``, in order.

    Ids with blanks or octets beyond ASCII, or too long for any line, are left out: they could
    not be written again. A bare ``id@host`` without brackets is taken when it stands alone.
    RFC 5322 §3.6.4.
    """
    found = [f"<{inner}>" for inner in _ID.findall(value)]
    if not found and "<" not in value:
        bare = value.strip()
        if "@" in bare and _ID.fullmatch(f"<{bare}>"):
            found = [f"<{bare}>"]
    return found


def _close(lines: Sequence[bytes], fields: list[Field]) -> None:
    if not lines:
        return
    match = _NAME.match(lines[0])
    assert match is not None  # only such a line begins a field
    octets = b"\r\n".join(lines) + b"\r\n"
    fields.append(Field(match[1].decode("ascii").lower(), octets, match.end()))
