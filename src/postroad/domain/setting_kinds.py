"""How one setting is written, checked and shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from postroad.domain.errors import shorten
from postroad.domain.url import (
    MASK,
    check_ascii_hostname,
    check_url,
    is_field_value,
    is_http_token,
    mask_url,
)


class MemberProblem(ValueError):
    """A member of an object is wrong."""

    def __init__(self, member: str, problem: str) -> None:
        super().__init__(problem)
        self.member = member


class SettingKind(StrEnum):
    """How a value is written in JSON and checked."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DURATION = "duration"  # integer milliseconds, or text with a unit: "36h", "5d"
    TEXT = "text"
    HOSTNAME = "hostname"
    ADDRESS = "address"  # IP address of this machine
    URL = "url"
    CHOICE = "choice"  # one of a few words
    NAMES = "names"  # list of texts
    HEADERS = "headers"  # list of {key, value}
    OBJECT = "object"  # of members with types and defaults of their own


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its key, its type, its limits and what it does."""

    key: str
    kind: SettingKind
    sentence: str
    default: object = None  # what holds while it is unset
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    schemes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    members: tuple[Setting, ...] = ()  # of an object
    is_nullable: bool = False  # null returns it to the default
    is_secret: bool = False  # the API tells only whether it is set
    is_ours: bool = False  # beyond the compatible surface

    @property
    def is_sealed(self) -> bool:
        """Whether the value may hold credentials and is encrypted at rest."""
        return self.is_secret or self.kind in (SettingKind.URL, SettingKind.HEADERS)

    def parse(self, value: object) -> object:
        """Check and normalise a JSON value; ``None`` means "back to the default".

        Raises :exc:`ValueError` with the rest of a sentence that starts with the key.
        """
        if value is None:
            if not self.is_nullable:
                raise ValueError(f"must be {_ARTICLES[self.kind]}")
            return None
        return _PARSERS[self.kind](self, value)

    def show(self, value: object) -> object:
        """The value as the API shows it: secrets as booleans, credentials masked."""
        if self.is_secret:
            return bool(value)
        if self.kind is SettingKind.URL and isinstance(value, str):
            return mask_url(value)
        if self.kind is SettingKind.OBJECT and value is None:
            return {member.key: member.default for member in self.members}
        if self.kind is SettingKind.HEADERS and isinstance(value, Sequence):
            return [{"key": item["key"], "value": MASK} for item in value]
        return value


_DURATION = re.compile(r"\s*(\d{1,12})\s*(ms|s|m|h|d)?\s*")
_UNITS = {None: 1, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TRUE = frozenset({"true", "1", "y", "yes", "on"})
_FALSE = frozenset({"false", "0", "n", "no", "off", ""})


def _boolean(_setting: Setting, value: object) -> object:
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (str, int)) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be a boolean")


def _integer(setting: Setting, value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,18}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("must be a number")
    if value != value or value in (float("inf"), float("-inf")) or int(value) != value:
        raise ValueError("must be an integer")
    return _bounded(setting, int(value))


def _bounded(setting: Setting, number: int) -> int:
    if setting.minimum is not None and number < setting.minimum:
        raise ValueError(f"must be greater than or equal to {setting.minimum}")
    if setting.maximum is not None and number > setting.maximum:
        raise ValueError(f"must be less than or equal to {setting.maximum}")
    return number


def _duration(setting: Setting, value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(setting, value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a number of milliseconds or a duration such as 36h or 5d")
    return _bounded(setting, int(match[1]) * _UNITS[match[2]])


def _text(setting: Setting, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if setting.max_length is not None and len(value) > setting.max_length:
        raise ValueError(
            f"length must be less than or equal to {setting.max_length} characters long"
        )
    if any(character in value for character in "\x00\r\n"):
        raise ValueError("must not contain line breaks or NUL")
    return value.strip() or None


def _hostname(_setting: Setting, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return check_ascii_hostname(value) if value.strip() else None


def _address(_setting: Setting, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    try:
        return str(ip_address(value.strip()))
    except ValueError as error:
        raise ValueError("must be a valid ip address") from error


def _url(setting: Setting, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if not value.strip():
        return None
    url = check_url(value, setting.schemes)
    if setting.key == "serviceUrl":  # reduced to its origin. Contract B-248
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"
    return url


def _choice(setting: Setting, value: object) -> object:
    if not isinstance(value, str) or value.strip() not in setting.choices:
        raise ValueError(f"must be one of [{', '.join(setting.choices)}]")
    return value.strip()


def _names(setting: Setting, value: object) -> object:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ValueError("must be an array")
    for item in items:
        if not isinstance(item, str) or "\x00" in item:
            raise ValueError("must be an array of strings")
        if setting.max_length is not None and len(item) > setting.max_length:
            raise ValueError(
                f"entries must be less than or equal to {setting.max_length} characters long"
            )
    return [item.strip() for item in items if item.strip()]


def _headers(_setting: Setting, value: object) -> object:
    if not isinstance(value, list):
        raise ValueError("must be an array")
    headers = []
    for item in value:
        if not isinstance(item, dict) or not {*item} <= {"key", "value"}:
            raise ValueError("must be an array of {key, value} objects")
        key, text = item.get("key"), item.get("value", "")
        if not isinstance(key, str) or len(key) > 1024 or not is_http_token(key.strip()):
            raise ValueError("must have valid header names as keys")
        if not isinstance(text, str) or len(text) > 10_240 or not is_field_value(text):
            raise ValueError("must have texts without control characters as values")
        headers.append({"key": key.strip(), "value": text.strip()})
    return headers


def _object(setting: Setting, value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("must be of type object")
    members = {member.key: member for member in setting.members}
    for key in value:
        if key not in members:
            raise MemberProblem(shorten(str(key)), "is not allowed")
    parsed = {}
    for key, member in members.items():
        try:
            parsed[key] = member.parse(value[key]) if key in value else member.default
        except ValueError as error:
            raise MemberProblem(key, str(error)) from error
    return parsed


_PARSERS = {
    SettingKind.BOOLEAN: _boolean,
    SettingKind.INTEGER: _integer,
    SettingKind.DURATION: _duration,
    SettingKind.TEXT: _text,
    SettingKind.HOSTNAME: _hostname,
    SettingKind.ADDRESS: _address,
    SettingKind.URL: _url,
    SettingKind.CHOICE: _choice,
    SettingKind.NAMES: _names,
    SettingKind.HEADERS: _headers,
    SettingKind.OBJECT: _object,
}
_ARTICLES = {
    SettingKind.BOOLEAN: "a boolean",
    SettingKind.INTEGER: "a number",
    SettingKind.DURATION: "a number",
    SettingKind.TEXT: "a string",
    SettingKind.HOSTNAME: "a string",
    SettingKind.ADDRESS: "a string",
    SettingKind.URL: "a string",
    SettingKind.CHOICE: "a string",
    SettingKind.NAMES: "an array",
    SettingKind.HEADERS: "an array",
    SettingKind.OBJECT: "of type object",
}
