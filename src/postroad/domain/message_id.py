"""Ids of messages and attachments in mailboxes that count by UID.

A message id is eight octets, the mailbox number and the UID as big-endian 32-bit integers, in
base64url without padding: always eleven characters. An attachment id is the same octets followed
by the IMAP part number in ASCII. Contract B-033 to B-037.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass

_KEY = struct.Struct(">II")
_PART = re.compile(r"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8}){0,99}")
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_MAX_ID_CHARS = 1024


@dataclass(frozen=True, slots=True)
class MessageKey:
    """What a message id says."""

    mailbox: int  # mailbox number, from 1 (contract B-035)
    uid: int  # from 1


@dataclass(frozen=True, slots=True)
class AttachmentKey:
    """What an attachment id says."""

    message: str  # message id, as the provider takes it
    part: str  # IMAP part number, "2.1"


def is_part_number(text: str) -> bool:
    """Whether ``text`` can name a part: positive numbers joined by dots. RFC 9051 §6.4.5.1."""
    return _PART.fullmatch(text) is not None


def pack_message(mailbox: int, uid: int) -> str:
    """Spell a message id. Raises :exc:`struct.error` outside 32 bits."""
    return _encode(_KEY.pack(mailbox, uid))


def unpack_message(message: str) -> MessageKey | None:
    """Read a message id; ``None`` for anything that cannot be one.

    What follows the first eight octets is ignored, so an attachment id names its message too.
    Contract B-036.
    """
    octets = _decode(message)
    if octets is None or len(octets) < _KEY.size:
        return None
    mailbox, uid = _KEY.unpack_from(octets)
    return MessageKey(mailbox, uid) if mailbox and uid else None


def own_id(message: str) -> str:
    """The id of a message that was asked for by something longer; see :func:`unpack_message`."""
    key = unpack_message(message)
    return message if key is None else pack_message(key.mailbox, key.uid)


def pack_attachment(message: str, part: str) -> str:
    """Spell the id of part ``part`` of the message with id ``message``.

    Raises :exc:`ValueError` when either is malformed.
    """
    octets = _decode(message)
    if octets is None or len(octets) != _KEY.size or not is_part_number(part):
        raise ValueError("neither a message id nor a part number")
    return _encode(octets + part.encode("ascii"))


def unpack_attachment(attachment: str) -> AttachmentKey | None:
    """Read an attachment id; ``None`` for anything that cannot be one."""
    octets = _decode(attachment)
    if octets is None or len(octets) <= _KEY.size:
        return None
    part = octets[_KEY.size :].decode("latin-1")
    message = _encode(octets[: _KEY.size])
    if not is_part_number(part) or unpack_message(message) is None:
        return None
    return AttachmentKey(message, part)


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes | None:
    # The decoder of the standard library skips foreign characters; an id has none.
    if len(text) > _MAX_ID_CHARS or not _ALPHABET.fullmatch(text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
