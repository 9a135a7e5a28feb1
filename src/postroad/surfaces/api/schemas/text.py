"""Small rules of text on the wire."""

from __future__ import annotations

import re

import pybase64

_FIELD_NAME = re.compile(r"[!-9;-~]{1,200}")  # RFC 5322 §3.6.8, and a sane length
_BREAKS = re.compile(r"[\r\n\x00]")


def is_field_name(name: str) -> bool:
    """Whether ``name`` can name a mail header field."""
    return _FIELD_NAME.fullmatch(name) is not None


def is_field_text(text: str) -> bool:
    """Whether ``text`` stays within its header field."""
    return _BREAKS.search(text) is None


def encode_base64(data: bytes) -> str:
    return pybase64.b64encode(data).decode("ascii")
