"""``data:`` images in HTML, turned into inline attachments. Contract B-092; RFC 2397.

Mail programs do not show ``data:`` images; they do show parts of the same message. Nothing else
in the HTML is touched, and nothing is fetched.
"""

from __future__ import annotations

import binascii
import re
from hashlib import blake2b
from urllib.parse import unquote_to_bytes

import pybase64

from postroad.protocol.mime.composer import Attachment

_IMAGE = re.compile(
    r"""(<img\b[^<>]{0,2048}?[\s"']src\s{0,20}=\s{0,20})(?:"(data:[^"]*)"|'(data:[^']*)')""", re.I
)
_URI = re.compile(
    r"data:\s{0,20}(image/[a-z0-9.+-]{1,60})((?:;[^;,]{0,100}){0,8}?)(;base64)?,", re.I
)
_BLANKS = str.maketrans("", "", " \t\r\n")
_EXTENSIONS = {"jpeg": "jpg", "svg+xml": "svg", "x-icon": "ico", "vnd.microsoft.icon": "ico"}


def extract_images(html: str) -> tuple[str, tuple[Attachment, ...]]:
    """The HTML with ``cid:`` sources, and the images as inline attachments.

    Named ``image-1.png`` and on, in order of appearance; an image used twice is attached once.
    Content ids follow from the content. A source that cannot be decoded stays as it is.
    """
    if "data:" not in html and "DATA:" not in html.upper():
        return html, ()
    images: dict[str, Attachment] = {}

    def replace(match: re.Match[str]) -> str:
        quote = '"' if match[2] is not None else "'"
        decoded = _decode(match[2] if match[2] is not None else match[3])
        if decoded is None:
            return match[0]
        kind, data = decoded
        content_id = f"{blake2b(data, digest_size=12).hexdigest()}@inline"
        if content_id not in images:
            subtype = kind.partition("/")[2]
            name = f"image-{len(images) + 1}.{_EXTENSIONS.get(subtype, subtype)}"
            images[content_id] = Attachment(name, kind, "inline", content_id, data)
        return f"{match[1]}{quote}cid:{content_id}{quote}"

    return _IMAGE.sub(replace, html), tuple(images.values())


def _decode(uri: str) -> tuple[str, bytes] | None:
    match = _URI.match(uri)
    if match is None:
        return None
    payload = uri[match.end() :]
    if match[3] is None:
        return match[1].lower(), unquote_to_bytes(payload)
    if "%" in payload:
        payload = unquote_to_bytes(payload).decode("latin-1")
    payload = payload.translate(_BLANKS).rstrip("=")
    try:
        data = pybase64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return (match[1].lower(), data) if data else None
