"""Which parts of a message are text to read and which are attachments. Contract B-053, B-054.

Text is every ``text/plain`` and ``text/html`` part that is not marked as an attachment; whatever
else is no multipart is an attachment, signatures, encrypted parts, calendars and TNEF included.
A message inside the message is an attachment, and so are its attachments; its texts are not
texts of the message around it.
"""

from __future__ import annotations

from postroad.domain.quick import quick_dataclass
from postroad.protocol.mime.part import BodyPart


@quick_dataclass(frozen=True, slots=True)
class Placed:
    """An attachment and where it stands."""

    part: BodyPart
    is_embedded: bool = False  # somewhere inside multipart/related
    is_in_message: bool = False  # below a message/rfc822 part

    @property
    def is_inline(self) -> bool:
        disposition = self.part.disposition
        return disposition == "inline" or (disposition is None and self.is_embedded)


@quick_dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a message by what they are for, each in order."""

    plain: tuple[BodyPart, ...] = ()
    html: tuple[BodyPart, ...] = ()
    attachments: tuple[Placed, ...] = ()


def layout(root: BodyPart) -> Layout:
    """Sort the parts below ``root``."""
    plain: list[BodyPart] = []
    html: list[BodyPart] = []
    attachments: list[Placed] = []

    def place(node: BodyPart, is_embedded: bool, is_in_message: bool) -> None:
        if node.media_type == "multipart":
            is_embedded = is_embedded or node.subtype == "related"
        elif not _is_text(node):
            attachments.append(Placed(node, is_embedded, is_in_message))
            is_in_message = is_in_message or bool(node.children)
        elif not is_in_message:
            (plain if node.subtype == "plain" else html).append(node)
        for child in node.children:
            place(child, is_embedded, is_in_message)

    place(root, False, False)  # no reader of structures goes deeper than Python can follow
    return Layout(tuple(plain), tuple(html), tuple(attachments))


def _is_text(node: BodyPart) -> bool:
    return (
        node.media_type == "text"
        and node.subtype in ("plain", "html")
        and node.disposition != "attachment"
    )
