"""Parameters as they come: file names, charsets, ids. RFC 2045 §5.1, RFC 2231, RFC 2047.

Lenient as mail demands: blanks around ``=``, missing quotes, missing semicolons behind quotes,
encoded words where none belong, octets in no charset, sections out of order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from postroad.protocol.mime.charsets import decode_octets
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.words import decode_words

_MAX_SECTIONS = 1000
_MAX_PARAMETERS = 1000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_NAME = re.compile(rb"[\s;]*([^\s=;\"()<>@,:/\[\]?]{1,100})[ \t\r\n]{0,100}=[ \t\r\n]{0,100}")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"?', re.S)
_BARE = re.compile(rb"[^;]*")
_PAIR = re.compile(rb"\\(.)", re.S)
_KIND = re.compile(
    rb"[ \t\r\n]{0,100}([^\s;/\"]{1,200})(?:[ \t]{0,9}/[ \t]{0,9}([^\s;\"]{1,200}))?"
)


def split_value(value: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Take a field such as Content-Type apart: its value in lower case, and its parameters.

    Names are lower case; contents are raw octets without quotes, the first of each name. Stray
    text between parameters is passed over. Linear in the length, never fails.
    """
    match = _KIND.match(value)
    kind = b""
    at = 0
    if match is not None:
        kind = match[1] + b"/" + match[2] if match[2] else match[1]
        at = match.end()
        if b"=" in kind:  # parameters alone
            kind, at = b"", 0
    parameters: dict[str, bytes] = {}
    size = len(value)
    while at < size and len(parameters) < _MAX_PARAMETERS:
        found = _NAME.match(value, at)
        if found is None:
            following = value.find(b";", at)
            at = following + 1 if following >= 0 else size
            continue
        quoted = _QUOTED.match(value, found.end())
        if quoted is not None:
            content, at = _PAIR.sub(rb"\1", quoted[1]), quoted.end()
        else:
            bare = _BARE.match(value, found.end())
            assert bare is not None  # it may be empty
            content, at = bare[0].strip(), bare.end()
        parameters.setdefault(found[1].decode("latin-1").lower(), content)
    return kind.lower(), parameters


def filename(part: BodyPart) -> str | None:
    """The name that a file should get: from the disposition, else from the type. B-053."""
    return parameter(part.disposition_parameters, "filename") or parameter(part.parameters, "name")


def content_id(part: BodyPart) -> str | None:
    """The Content-ID with exactly one pair of angle brackets; ``None`` when empty."""
    if part.content_id is None:
        return None
    text = part.content_id.decode("utf-8", "replace").strip().strip("<>").strip()
    return f"<{text}>" if text else None


def charset(part: BodyPart) -> str | None:
    """The charset that the part names; ``None`` when it names none."""
    value = part.parameters.get("charset")
    if value is None and "charset*" in part.parameters:
        return parameter(part.parameters, "charset")
    return value.decode("latin-1").strip() or None if value is not None else None


def parameter(parameters: Mapping[str, bytes], name: str) -> str | None:
    """One parameter as text, on one line; ``None`` when absent or empty.

    Knows the extended form (``name*``), sections (``name*0*``, ``name*1``), encoded words where
    they do not belong, and bare octets. The extended form wins when both are there.
    """
    if not parameters:
        return None
    text = _extended(parameters, name)
    if text is None:
        plain = parameters.get(name)
        if plain is None:
            return None
        text = decode_words(decode_octets(plain, "utf-8"))
    return _CONTROLS.sub(" ", text).strip() or None


def _extended(parameters: Mapping[str, bytes], name: str) -> str | None:
    whole = parameters.get(f"{name}*")
    if whole is not None:
        label, octets = _with_charset(whole)
        return _text(octets, label)
    label = "utf-8"
    sections: list[bytes] = []
    for number in range(_MAX_SECTIONS):
        encoded = parameters.get(f"{name}*{number}*")
        if encoded is not None:
            if number == 0:
                label, section = _with_charset(encoded)
            else:
                section = unquote_to_bytes(encoded)
            sections.append(section)
            continue
        plain = parameters.get(f"{name}*{number}")
        if plain is None:
            if number:
                break
            continue  # some senders count from 1
        sections.append(plain)
    return _text(b"".join(sections), label) if sections else None


def _text(octets: bytes, label: str) -> str:
    # Encoded words inside the extended form are forbidden and happen. RFC 2231 §5.
    text = decode_octets(octets, label)
    return decode_words(text) if "=?" in text else text


def _with_charset(value: bytes) -> tuple[str, bytes]:
    """Take ``charset'language'octets`` apart; without apostrophes all is octets. RFC 2231 §4."""
    parts = value.split(b"'", 2)
    if len(parts) < 3:
        return "utf-8", unquote_to_bytes(value)
    return parts[0].decode("ascii", "replace") or "utf-8", unquote_to_bytes(parts[2])
