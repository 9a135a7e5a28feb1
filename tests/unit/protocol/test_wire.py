from __future__ import annotations

import pytest

from postroad.protocol.wire import ascii_domain, shorten


@pytest.mark.parametrize(
    ("domain", "wire"),
    [
        ("example.com", "example.com"),
        ("_dmarc.under_score", "_dmarc.under_score"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),  # IDNA 2003 made fass.de of it
        ("例え。jp", "xn--r8jz45g.jp"),
    ],
)
def test_domains_become_what_dns_knows(domain: str, wire: str) -> None:
    assert ascii_domain(domain) == wire


@pytest.mark.parametrize("domain", ["ü..example", "\u2028.example", "ü" * 80])
def test_what_dns_cannot_know_is_refused(domain: str) -> None:
    with pytest.raises(ValueError):
        ascii_domain(domain)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"plain", "plain"),
        (b"a\r\nb\0", "a\\r\\nb\\x00"),
        (b"\xff\xc3\xbc", "\\xffü"),
        (b"x" * 81, "x" * 80 + "..."),
    ],
)
def test_foreign_octets_are_shown_on_one_line(octets: bytes, shown: str) -> None:
    assert shorten(octets) == shown
