"""From octets to a checked structure, or to the list of everything that is wrong with it.

The decoder is strict and fast and stops at the first fault. Only then a second, slow pass walks
over the plain JSON with the same types in hand: it converts what the contract converts (B-009)
and, if anything is left, collects all problems at once (B-007). So each rule is written once, in
the types of :mod:`postroad.surfaces.api.schemas`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from msgspec import inspect

from postroad.domain.errors import MAX_PROBLEMS, FieldProblem, Invalid, shorten
from postroad.surfaces.api.schemas.formats import Format, decode_base64

T = TypeVar("T")

BROKEN_JSON: Final = "Invalid request payload JSON format"


class Problems:
    """Collects what is wrong, for checks that look at more than one member."""

    def __init__(self) -> None:
        self._found: list[FieldProblem] = []

    @property
    def is_full(self) -> bool:
        """Whether enough was found for one answer."""
        return len(self._found) >= MAX_PROBLEMS

    @property
    def has_any(self) -> bool:
        return bool(self._found)

    def add(self, key: str, words: str, *, place: str | None = None) -> None:
        """Note a problem of the member ``key``; ``words`` follow its quoted ``place``."""
        if not self.is_full:
            self._found.append(FieldProblem(key, f'"{place or key}" {words}'))

    def add_all(self, found: Iterable[FieldProblem]) -> None:
        self._found.extend(islice(found, MAX_PROBLEMS - len(self._found)))

    def check(self) -> None:
        """Raise :exc:`Invalid` if anything was noted."""
        if self._found:
            raise Invalid(fields=self._found)


class Reader(Generic[T]):
    """Reads one type: from a JSON body, or from the texts of a query string."""

    def __init__(self, kind: type[T]) -> None:
        self._type = kind
        self._info = inspect.type_info(kind)
        self._decoder = msgspec.json.Decoder(kind, dec_hook=_parse)

    def read(self, body: bytes | bytearray) -> T:
        """Decode a JSON body. Raises :exc:`Invalid`, with all problems where JSON is fine.

        A ``bytearray`` may be empty afterwards: large bodies come as one, and what is made of
        them needs the room.
        """
        try:
            decoded = self._decoder.decode(body)
        except msgspec.ValidationError:
            return self._read_slowly(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Invalid(BROKEN_JSON) from None
        # NUL fits into no store and no mail, and can only come as this escape.
        return self._read_slowly(body) if rb"\u0000" in body else decoded

    def read_texts(self, values: Mapping[str, object]) -> T:
        """Convert decoded query members, where every value is a text or a list of texts."""
        return self._convert(values, is_query=True)

    def _read_slowly(self, body: bytes | bytearray) -> T:
        try:
            value = msgspec.json.decode(body)
            if isinstance(body, bytearray):
                body.clear()
            return self._convert(value, is_query=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Invalid(BROKEN_JSON) from None

    def _convert(self, value: object, *, is_query: bool) -> T:
        walk = _Walk(is_query=is_query)
        converted = walk.visit(self._info, value, "value", "value")
        walk.problems.check()
        try:
            return msgspec.convert(converted, self._type, builtin_types=(bytes,), dec_hook=_parse)
        except msgspec.ValidationError as error:
            # A rule that the walk does not know. Better one plain problem than a wrong "fine".
            text, _, path = str(error).partition(" - at `$")
            key = re.sub(r"\[[^]]*\]|`", "", path).rpartition(".")[2] or "value"
            raise Invalid(fields=[FieldProblem(key, f'"{key}" is wrong: {text}')]) from None


def _parse(kind: type, value: Any) -> Any:
    """Check a value of one of our formats; called by the decoder for types it does not know."""
    return cast(type[Format], kind).parse(value)


class _Walk:
    """One slow pass. Returns values that the converter takes, and fills ``problems``."""

    def __init__(self, *, is_query: bool) -> None:
        self.problems = Problems()
        self._is_query = is_query
        self._depth = 0

    def visit(
        self,
        info: inspect.Type,
        value: Any,
        key: str,
        place: str,
        extra: Mapping[str, Any] | None = None,
    ) -> Any:
        if self.problems.is_full:
            return None  # the request is refused anyway
        try:
            match info:
                case inspect.Metadata():
                    return self.visit(info.type, value, key, place, info.extra or extra)
                case inspect.UnionType():
                    return self._union(info, value, key, place, extra)
                case inspect.StructType():
                    return self._struct(info, value, key, place)
                case inspect.ListType():
                    return self._list(info, value, key, place, extra or {})
                case inspect.DictType():
                    return self._dict(info, value, key, place)
                case inspect.CustomType():
                    cast(type[Format], info.cls).parse(value)
                    return value
                case inspect.StrType():
                    return _string(info, value, extra or {})
                case inspect.IntType():
                    return _integer(info, value)
                case inspect.BoolType():
                    return _boolean(value, is_query=self._is_query)
                case inspect.LiteralType():
                    return _literal(info, value, extra or {})
                case inspect.BytesType():
                    return _octets(value)
                case _:
                    return value
        except ValueError as error:
            self.problems.add(key, str(error), place=place)
            return None

    def _union(
        self,
        info: inspect.UnionType,
        value: Any,
        key: str,
        place: str,
        extra: Mapping[str, Any] | None,
    ) -> Any:
        choices = [item for item in info.types if not isinstance(item, inspect.NoneType)]
        if value is None and len(choices) < len(info.types):
            return None
        fitting = [item for item in choices if _fits(item, value)] or choices
        return self.visit(fitting[0], value, key, place, extra)

    def _struct(self, info: inspect.StructType, value: Any, key: str, place: str) -> Any:
        if not isinstance(value, dict):
            raise ValueError("must be of type object")
        prefix = "" if place == "value" else f"{place}."
        converted = {}
        known = {field.encode_name: field for field in info.fields}
        for name, field in known.items():
            if name in value:
                # Taken out, for what is made of a long text needs the room.
                converted[name] = self.visit(field.type, value.pop(name), name, prefix + name)
            elif field.required:
                self.problems.add(name, "is required", place=prefix + name)
        for name in value:  # what nobody took
            if name not in known:
                self.problems.add(shorten(name), "is not allowed", place=prefix + shorten(name))
        return converted

    def _list(
        self, info: inspect.ListType, value: Any, key: str, place: str, extra: Mapping[str, Any]
    ) -> Any:
        if not isinstance(value, list):
            if value is None or not extra.get("single"):
                raise ValueError("must be an array")
            return [self.visit(info.item_type, value, key, place)]
        if info.min_length is not None and len(value) < info.min_length:
            raise ValueError(f"must contain at least {info.min_length} items")
        if info.max_length is not None and len(value) > info.max_length:
            raise ValueError(f"must contain less than or equal to {info.max_length} items")
        return [
            self.visit(info.item_type, item, key, f"{place}[{n}]") for n, item in enumerate(value)
        ]

    def _dict(self, info: inspect.DictType, value: Any, key: str, place: str) -> Any:
        if not isinstance(value, dict):
            raise ValueError("must be of type object")
        for name, item in value.items():
            if "\x00" in name or (isinstance(item, str) and "\x00" in item):
                self.problems.add(shorten(name), _NUL, place=f"{place}.{shorten(name)}")
        return value


_NUL = "must not contain NUL characters"


def _fits(info: inspect.Type, value: Any) -> bool:
    """Whether a value is of the JSON type that ``info`` is written in."""
    match info:
        case inspect.Metadata():
            return _fits(info.type, value)
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
        case inspect.ListType():
            return isinstance(value, list)
        case inspect.BoolType():
            return isinstance(value, bool)
        case _:
            return isinstance(value, str)


def _string(info: inspect.StrType, value: Any, extra: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    text = value.strip() if extra.get("trim") else value
    if "\x00" in text:
        raise ValueError(_NUL)
    if info.min_length and len(text) < info.min_length:
        if not text:
            raise ValueError("is not allowed to be empty")
        raise ValueError(f"length must be at least {info.min_length} characters long")
    if info.max_length is not None and len(text) > info.max_length:
        raise ValueError(f"length must be less than or equal to {info.max_length} characters long")
    if info.pattern is not None and not re.search(info.pattern, text):
        raise ValueError(str(extra.get("pattern", "fails to match the required pattern")))
    return text


def _integer(info: inspect.IntType, value: Any) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("must be a number")
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("must be an integer")
    number = int(value)
    if info.ge is not None and number < info.ge:
        raise ValueError(f"must be greater than or equal to {info.ge}")
    if info.le is not None and number > info.le:
        raise ValueError(f"must be less than or equal to {info.le}")
    return number


def _boolean(value: Any, *, is_query: bool) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word == "true" or (is_query and word in ("1", "y")):
            return True
        if word == "false" or (is_query and word in ("0", "n")):
            return False
    raise ValueError("must be a boolean")


def _literal(info: inspect.LiteralType, value: Any, extra: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        value = value.strip().lower() if extra.get("lower") else value.strip()
    if value not in info.values:
        raise ValueError(f"must be one of [{', '.join(map(str, info.values))}]")
    return value


def _octets(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return decode_base64(value)


_NUMBER = re.compile(r"\s*-?\d{1,18}(?:\.\d{1,6})?\s*")
