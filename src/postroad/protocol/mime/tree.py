"""The tree of a whole message in the words of BODYSTRUCTURE, as a mail server would tell it.

For messages that lie here as octets. Parts are numbered as IMAP does (RFC 9051 §6.4.5.1): a lone
part is 1, and the parts of a message in part ``2`` are ``2.1``, ``2.2`` ... Lenient as
:mod:`postroad.protocol.mime.structure` is, and bounded as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from urllib.parse import quote_from_bytes

from postroad.protocol.imap.structure import BodyPart
from postroad.protocol.mime.structure import (
    MAX_DEPTH,
    MAX_PARTS,
    boundary_of,
    cut,
    head_and_body,
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The parts, and where the encoded contents of those with a number lie in the message."""

    root: BodyPart
    spans: Mapping[str, tuple[int, int]]


def tree(message: bytes) -> Tree:
    """Take a message apart; what lies behind :data:`MAX_PARTS` parts is left out."""
    reader = _Reader(message)
    root = reader.node(0, len(message), "", 0, "text/plain", is_root=True)
    return Tree(root, reader.spans)


class _Reader:
    def __init__(self, message: bytes) -> None:
        self._message = message
        self._count = 0
        self.spans: dict[str, tuple[int, int]] = {}

    def node(
        self, start: int, end: int, prefix: str, depth: int, default: str, *, is_root: bool
    ) -> BodyPart:
        self._count += 1
        head_end, body = head_and_body(self._message, start, end)
        head = message_from_bytes(self._message[start:head_end] + b"\r\n\r\n")
        head.set_default_type(default)
        boundary = boundary_of(head)
        if boundary is not None and depth < MAX_DEPTH:
            return self._multipart(head, body, end, prefix, depth, boundary)
        part = f"{prefix}.1".lstrip(".") if is_root else prefix
        self.spans[part] = body, end
        children: tuple[BodyPart, ...] = ()
        kind = head.get_content_type()
        # An encoded message inside is one that no server would look into. RFC 2046 §5.2.1
        if kind in ("message/rfc822", "message/global") and depth < MAX_DEPTH:
            if _encoding(head) in ("7bit", "8bit", "binary") and self._count < MAX_PARTS:
                inner = self.node(body, end, part, depth + 1, "text/plain", is_root=True)
                children = (inner,)
        if head.get_content_maintype() == "multipart":
            kind = "text/plain"  # without a usable boundary it can only be read as it is
        return _part(head, part, kind, end - body, children)

    def _multipart(
        self, head: Message, body: int, end: int, prefix: str, depth: int, boundary: bytes
    ) -> BodyPart:
        default = "message/rfc822" if head.get_content_subtype() == "digest" else "text/plain"
        children: list[BodyPart] = []
        for child_start, child_end in cut(self._message, body, end, boundary):
            if self._count >= MAX_PARTS:
                break
            number = f"{prefix}.{len(children) + 1}".lstrip(".")
            children.append(
                self.node(child_start, child_end, number, depth + 1, default, is_root=False)
            )
        return _part(head, prefix, head.get_content_type(), 0, tuple(children))


def _part(
    head: Message, part: str, kind: str, size: int, children: tuple[BodyPart, ...]
) -> BodyPart:
    media_type, _, subtype = kind.partition("/")
    return BodyPart(
        part=part,
        media_type=media_type,
        subtype=subtype,
        parameters=_parameters(head, "Content-Type"),
        content_id=_octets(head, "Content-ID"),
        description=_octets(head, "Content-Description"),
        encoding="7bit" if media_type == "multipart" else _encoding(head),
        size=size,
        disposition=head.get_content_disposition(),
        disposition_parameters=_parameters(head, "Content-Disposition"),
        children=children,
    )


def _encoding(head: Message) -> str:
    return str(head.get("Content-Transfer-Encoding", "7bit")).strip().lower() or "7bit"


def _octets(head: Message, name: str) -> bytes | None:
    value = head.get(name)
    return None if value is None else str(value).strip().encode("utf-8", "replace")


def _parameters(head: Message, field: str) -> dict[str, bytes]:
    """Raw values; what the library has put together of RFC 2231 sections is spelled out again."""
    found: dict[str, bytes] = {}
    told: list[tuple[str, object]] = [*(head.get_params(header=field, unquote=True) or [])[1:]]
    for name, value in told:
        if isinstance(value, tuple):
            charset, language, text = value
            octets = text.encode("latin-1", "replace")
            encoded = f"{charset or 'utf-8'}'{language or ''}'{quote_from_bytes(octets)}"
            found.setdefault(f"{name.lower()}*", encoded.encode("utf-8", "replace"))
        else:
            found.setdefault(name.lower(), str(value).encode("utf-8", "surrogateescape"))
    return found
