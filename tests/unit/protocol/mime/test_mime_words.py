from __future__ import annotations

import pytest

from postroad.protocol.mime.words import decode_words, encode_words


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        # RFC 2047 §8
        ("=?ISO-8859-1?Q?a?=", "a"),
        ("=?ISO-8859-1?Q?a?= b", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a_b?=", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        (
            (
                "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= "
                "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="
            ),
            "If you can read this you understand the example.",
        ),
        # RFC 2231 §5: a language tag behind the charset
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        # Seen in the wild
        ("=?utf-8?B?4pyTIGRvbg?= =?utf-8?B?ZQ?=", "✓ done"),  # padding left out
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"),  # cut inside a character
        ("=?utf-8?Q?with spaces?=", "with spaces"),
        ("=?gb2312?B?1tDOxA==?=", "中文"),
        ("=?iso-8859-1?Q?=80?=", "€"),  # what is called Latin-1 is windows-1252
        ("=?x-never-heard?Q?plain?=", "plain"),
        ("=?utf-8?B?A?= x", "=?utf-8?B?A?= x"),  # no octets in it: left as it is
        ("=?utf-8?Q?a=0D=0ABcc:_b?=", "a  Bcc: b"),
        # Names of codecs that are no charsets, and surrogates
        ("=?unicode_escape?Q?=5Cud800?=", "\\ud800"),
        ("=?punycode?Q?exmple-cua?=", "exmple-cua"),
        ("=?utf-7?Q?+2AA-?=", "\ufffd"),
        ("=?zlib?Q?x?=", "x"),
        ("1 =? 2 ?= 3", "1 =? 2 ?= 3"),
    ],
)
def test_decode(written: str, shown: str) -> None:
    assert decode_words(written) == shown


def test_mostly_ascii_is_quoted_and_the_rest_is_base64() -> None:
    assert encode_words("Café today") == ["=?utf-8?Q?Caf=C3=A9_today?="]
    assert encode_words("日本語") == ["=?utf-8?B?5pel5pys6Kqe?="]


def test_first_word_keeps_to_the_room_it_is_given() -> None:
    first, *others = encode_words("ä" * 60, 40)
    assert len(first) <= 40
    assert all(len(word) <= 75 for word in others)
