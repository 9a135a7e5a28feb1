"""Texts of BODYSTRUCTURE: file names and ids as people know them. RFC 2231, RFC 2047."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from postroad.protocol.imap.structure import BodyPart
from postroad.protocol.mime.words import decode_octets, decode_words

_MAX_SECTIONS = 1000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


def filename(part: BodyPart) -> str | None:
    """The name that a file should get: from the disposition, else from the type. B-053."""
    return parameter(part.disposition_parameters, "filename") or parameter(part.parameters, "name")


def content_id(part: BodyPart) -> str | None:
    """The Content-ID with exactly one pair of angle brackets; ``None`` when empty."""
    text = (part.content_id or b"").decode("utf-8", "replace").strip().strip("<>").strip()
    return f"<{text}>" if text else None


def parameter(parameters: Mapping[str, bytes], name: str) -> str | None:
    """One parameter as text, on one line; ``None`` when absent or empty.

    Knows the extended form (``name*``), sections (``name*0*``, ``name*1``), encoded words where
    they do not belong, and bare UTF-8. The extended form wins when both are there.
    """
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
        charset, octets = _with_charset(whole)
        return decode_octets(octets, charset)
    charset = "utf-8"
    octets = b""
    for number in range(_MAX_SECTIONS):
        encoded = parameters.get(f"{name}*{number}*")
        if encoded is not None:
            if number == 0:
                charset, section = _with_charset(encoded)
            else:
                section = unquote_to_bytes(encoded)
            octets += section
            continue
        plain = parameters.get(f"{name}*{number}")
        if plain is None:
            break
        octets += plain
    return decode_octets(octets, charset) if octets else None


def _with_charset(value: bytes) -> tuple[str, bytes]:
    """Take ``charset'language'octets`` apart; without apostrophes all is octets. RFC 2231 §4."""
    parts = value.split(b"'", 2)
    if len(parts) < 3:
        return "utf-8", unquote_to_bytes(value)
    return parts[0].decode("ascii", "replace") or "utf-8", unquote_to_bytes(parts[2])
