from __future__ import annotations

import pytest

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.smtp.paths import MAX_PATH_BYTES, encode_path


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("user@example.com", b"user@example.com"),
        ("first.last+tag@sub.example.com", b"first.last+tag@sub.example.com"),
        ("bounce=a=b.example@example.com", b"bounce=a=b.example@example.com"),
        ("dots..anywhere.@docomo.example", b"dots..anywhere.@docomo.example"),
        ("o'neil@example.com", b"o'neil@example.com"),
        ('"with space"@example.com', b'"with space"@example.com'),
        ('"a@b"@example.com', b'"a@b"@example.com'),
        ('"quoted \\" pair"@example.com', b'"quoted \\" pair"@example.com'),
        ("user@[192.0.2.1]", b"user@[192.0.2.1]"),
        ("user@[IPv6:2001:db8::1]", b"user@[IPv6:2001:db8::1]"),
        ("user@under_score.example", b"user@under_score.example"),
        ("user@localhost", b"user@localhost"),
        ("Postmaster", b"Postmaster"),
        ("jane@bücher.example", b"jane@xn--bcher-kva.example"),
        ("jane@例え.jp", b"jane@xn--r8jz45g.jp"),
        ("jüri@exämple.com", "jüri@exämple.com".encode()),
    ],
)
def test_an_address_stands_between_the_brackets(address: str, path: bytes) -> None:
    assert encode_path(address) == path


@pytest.mark.parametrize(
    "address",
    [
        "",
        "user",
        "@example.com",
        "user@",
        "user@exam ple.com",
        "us er@example.com",
        "<user@example.com>",
        "user@example.com> SIZE=1",
        "user@example.com>\r\nRCPT TO:<victim@example.com",
        "user@example.com\r\nDATA",
        "user\n@example.com",
        "user\r@example.com",
        "user@example.com\n",
        "user\0@example.com",
        "user\x7f@example.com",
        "user\x85@example.com",
        "user\u2028@example.com",
        "user\ud800@example.com",
        '"line\r\nbreak"@example.com',
        '"nul\0"@example.com',
        '"open@example.com',
        '"ends\\"@example.com',
        "a@b@example.com",
        "one@example.com,two@example.com",
        "user@[192.0.2.1",
        "user@[a b]",
        "user@xn--\u00fc.example..bücher",
        "x" * MAX_PATH_BYTES + "@example.com",
    ],
)
def test_what_could_change_the_command_is_refused(address: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_path(address)
