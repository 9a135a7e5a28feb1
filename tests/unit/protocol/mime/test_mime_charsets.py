"""Charsets under the names, and the wrong labels, that mail has."""

from __future__ import annotations

import pytest

from postroad.protocol.mime.charsets import decode_octets, python_codec


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ('"UTF-8"', "utf_8"),
        ("utf8mb4", "utf_8"),
        ("ANSI_X3.4-1968", "utf_8"),
        ("Latin1", "cp1252"),
        ("iso-8859-1", "cp1252"),
        ("ISO 8859-15", "iso8859_15"),
        ("windows-1252http-equivContent-Type", "cp1252"),
        ("x-sjis", "cp932"),
        ("csISO2022JP", "iso2022_jp"),
        ("_iso-2022-jp$ESC", "iso2022_jp"),
        ("x-gbk", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("unicode-1-1-utf-7", "utf_7"),
        ("x-mac-roman", "mac_roman"),
        ("tis-620", "cp874"),
        ("utf-8; format=flowed", "utf_8"),
        ("hex", None),
        ("zlib", None),
        ("idna", None),
        ("punycode", None),
        ("unicode_escape", None),
        ("no such charset", None),
        ("a" * 1000, None),
    ],
)
def test_labels_are_known_however_they_are_spelled(label: str, codec: str | None) -> None:
    assert python_codec(label) == codec


@pytest.mark.parametrize(
    ("octets", "label", "text"),
    [
        (b"caf\xe9", "utf-8", "café"),  # never was UTF-8
        ("caf\u00e9 \u20ac".encode(), "iso-8859-1", "café €"),  # is UTF-8 in truth
        ("日本".encode(), "gb2312", "日本"),
        ("日本".encode("gbk"), "gb2312", "日本"),
        (b"\x93q\x94", "iso-8859-1", "“q”"),
        (b"\x81\x80", "windows-1252", "\x81€"),
        ("①日本".encode("cp932"), "shift_jis", "①日本"),
        (b"\x1b$B-!F|K\\\x1b(B ok \x1b(I12\x1b(B", "iso-2022-jp", "①日本 ok ｱｲ"),
        ("日本".encode("iso2022_jp"), "iso-2022-jp", "日本"),
        ("h\u00e9".encode("utf-16-le"), "utf-16", "hé"),
        (b"plain", "utf-16", "plain"),
        (b"\xef\xbb\xbfx", "utf-8", "x"),
        ("日".encode() + "本".encode()[:2], "utf-8", "日\ufffd"),
        (b"+2AA-", "utf-7", "\ufffd"),  # half a surrogate pair
        (b"\xff", "no-such-charset", "ÿ"),
        (b"", "utf-8", ""),
    ],
)
def test_octets_are_read_as_they_were_meant(octets: bytes, label: str, text: str) -> None:
    assert decode_octets(octets, label) == text
