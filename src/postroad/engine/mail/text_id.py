"""Ids of the text of a message: which message, and which of its parts. Contract B-038.

The octets of the message id, then MessagePack of ``[plainParts, htmlParts, otherParts]``, in
base64url without padding.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import pybase64

from postroad.domain.message_id import is_part_number, pack_message, unpack_message

_MESSAGE_BYTES = 8
_MAX_CHARS = 10_240
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class TextKey:
    """What a text id says."""

    message: str  # message id
    plain: tuple[str, ...]  # part numbers
    html: tuple[str, ...]


def pack_text(message: str, plain: Iterable[str], html: Iterable[str]) -> str:
    """Spell a text id. ``message`` is a message id that counts by UID (contract B-033)."""
    octets = pybase64.urlsafe_b64decode(message + "=") + _tail(tuple(plain), tuple(html))
    return pybase64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


@lru_cache(maxsize=1024)  # mail has few shapes
def _tail(plain: tuple[str, ...], html: tuple[str, ...]) -> bytes:
    return msgspec.msgpack.encode([plain, html, ()])


def unpack_text(text: str) -> TextKey | None:
    """Read a text id; ``None`` for anything that cannot be one."""
    if len(text) > _MAX_CHARS or not _ALPHABET.fullmatch(text):
        return None
    try:
        octets = pybase64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        parts = msgspec.msgpack.decode(octets[_MESSAGE_BYTES:], type=list[list[str]])
    except (binascii.Error, msgspec.DecodeError):
        return None
    key = unpack_message(text)
    if key is None or len(parts) < 2 or not all(is_part_number(n) for one in parts for n in one):
        return None
    return TextKey(pack_message(key.mailbox, key.uid), tuple(parts[0]), tuple(parts[1]))
