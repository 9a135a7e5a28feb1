"""Texts that do not say in which charset they are, as many mail systems of Asia and eastern Europe
wrote them: read in the charset in which they say that mail was not delivered.
"""

from __future__ import annotations

from codecs import utf_8_decode

from postroad.protocol.report.phrases import find_failure

_UNTOLD = frozenset({"", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "default", "8bit"})
_CHARSETS = ("gb18030", "shift_jis", "euc_jp", "euc_kr", "big5", "koi8_r", "cp1251", "cp1250")
_MAX_OCTETS = 8192  # in which a report says what it is


def read_undeclared(octets: bytes, charset: str) -> str | None:
    """The text, when no ``charset`` worth the name is told and one is found; else ``None``.

    UTF-8 and plain ASCII need no help. Words of the charset's own letters have to be found, for
    those of ASCII are the same in all of them.
    """
    if charset.lower() not in _UNTOLD or octets.isascii() or _is_utf8(octets):
        return None
    for candidate in _CHARSETS:
        found = find_failure(octets[:_MAX_OCTETS].decode(candidate, "replace"))
        if found is not None and not found.isascii():
            return octets.decode(candidate, "replace")
    return None


def _is_utf8(octets: bytes) -> bool:
    try:
        utf_8_decode(octets, "strict", False)
    except UnicodeDecodeError:
        return False
    return True
