"""Names of places on the network, as people write them: URLs, host names, header names.

The checks raise :exc:`ValueError` with the rest of a sentence that starts with the member's name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

MASK: Final = "******"  # what is shown in place of a secret. Contract B-207

HTTP: Final = ("http", "https")
PROXIES: Final = ("http", "https", "socks", "socks4", "socks4a", "socks5")


def mask_url(url: str) -> str:
    """Hide the password of a URL, or the user when there is no password."""
    return _USERINFO.sub(_mask_userinfo, url, count=1)


def is_http_token(name: str) -> bool:
    """Whether ``name`` can be the name of a header field. RFC 9110 §5.6.2."""
    return _HTTP_TOKEN.fullmatch(name) is not None


def check_url(value: str, schemes: Sequence[str]) -> str:
    """Return a URL that has one of ``schemes`` and a host, without surrounding blanks.

    Raises :exc:`ValueError` with the rest of a sentence that starts with the member's name.
    """
    text = value.strip()
    wanted = f"must be a valid uri with a scheme matching the {'|'.join(schemes)} pattern"
    if not text.isprintable() or " " in text:
        raise ValueError(wanted)
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError(wanted) from None
    has_place = bool(parts.path) if parts.scheme == "mailto" else bool(parts.hostname)
    if parts.scheme not in schemes or not has_place:
        raise ValueError(wanted)
    return text


def check_hostname(value: str) -> str:
    """Return a host name, Unicode labels and single labels included, or an IP address.

    Raises :exc:`ValueError` with the rest of a sentence that starts with the member's name.
    """
    text = value.strip()
    if not 0 < len(text) <= 253 or not _HOSTNAME.fullmatch(text):
        raise ValueError("must be a valid hostname")
    return text


def check_ascii_hostname(value: str) -> str:
    """Return a host name that can be said in SMTP, where Unicode labels are spelled ``xn--``.

    Raises :exc:`ValueError` as :func:`check_hostname` does.
    """
    text = check_hostname(value)
    if not text.isascii():
        raise ValueError("must be a valid hostname in ASCII")
    return text


def is_field_value(text: str) -> bool:
    """Whether ``text`` can be the value of a header field: no control character but TAB."""
    return all(
        character == "\t" or (character >= " " and character != "\x7f") for character in text
    )


_USERINFO = re.compile(r"(?<=://)(?P<user>[^/?#:@]*)(?P<rest>:[^/?#]*)?@(?=[^/?#@]*(?:[/?#]|\Z))")
_HTTP_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_EDGE = r"[0-9A-Za-z_\u0080-\U0010ffff]"
_LABEL = rf"{_EDGE}(?:[0-9A-Za-z_\u0080-\U0010ffff-]{{0,61}}{_EDGE})?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")


def _mask_userinfo(match: re.Match[str]) -> str:
    return f"{match['user']}:{MASK}@" if match["rest"] is not None else f"{MASK}@"
