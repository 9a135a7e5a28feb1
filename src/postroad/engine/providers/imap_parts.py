"""Parts of a message as a BODYSTRUCTURE tells of them, for composing another message."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

import pybase64

from postroad.domain.message import PartInfo
from postroad.protocol.imap.structure import BodyPart
from postroad.protocol.mime.parameters import content_id, filename
from postroad.protocol.mime.structure import Leaf, decoded


def attachable(root: BodyPart) -> Iterator[BodyPart]:
    """Leaves that are not text to read, in order; a message inside the message is one leaf.

    Contract B-053, and as people see it a text with a file name is a file.
    """
    for child in root.children if root.is_multipart else ():
        yield from attachable(child)
    if root.is_multipart:
        return
    is_text = root.content_type in ("text/plain", "text/html")
    if not is_text or root.disposition == "attachment" or filename(root) is not None:
        yield root


def part_info(part: BodyPart) -> PartInfo:
    return PartInfo(
        part=part.part,
        content_type=part.content_type,
        filename=filename(part),
        disposition=part.disposition,
        content_id=content_id(part),
        encoded_size=part.size,
    )


def decode(part: BodyPart, content: bytes) -> bytes:
    """Remove the transfer encoding of ``content``, which the server gave for ``part``."""
    if part.encoding == "base64":
        try:
            # Skips line ends without a copy of what may be 25 MiB.
            return pybase64.b64decode(content)
        except binascii.Error:
            pass  # cut short or badly padded; the other way saves what can be saved
    leaf = Leaf(
        number=part.part,
        content_type=part.content_type,
        is_alternative=False,
        disposition=part.disposition,
        filename=None,
        content_id=None,
        encoding=part.encoding,
        start=0,
        end=len(content),
    )
    return decoded(content, leaf)
