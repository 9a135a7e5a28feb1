"""URLs and host names as people write them."""

from __future__ import annotations

import pytest

from postroad.domain.url import HTTP, check_hostname, check_url, mask_url


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://u:p@h/x", "http://u:******@h/x"),
        ("socks5://a@h:1", "socks5://******@h:1"),
        ("http://u:p@q@h:3/", "http://u:******@h:3/"),
        ("http://h/a@b", "http://h/a@b"),
        ("http://h?x=@y", "http://h?x=@y"),
        ("http://h", "http://h"),
    ],
)
def test_credentials_in_a_url_are_hidden(url: str, masked: str) -> None:
    assert mask_url(url) == masked


@pytest.mark.parametrize("url", ["http://h", "https://h:1/p?q", "http://[::1]:3/", " http://h "])
def test_web_addresses_are_taken(url: str) -> None:
    assert check_url(url, HTTP) == url.strip()


@pytest.mark.parametrize(
    "url", ["", "h", "http://", "//h", "file:///etc/passwd", "http://h:99999", "http://h\x00"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        check_url(url, HTTP)


@pytest.mark.parametrize("name", ["localhost", "a.b.", "exä.de", "1.2.3.4", "::1", "a_b.c"])
def test_host_names_are_taken(name: str) -> None:
    assert check_hostname(name) == name


@pytest.mark.parametrize("name", ["", "a..b", "-a", "a b", "a\nb", "x" * 64, "a." * 130])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError):
        check_hostname(name)
