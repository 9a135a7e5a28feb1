"""Values as people write them in files, environment variables and on the command line.

Each reader takes what stood there (text, or what TOML made of it) and returns the value, or
raises :exc:`ValueError` whose message completes the sentence "expected ...".
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path

from postroad.domain.secret import Secret
from postroad.domain.url import PROXIES, check_url

Reader = Callable[[object], object]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", re.IGNORECASE)
_DURATION_UNITS_S = {None: 0.001, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg])?(?:i?b)?", re.IGNORECASE)
_SIZE_UNITS = {None: 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_TRUE = frozenset({"true", "1", "yes", "y", "on"})
_FALSE = frozenset({"false", "0", "no", "n", "off"})
_TOKEN = re.compile(r"[0-9a-fA-F]{64}")
_ORIGIN = re.compile(
    r"(?P<place>(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\]))"
    r"(?P<port>:\d{1,5})?/?"
)
_OWN_PORTS = {"http": ":80", "https": ":443"}


def text(value: object) -> str:
    """Any text that is not empty."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError("text that is not empty")


def integer(low: int, high: int) -> Reader:
    """A whole number from ``low`` to ``high``, both included."""

    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"\s*\d{1,18}\s*", value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise ValueError(f"a whole number from {low} to {high}")

    return read


def flag(value: object) -> bool:
    """A yes or a no in any of the usual spellings."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("true or false")


def duration_s(value: object) -> float:
    """A time span, in seconds; ``250ms``, ``10s``, ``5m``, ``2h``, ``3d``.

    A number without a unit counts milliseconds, as the compatible variables always have.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a duration such as 250ms, 10s, 5m, 2h or 3d (bare numbers are ms)")
    unit = found[2].lower() if found[2] else None
    seconds = float(found[1]) * _DURATION_UNITS_S[unit]
    if not 0 < seconds <= 366 * 86_400:
        raise ValueError("a duration above zero and up to a year")
    return seconds


def size_bytes(value: object) -> int:
    """A number of octets; ``512k``, ``5M``, ``1G``, each step 1024."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a size such as 65536, 512k, 5M or 1G")
    octets = int(float(found[1]) * _SIZE_UNITS[found[2].lower() if found[2] else None])
    if not 0 < octets <= 1 << 40:
        raise ValueError("a size above zero and up to 1024G")
    return octets


def path(value: object) -> Path:
    """A path; ``~`` is the home directory, a relative one starts where the process does."""
    return Path(text(value)).expanduser()


def pem(value: object) -> Path | Secret[str]:
    """A PEM file by its path, or what it would hold; line ends may be spelled ``\\n``."""
    words = text(value)
    if "-----BEGIN" in words:
        return Secret(words.replace("\\n", "\n") + "\n")
    return path(words)


def ciphers(value: object) -> str:
    """A list of ciphers as OpenSSL writes it."""
    words = text(value)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(words)
    except ssl.SSLError:
        raise ValueError("ciphers that OpenSSL knows, such as HIGH:!aNULL") from None
    return words


def age_s(value: object) -> float:
    """A time span as :func:`duration_s` reads it, but a number without a unit counts seconds."""
    is_bare = isinstance(value, (int, float)) or (
        isinstance(value, str) and value.strip().isdigit()
    )
    return duration_s(f"{value}s" if is_bare and not isinstance(value, bool) else value)


def proxy_url(value: object) -> Secret[str]:
    """The URL of a proxy. Secret, because it may carry a password."""
    try:
        return Secret(check_url(text(value), PROXIES))
    except ValueError:
        raise ValueError("a URL such as http://proxy.example:3128 or socks5://host:1080") from None


def choice(*names: str, aliases: Mapping[str, str] | None = None) -> Reader:
    """One of ``names``, in any case, or one of the ``aliases`` for them."""
    known = {name.lower(): name for name in names} | dict(aliases or {})

    def read(value: object) -> str:
        found = known.get(value.strip().lower()) if isinstance(value, str) else None
        if found is None:
            raise ValueError("one of " + ", ".join(names))
        return found

    return read


def secret(value: object) -> Secret[str]:
    """Text that is never shown."""
    if isinstance(value, str) and value.strip():
        return Secret(value.strip())
    raise ValueError("text that is not empty")


def token(value: object) -> Secret[str]:
    """An access token: 64 hexadecimal digits, which stand for 32 octets."""
    if isinstance(value, str) and _TOKEN.fullmatch(value.strip()):
        return Secret(value.strip().lower())
    raise ValueError("an access token of 64 hexadecimal digits")


def database(value: object) -> Secret[str]:
    """A PostgreSQL URL. Secret, because it may carry a password."""
    if isinstance(value, str) and value.strip().startswith(("postgresql://", "postgres://")):
        return Secret(value.strip())
    raise ValueError("a URL that begins with postgresql:// (leave it out to use SQLite)")


def json_object(value: object) -> Mapping[str, object]:
    """A JSON object as text, or a table of the file."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"a JSON object ({error})") from None
    if isinstance(value, dict):
        return value
    raise ValueError('a JSON object such as {"webhooksEnabled": true}')


def networks(value: object) -> tuple[str, ...]:
    """Addresses and networks, separated by spaces or commas, or a list of them."""
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list):
        raise ValueError("IP addresses or networks such as 10.0.0.0/8")
    found = []
    for word in words:
        try:
            found.append(str(ip_network(str(word), strict=False)))
        except ValueError:
            raise ValueError(f"IP addresses or networks; {word!r} is neither") from None
    return tuple(found)


def origins(value: object) -> tuple[str, ...]:
    """Web origins, separated by spaces or commas, or a list of them; ``*`` alone is any.

    They are spelled as browsers spell them: in small letters, without the scheme's own port.
    """
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        raise ValueError("origins such as https://app.example.com, or *")
    if words == ["*"]:
        return ("*",)
    found = []
    for word in words:
        parts = _ORIGIN.fullmatch(str(word).lower())
        if parts is None:
            raise ValueError(f"origins such as https://app.example.com; {word!r} is none")
        port = parts["port"] or ""
        found.append(parts["place"] + ("" if port == _OWN_PORTS.get(parts["scheme"]) else port))
    return tuple(found)
