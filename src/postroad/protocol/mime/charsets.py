"""Octets as text, in the charset that a sender names, means, or should have named.

Labels in mail are spelled in many ways and are often wrong. What is done about it, in this order:
names are looked up as people write them; a label is widened to the charset that its users really
write (``gb2312`` is GB 18030, ``iso-8859-1`` is Windows-1252, as the WHATWG Encoding Standard has
it); text that does not fit its label is tried in the likely others; what still cannot be read
becomes U+FFFD. Nothing here fails, and everything is linear.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# Codecs of the standard library that are no charsets; a sender could name them all the same, and
# some take quadratic time.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})

_SURROGATE = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9][a-z0-9._:+-]{0,59}")
_C1 = re.compile("[\x80-\x9f]")

# Names that real mail uses and Python's codecs do not know, and names that mean less than what
# is written under them.
_ALIASES = {
    "": "utf-8",
    "ansi": "cp1252",
    "ansi_x3.110-1983": "cp1252",
    "ascii": "utf-8",
    "big5": "cp950",
    "big5-eten": "cp950",
    "cn-big5": "cp950",
    "cn-gb": "gb18030",
    "cp-850": "cp850",
    "default": "utf-8",
    "default_charset": "utf-8",
    "dos-874": "cp874",
    "en-us": "utf-8",
    "euc-cn": "gb18030",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gb2312-80": "gb18030",
    "gbk": "gb18030",
    "hz-gb-2312": "hz",
    "iso-8859": "cp1252",
    "iso-8859-1": "cp1252",
    "iso-8859-11": "cp874",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "iso8859-1": "cp1252",
    "korean": "cp949",
    "ks_c_5601": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "ksc5601": "cp949",
    "ksc_5601": "cp949",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "mac": "mac_roman",
    "macintosh": "mac_roman",
    "mac-cyrillic": "mac_cyrillic",
    "mac-roman": "mac_roman",
    "none": "utf-8",
    "shift-jis": "cp932",
    "shift_jis": "cp932",
    "sjis": "cp932",
    "tis-620": "cp874",
    "unicode": "utf-16",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "unknown": "utf-8",
    "unknown-8bit": "utf-8",
    "us-ascii": "utf-8",
    "usascii": "utf-8",
    "user-defined": "utf-8",
    "utf-8mb4": "utf-8",
    "utf8mb4": "utf-8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "windows-936": "gb18030",
    "windows-949": "cp949",
}
# Where octets do not fit, these are tried before anything is given up.
_SECOND = {"cp950": ("big5hkscs",), "cp932": ("euc_jp",), "euc_jp": ("cp932",)}
# Charsets in which nearly every octet is a letter, so that they never refuse: here text that is
# UTF-8 in every octet was mislabelled.
_NEVER_REFUSE = frozenset({"cp1252", "iso8859_15", "cp1254", "mac_roman", "iso8859_2", "cp1250"})


def decode_octets(octets: bytes, charset: str) -> str:
    """Octets as text in a charset named by a sender; what cannot be read becomes U+FFFD.

    An unknown charset is read as UTF-8, and text that was never UTF-8 as Windows-1252. Lone
    surrogates, which UTF-7 and UTF-16 can spell, become U+FFFD too.
    """
    if octets.isascii() and b"\x1b" not in octets:
        codec = python_codec(charset)
        if codec is None or codec in _ASCII_SUPERSETS:
            return octets.decode("ascii")
    else:
        codec = python_codec(charset)
    text = _decode(octets, codec or "utf_8")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


@lru_cache(maxsize=256)
def python_codec(charset: str) -> str | None:
    """The codec for a label, by its canonical name with underscores; ``None`` when unknown."""
    name = charset.strip(" \t\r\n\"'").lower()
    name = name.removeprefix("charset=").partition(";")[0].strip(" \"'").replace(" ", "-")
    name = name.removeprefix("cs").removeprefix("_").partition("$")[0]  # csISO2022JP, _iso-2022-jp$
    for candidate in (name, name.removeprefix("x-"), name.removesuffix("http-equivcontent-type")):
        candidate = _ALIASES.get(candidate, candidate)
        if not _NAME.fullmatch(candidate):
            continue
        try:
            info = codecs.lookup(candidate)
            b"a".decode(info.name, "replace")  # refuses codecs between octets and octets
        except (LookupError, ValueError):
            continue
        found = info.name.replace("-", "_")
        if found not in _NO_CHARSETS:
            return _ALIASES.get(info.name, found).replace("-", "_")
    return None


def _decode(octets: bytes, codec: str) -> str:
    if codec in _NEVER_REFUSE and (text := _strict(octets, "utf-8")) is not None:
        return text
    if codec in ("utf_16", "utf_32") and not octets.startswith(_BOMS):
        return _without_mark(octets, codec)
    if codec == "utf_8":
        return _utf8(octets)
    if codec in _MULTIBYTE and _is_wide_utf8(octets):
        return octets.decode("utf-8")
    if (text := _strict(octets, codec)) is not None:
        return text.removeprefix("\ufeff")
    if codec.startswith("iso2022_jp"):
        return _jis(octets)
    for second in _SECOND.get(codec, ()):
        if (text := _strict(octets, second)) is not None:
            return text
    return _loose(octets, codec)


def _utf8(octets: bytes) -> str:
    octets = octets.removeprefix(codecs.BOM_UTF8)
    if (text := _strict(octets, "utf-8")) is not None:
        return text
    # A text without one good sequence is another charset; a few bad octets in good text are
    # damage, most often a cut at the end.
    if octets.decode("utf-8", "ignore").isascii():
        return _loose(octets, "cp1252")
    return octets.decode("utf-8", "replace")


def _is_wide_utf8(octets: bytes) -> bool:
    """Whether this is UTF-8 of which every letter beyond ASCII takes three octets or more.

    Pairs of octets, as East Asian charsets have them, hardly ever fall into that pattern.
    """
    text = _strict(octets, "utf-8")
    return text is not None and all(char >= "\u0800" for char in text if not char.isascii())


def _strict(octets: bytes, codec: str) -> str | None:
    try:
        return octets.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _loose(octets: bytes, codec: str) -> str:
    if codec == "cp1252":
        # The five octets that Windows-1252 leaves open stand for C1 controls. WHATWG Encoding §9.
        return (
            octets.decode("cp1252", "replace") if _C1_OPEN.search(octets) is None else _c1(octets)
        )
    try:
        return octets.decode(codec, "replace")
    except (UnicodeError, LookupError):
        return octets.decode("utf-8", "replace")


def _c1(octets: bytes) -> str:
    return octets.decode("latin-1").translate(_WINDOWS)


def _without_mark(octets: bytes, codec: str) -> str:
    """Text labelled as UTF-16 or UTF-32 that does not say its order: mostly it is neither."""
    if b"\0" not in octets:
        return _utf8(octets)
    width = 2 if codec == "utf_16" else 4
    ends = "_le" if octets[width - 1 :: width].count(0) >= octets[::width].count(0) else "_be"
    return octets.decode(codec + ends, "replace")


def _jis(octets: bytes) -> str:
    """ISO-2022-JP with the vendors' characters: each double octet is looked up as Shift JIS.

    Python knows the standard's characters only; circled numbers and the like came from Windows
    and are in much of real mail. RFC 1468; JIS X 0201 katakana from RFC 1468's successors.
    """
    out: list[str] = []
    mode = b"B"
    for at, piece in enumerate(_ESCAPE.split(octets)):
        if at % 2:
            mode = piece[-1:] if not piece.startswith(b"$") else b"$"
        elif mode == b"$":
            out.append(_double(piece))
        elif mode == b"I":
            out.append(bytes(octet | 0x80 for octet in piece).decode("cp932", "replace"))
        else:
            out.append(piece.decode("ascii") if piece.isascii() else _utf8(piece))
    return "".join(out)


def _double(piece: bytes) -> str:
    """Pairs of JIS X 0208 in rows and cells, moved to where Shift JIS has them."""
    moved = bytearray()
    at = 0
    while at < len(piece):
        row, cell = piece[at], piece[at + 1] if at + 1 < len(piece) else 0
        if not 0x21 <= row <= 0x7E or not 0x21 <= cell <= 0x7E:
            moved.append(row if row < 0x80 else 0x3F)
            at += 1
            continue
        high = (row - 0x21) // 2 + (0x81 if row < 0x5F else 0xC1)
        low = cell + (0x1F + (cell >= 0x60) if row % 2 else 0x7E)
        moved += bytes((high, low))
        at += 2
    return bytes(moved).decode("cp932", "replace")


_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_C1_OPEN = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_WINDOWS = {
    octet: bytes((octet,)).decode("cp1252")
    for octet in range(0x80, 0xA0)
    if octet not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_ESCAPE = re.compile(rb"\x1b(\([BJIH]|\$\(?[@BDOPQ])")
_MULTIBYTE = frozenset({"cp932", "euc_jp", "cp949", "gb18030", "cp950", "hz"})
_ASCII_SUPERSETS = _MULTIBYTE - {"hz", "cp932"} | {
    "utf_8", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "cp1258", "cp874", "iso8859_2", "iso8859_15", "koi8_r", "koi8_u", "mac_roman", "cp932",
}  # fmt: skip
