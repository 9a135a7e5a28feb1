"""Keeping secrets out of log lines, whoever wrote them in.

A value is hidden when its key is named like a secret, and credentials are cut out of every URL.
``Secret`` values need no help: they print as ``***``. Numbers and booleans always pass, so that
``claim_token=7`` stays readable; everything is cut to a bounded size and depth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

HIDDEN: Final = "***"

MAX_CHARS: Final = 4_000  # of one text; a traceback of ours fits
MAX_ITEMS: Final = 50  # of one list or mapping
MAX_DEPTH: Final = 4

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS = frozenset(
    {
        *("auth", "authorization", "bearer", "cookie", "credential", "credentials"),
        *("pass", "passphrase", "passwd", "password", "passwords", "secret", "secrets"),
    }
)
_SECRET_ENDINGS = frozenset({"token", "tokens", "signature"})
_SECRET_KEYS = frozenset({("api", "key"), ("private", "key"), ("set", "cookie")})
_USERINFO = re.compile(r"(?<=://)[^/?#\s@]*@(?=[^/?#\s])")


def redact(key: str, value: object) -> object:
    """Return ``value`` fit for a log line: plain JSON types, bounded, nothing secret.

    Unknown objects become their ``str``; octets become text with escapes.
    """
    return _redact(key, value, MAX_DEPTH)


def redact_text(text: str) -> str:
    """Cut credentials out of URLs, then the text to :data:`MAX_CHARS` characters."""
    if "://" in text:
        text = _USERINFO.sub(f"{HIDDEN}@", text)
    if len(text) > MAX_CHARS:
        text = f"{text[:MAX_CHARS]}... ({len(text)} characters)"
    return text


def names_secret(key: str) -> bool:
    """Whether a field of this name holds a secret: ``smtp_password``, ``X-Api-Key``."""
    words = tuple(word.lower() for word in _WORD.findall(key))
    if not words:
        return False
    return (
        words[-1] in _SECRET_ENDINGS
        or words[-2:] in _SECRET_KEYS
        or not _SECRET_WORDS.isdisjoint(words)
    )


# Keys come from the source text, so there are few of them; remote ones (headers) are looked at
# each time and never remembered.
_KNOWN: dict[str, bool] = {}
_MAX_KNOWN = 512


def _is_secret(key: str) -> bool:
    known = _KNOWN.get(key)
    if known is None:
        known = names_secret(key)
        if len(_KNOWN) < _MAX_KNOWN:
            _KNOWN[key] = known
    return known


def _redact(key: str, value: object, depth: int) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if _is_secret(key):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return redact_text(bytes(value[: MAX_CHARS + 1]).decode("ascii", "backslashreplace"))
    if isinstance(value, date):
        return value.isoformat()
    if depth == 0:
        return "..."
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {str(name): _redact(str(name), item, depth - 1) for name, item in items}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redact("", item, depth - 1) for item in list(value)[:MAX_ITEMS]]
    return redact_text(str(value))
