"""The tree of a message's parts, without their contents, however it was learnt.

A mail server tells it as BODYSTRUCTURE; of a message that lies here
:mod:`~postroad.protocol.mime.parser` finds it. RFC 2045, RFC 9051 §7.5.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from postroad.domain.quick import quick_dataclass


@quick_dataclass(frozen=True, slots=True)
class BodyPart:
    """One node. Parameter values are raw octets, still RFC 2047 or RFC 2231 encoded."""

    part: str  # part number, "2.1"; empty for a multipart at the root
    media_type: str  # lower case, "multipart"
    subtype: str  # lower case, "mixed"
    parameters: Mapping[str, bytes] = field(default_factory=dict)  # lower-case names
    content_id: bytes | None = None
    description: bytes | None = None
    encoding: str = "7bit"  # lower case
    size: int = 0  # octets in transfer encoding; 0 for multiparts
    disposition: str | None = None  # lower case
    disposition_parameters: Mapping[str, bytes] = field(default_factory=dict)
    children: tuple[BodyPart, ...] = ()  # of a multipart, or the one message in message/rfc822

    @property
    def content_type(self) -> str:
        return f"{self.media_type}/{self.subtype}"

    @property
    def is_multipart(self) -> bool:
        return self.media_type == "multipart"

    @property
    def is_message(self) -> bool:
        """Whether another message is inside. RFC 2046 §5.2.1, RFC 6532 §3.7."""
        return self.content_type in ("message/rfc822", "message/global")

    def walk(self) -> Iterator[BodyPart]:
        """This node and all below it, in order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def find(self, part: str) -> BodyPart | None:
        """The node that BODY[part] names. A multipart inside a message has no number of its own."""
        return next((node for node in self.walk() if node.part == part), None)
