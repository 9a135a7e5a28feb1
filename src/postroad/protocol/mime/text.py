"""The text of one part as a reader should see it."""

from __future__ import annotations

import re

from postroad.protocol.mime.charsets import decode_octets
from postroad.protocol.mime.flowed import unflow
from postroad.protocol.mime.parameters import charset
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.transfer import decode_transfer

_LINE_END = re.compile("\r{1,2}\n|\r")
_META = re.compile(
    rb"<meta\b[^<>]{0,300}?charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_:.-]{1,40})", re.I
)
_META_WITHIN = 4_096  # octets at the front of a page in which its charset must be named


def decode_text(octets: bytes, part: BodyPart) -> str:
    """Decode a text part: transfer encoding, charset, LF line ends, flowed paragraphs, no NUL.

    HTML that names no charset in its header is believed what it says of itself. Never fails.
    """
    decoded = decode_transfer(octets, part.encoding)
    label = charset(part)
    # Mail servers tell us-ascii where a part says nothing. RFC 9051 §7.5.2
    if part.subtype == "html" and (label is None or label.lower() == "us-ascii"):
        meta = _META.search(decoded[:_META_WITHIN])
        label = meta[1].decode("ascii") if meta is not None else label
        if label is not None and label.lower().startswith("utf-16"):
            label = None  # we could not have read that far. WHATWG HTML §13.2.3.2
    text = decode_octets(decoded, label or "utf-8")
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    if "\0" in text:
        text = text.replace("\0", "")
    if part.subtype == "plain" and part.parameters.get("format", b"").lower() == b"flowed":
        text = unflow(text, deletes_space=part.parameters.get("delsp", b"").lower() == b"yes")
    return text


def octets_needed(max_chars: int, part: BodyPart) -> int:
    """How many encoded octets are enough for ``max_chars`` characters, whatever they are.

    A character takes at most four octets in any charset of mail (ISO-2022-JP with its escapes
    aside, whose texts are short); quoted-printable triples them and breaks lines.
    """
    octets = 4 * max_chars
    match part.encoding:
        case "base64":
            octets = octets * 4 // 3 * 78 // 76
        case "quoted-printable":
            octets = octets * 3 * 78 // 72
        case _:
            pass
    return octets + 256
