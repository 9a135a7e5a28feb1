"""Encoded words: text beyond ASCII inside header fields. RFC 2047.

Written words are UTF-8, whole characters each, at most 75 characters long, in Q or B, whichever
is shorter. Reading is lenient, because real mail is: unknown charsets, words cut inside a
character and spaces inside a word are taken as far as they make sense.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64encode

from postroad.protocol.mime.charsets import decode_octets

MAX_WORD = 75  # RFC 2047 §2
_PREFIX = "=?utf-8?Q?"
_WORD_COST = len(_PREFIX) + len("?=")

# The strictest set, that of a phrase, serves everywhere. RFC 2047 §5 (3).
_Q_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q_SAFE_OCTETS = "".join(_Q_SAFE).encode() + b" "

_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,60})?\?([bBqQ])\?([^?]*)\?=")
_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_BREAKS = str.maketrans("\r\n\0", "   ")


def encode_words(text: str, room: int = MAX_WORD) -> list[str]:
    """Spell ``text`` as encoded words; joined by folding white space they read as one text.

    ``room`` is what the first word may take, in characters; a room too small to be worth a word
    is ignored, so the caller must then start a new line. ``text`` must not hold lone surrogates.
    Linear in the length of ``text``.
    """
    octets = text.encode()
    escaped = len(octets.translate(None, _Q_SAFE_OCTETS))
    first = min(room, MAX_WORD) - _WORD_COST
    if first < 12:
        first = MAX_WORD - _WORD_COST
    if len(octets) + 2 * escaped <= (len(octets) + 2) // 3 * 4:
        return _q_words(text, first)
    return _b_words(octets, first)


def decode_words(text: str) -> str:
    """Read a header value that may hold encoded words; never fails.

    ``text`` is unfolded. White space between neighbouring words is dropped, and their octets are
    joined before decoding when the charset is the same, as some senders cut inside a character.
    Line breaks and NUL that were hidden inside words come out as spaces. RFC 2047 §6.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    octets, charset, at = b"", "", 0
    for match in _WORD.finditer(text):
        between = text[at : match.start()]
        at = match.end()
        found = _decode_payload(match[2], match[3])
        if found is None:
            out.append(_to_text(octets, charset) + between + match[0])
            octets, charset = b"", ""
            continue
        is_neighbour = charset != "" and not between.strip(" \t")
        if is_neighbour and charset == match[1].lower():
            octets += found
            continue
        out.append(_to_text(octets, charset))
        if not is_neighbour:
            out.append(between)
        octets, charset = found, match[1].lower()
    out.append(_to_text(octets, charset))
    out.append(text[at:])
    return "".join(out)


def _q_words(text: str, first: int) -> list[str]:
    words: list[str] = []
    current: list[str] = []
    left = first
    seen: dict[str, str] = {" ": "_"}
    for char in text:
        spelled = seen.get(char)
        if spelled is None:
            spelled = (
                char if char in _Q_SAFE else "".join(f"={octet:02X}" for octet in char.encode())
            )
            seen[char] = spelled
        if len(spelled) > left:
            words.append(f"{_PREFIX}{''.join(current)}?=")
            current, left = [], MAX_WORD - _WORD_COST
        current.append(spelled)
        left -= len(spelled)
    words.append(f"{_PREFIX}{''.join(current)}?=")
    return words


def _b_words(octets: bytes, first: int) -> list[str]:
    words: list[str] = []
    start, left = 0, first
    while start < len(octets):
        end = start + left // 4 * 3
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # never inside a character
            end -= 1
        words.append(f"=?utf-8?B?{b64encode(octets[start:end]).decode()}?=")
        start, left = end, MAX_WORD - _WORD_COST
    return words


def _decode_payload(encoding: str, payload: str) -> bytes | None:
    try:
        raw = payload.encode("ascii")
    except UnicodeEncodeError:
        return None
    if encoding in "qQ":
        raw = raw.replace(b"_", b" ")
        return _Q_ESCAPE.sub(lambda m: bytes((int(m[1], 16),)), raw)
    try:
        return binascii.a2b_base64(raw.rstrip(b"=") + b"==")
    except binascii.Error:
        return None


def _to_text(octets: bytes, charset: str) -> str:
    return decode_octets(octets, charset).translate(_BREAKS) if octets else ""
