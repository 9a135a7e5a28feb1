"""Which parts of a message are text to read and which are attachments. Contract B-053, B-054.

Text is every ``text/plain`` and ``text/html`` part that is not marked as an attachment; whatever
else is no multipart is an attachment, signatures, encrypted parts, calendars and TNEF included.
A message inside the message is an attachment, and so are its attachments; its texts are not
texts of the message around it.
"""

from __future__ import annotations

from dataclasses import dataclass

from postroad.protocol.mime.part import BodyPart


@dataclass(frozen=True, slots=True)
class Placed:
    """An attachment and where it stands."""

    part: BodyPart
    is_embedded: bool = False  # somewhere inside multipart/related
    is_in_message: bool = False  # below a message/rfc822 part

    @property
    def is_inline(self) -> bool:
        disposition = self.part.disposition
        return disposition == "inline" or (disposition is None and self.is_embedded)


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a message by what they are for, each in order."""

    plain: tuple[BodyPart, ...] = ()
    html: tuple[BodyPart, ...] = ()
    attachments: tuple[Placed, ...] = ()


def layout(root: BodyPart) -> Layout:
    """Sort the parts below ``root``."""
    if not root.children:  # most mail that machines write
        return _of_one(root)
    plain: list[BodyPart] = []
    html: list[BodyPart] = []
    attachments: list[Placed] = []
    stack = [(root, False, False)]
    while stack:
        node, is_embedded, is_in_message = stack.pop()
        if node.media_type == "multipart":
            is_embedded = is_embedded or node.subtype == "related"
        elif not _is_text(node):
            attachments.append(Placed(node, is_embedded, is_in_message))
            is_in_message = is_in_message or bool(node.children)
        elif not is_in_message:
            (plain if node.subtype == "plain" else html).append(node)
        if node.children:
            stack += [(child, is_embedded, is_in_message) for child in node.children[::-1]]
    return Layout(tuple(plain), tuple(html), tuple(attachments))


def _of_one(node: BodyPart) -> Layout:
    if node.media_type == "multipart":
        return Layout()
    if not _is_text(node):
        return Layout(attachments=(Placed(node),))
    return Layout(plain=(node,)) if node.subtype == "plain" else Layout(html=(node,))


def _is_text(node: BodyPart) -> bool:
    return (
        node.media_type == "text"
        and node.subtype in ("plain", "html")
        and node.disposition != "attachment"
    )
