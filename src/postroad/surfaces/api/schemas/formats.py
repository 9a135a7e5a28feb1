"""Wire formats of single values: what JSON carries as text and must look a certain way.

Each format is a class with ``parse``, which takes the decoded JSON value and returns the checked
one, or raises :exc:`ValueError` with the rest of a sentence that starts with the member's name;
and ``SCHEMA``, what the OpenAPI document says of it. The decoder calls ``parse`` on the fast path
and the slow pass calls it again to collect problems, so a format is written once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import ClassVar, Protocol, Self

import idna
import pybase64

from postroad.domain.url import (
    HTTP,
    PROXIES,
    check_ascii_hostname,
    check_hostname,
    check_url,
)

Schema = Mapping[str, object]


class Format(Protocol):
    SCHEMA: ClassVar[Schema]

    @classmethod
    def parse(cls, value: object) -> Self: ...


class Email(str):
    """An address without display name; any domain, one label included; IDN and EAI go.

    RFC 5321 §4.1.2, RFC 6531 §3.3. Lengths per RFC 5321 §4.5.3.1.
    """

    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "format": "email"}

    @classmethod
    def parse(cls, value: object) -> Self:
        text = _text(value).strip()
        if not _EMAIL.fullmatch(text):
            raise ValueError("must be a valid email")
        if not text.isascii():
            local, _, domain = text.rpartition("@")
            if len(local.encode()) > 64 or not _is_domain(domain):
                raise ValueError("must be a valid email")
        return cls(text)


class EmptyOrEmail(Email):
    """An address, or nothing: the null reverse-path of an envelope."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls("") if value == "" else super().parse(value)


class HttpUrl(str):
    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "format": "uri"}

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls(check_url(_text(value), HTTP))


class ProxyUrl(str):
    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "format": "uri"}

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls(check_url(_text(value), PROXIES))


class EmptyOrHttpUrl(HttpUrl):
    """A URL, or nothing: the one that was there is taken away."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls("") if value == "" else super().parse(value)


class EmptyOrProxyUrl(ProxyUrl):
    """A proxy, or nothing: the one that was there is taken away."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls("") if value == "" else super().parse(value)


class Hostname(str):
    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "format": "hostname"}

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls(check_hostname(_text(value)))


class EhloName(Hostname):
    """A name to greet an SMTP server with."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls(check_ascii_hostname(_text(value)))


class Ip(str):
    """One IP address."""

    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "format": "ip"}

    @classmethod
    def parse(cls, value: object) -> Self:
        try:
            return cls(ip_address(_text(value).strip()))
        except ValueError:
            raise ValueError(
                "must be a valid ip address of one of the following versions [ipv4, ipv6]"
            ) from None


class IpNetwork(str):
    """One IP address or CIDR network."""

    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "format": "ip"}

    @classmethod
    def parse(cls, value: object) -> Self:
        text = _text(value).strip()
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(
                "must be a valid ip address of one of the following versions [ipv4, ipv6] "
                "with an optional CIDR"
            ) from None
        return cls(text)


class Timestamp(int):
    """A time as ISO 8601 text, held as epoch milliseconds. Without an offset it is UTC.

    Times before 1970 are held as 1970, as they all say "since ever": programs write their own
    least date (year 1, 1900) for that.
    """

    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "format": "date-time"}

    @classmethod
    def parse(cls, value: object) -> Self:
        try:
            time = datetime.fromisoformat(_text(value).strip())
            if time.tzinfo is None:
                time = time.replace(tzinfo=UTC)
            milliseconds = round(time.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise ValueError("must be in ISO 8601 date format") from None
        if milliseconds < 0:
            return cls(cls._before_1970())
        if milliseconds >= _MAX_MS:
            raise ValueError(_YEARS)
        return cls(milliseconds)

    @classmethod
    def _before_1970(cls) -> int:
        return 0


class MailDate(Timestamp):
    """A time that is written into a message, and so must not be another one."""

    __slots__ = ()

    @classmethod
    def _before_1970(cls) -> int:
        raise ValueError(_YEARS)


class HexId(str):
    """64 hexadecimal digits: the value or the id of a token."""

    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "string", "minLength": 64, "maxLength": 64}

    @classmethod
    def parse(cls, value: object) -> Self:
        text = _text(value).strip()
        if not _HEX.fullmatch(text):
            raise ValueError("must be 64 hexadecimal characters")
        return cls(text)


class No:
    """``false`` alone: an option that is off, and cannot be switched on in this version."""

    __slots__ = ()
    SCHEMA: ClassVar[Schema] = {"type": "boolean", "enum": [False], "default": False}

    @classmethod
    def parse(cls, value: object) -> Self:
        if value is False or (isinstance(value, str) and value.lower() in ("false", "0", "n")):
            return cls()
        raise ValueError("is not allowed")


def decode_base64(text: str) -> bytes:
    """Decode base64 that people and programs wrote: line breaks and missing padding are fine.

    Anything else outside the alphabet is not. Raises :exc:`ValueError`.
    """
    try:
        return pybase64.b64decode(text, validate=True)  # without a copy of the text
    except ValueError:
        pass
    try:
        dense = text.encode("ascii").translate(None, b" \t\r\n")
        return pybase64.b64decode(dense + b"=" * (-len(dense) % 4), validate=True)
    except ValueError:
        raise ValueError("must be a valid base64 string") from None


def iso(epoch_ms: int) -> str:
    """``2021-08-16T15:04:46.161Z``"""
    days, ms = divmod(epoch_ms, 86_400_000)
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{ms:03d}Z"


@lru_cache(maxsize=1024)  # a list names few days
def _day(days: int) -> str:
    return (_FIRST_DAY + timedelta(days)).isoformat()


_FIRST_DAY = date(1970, 1, 1)
_YEARS = "must be a date between the years 1970 and 9999"
# 9999-12-31, the last day that fits both Python and ISO 8601 with four digits.
_MAX_MS = 253_402_214_400_000
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_ATEXT = r"[^\s\x00-\x20\x7f-\x9f\ud800-\udfff\"(),.:;<>@\[\\\]]"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f-\x9f\ud800-\udfff]|\\[\x20-\x7e])*"'
_LABEL = r"[^\x00-,./:-@\[-^`{-\xa0\ud800-\udfff]"
_EMAIL = re.compile(
    rf"(?=.{{3,254}}\Z)(?=(?:.{{1,64}})@[^@]*\Z)(?:{_ATEXT}+(?:\.{_ATEXT}+)*|{_QUOTED})@"
    rf"(?:{_LABEL}{{1,63}}(?:\.{_LABEL}{{1,63}})*|\[[0-9A-Za-z.:]{{2,60}}\])"
)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _is_domain(domain: str) -> bool:
    try:
        idna.encode(domain, uts46=True)
    except idna.IDNAError:
        return False
    return True
