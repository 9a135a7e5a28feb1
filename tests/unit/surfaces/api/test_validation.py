"""Reading bodies: strict and fast first, then everything that is wrong at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import UNSET, Meta, UnsetType

from postroad.domain.errors import MAX_PROBLEMS, Invalid
from postroad.surfaces.api.schemas.formats import Email, Timestamp
from postroad.surfaces.api.schemas.members import Request
from postroad.surfaces.api.validation import BROKEN_JSON, Reader


class Inner(Request):
    address: Email
    name: Annotated[str, Meta(max_length=5, extra={"trim": True})] = ""


class Sample(Request):
    to: Annotated[list[Inner], Meta(extra={"single": True})] | UnsetType = UNSET
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    flag: bool = False
    mode: Annotated[Literal["a", "b"], Meta(extra={"lower": True})] = "a"
    at: Timestamp | UnsetType | None = UNSET
    data: bytes | UnsetType = UNSET
    either: Inner | bool | UnsetType = UNSET
    more: dict[str, Any] | UnsetType = UNSET


READER = Reader(Sample)


def problems(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        READER.read(body)
    return [(problem.key, problem.message) for problem in refused.value.fields]


def test_canonical_input_is_taken() -> None:
    sample = READER.read(b'{"to":[{"address":"a@b"}],"count":2,"data":"YWI="}')
    assert sample.to is not UNSET
    assert sample.to[0].address == "a@b"
    assert (sample.count, sample.data) == (2, b"ab")


@pytest.mark.parametrize(
    ("body", "member", "expected"),
    [
        (b'{"count":"3"}', "count", 3),
        (b'{"count":3.0}', "count", 3),
        (b'{"flag":"True"}', "flag", True),
        (b'{"mode":" B "}', "mode", "b"),
        (b'{"data":"YW\\nI"}', "data", b"ab"),
        (b'{"at":null}', "at", None),
        (b'{"either":false}', "either", False),
    ],
)
def test_values_are_converted_as_the_contract_says(
    body: bytes, member: str, expected: object
) -> None:
    assert getattr(READER.read(body), member) == expected


def test_single_value_becomes_a_list() -> None:
    sample = READER.read(b'{"to":{"address":"a@b","name":" abcde "}}')
    assert sample.to is not UNSET
    assert [(item.address, item.name) for item in sample.to] == [("a@b", "abcde")]


def test_all_problems_are_told_at_once_by_the_members_own_name() -> None:
    body = b"""{"to":[{"name":1},{"address":"x","name":"123456"}],"count":0,"flag":"maybe",
               "mode":"c","at":"soon","data":"?","either":{"adress":1},"nope":1}"""
    assert problems(body) == [
        ("address", '"to[0].address" is required'),
        ("name", '"to[0].name" must be a string'),
        ("address", '"to[1].address" must be a valid email'),
        ("name", '"to[1].name" length must be less than or equal to 5 characters long'),
        ("count", '"count" must be greater than or equal to 1'),
        ("flag", '"flag" must be a boolean'),
        ("mode", '"mode" must be one of [a, b]'),
        ("at", '"at" must be in ISO 8601 date format'),
        ("data", '"data" must be a valid base64 string'),
        ("address", '"either.address" is required'),
        ("adress", '"either.adress" is not allowed'),
        ("nope", '"nope" is not allowed'),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", '"value" must be of type object'),
        (b"null", '"value" must be of type object'),
        (b'"x"', '"value" must be of type object'),
        (b'{"to":null}', '"to" must be an array'),
        (b'{"count":1.5}', '"count" must be an integer'),
        (b'{"count":true}', '"count" must be a number'),
        (b'{"count":99999999999999999999999999}', '"count" must be less than or equal to 9'),
        (b'{"mode":[]}', '"mode" must be one of [a, b]'),
        (b'{"to":[{"address":"a@b","name":"\\u0000"}]}', None),
        (b'{"more":{"a":"\\u0000"}}', '"more.a" must not contain NUL characters'),
    ],
)
def test_wrong_types_are_told(body: bytes, message: str | None) -> None:
    found = problems(body)
    assert len(found) == 1
    assert message is None or found[0][1] == message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"to":',
        b"{} {}",
        b'{"count":\xff}',
        b'{"mode":"\xff"}',
        b'{"mode":"\\ud800"}',
        b'{"mode":"a\x00"}',
        b'{"count":1e400}',
        b"[" * 200_000,
        b'{"more":' * 100_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_broken_json_is_told_as_such(body: bytes) -> None:
    with pytest.raises(Invalid, match=BROKEN_JSON) as refused:
        READER.read(body)
    assert refused.value.fields == ()


def test_problems_are_bounded() -> None:
    body = b"{" + b",".join(b'"%d":1' % n for n in range(5000)) + b"}"
    assert len(problems(body)) == MAX_PROBLEMS


def test_long_member_names_are_cut() -> None:
    [(key, _)] = problems(b'{"' + b"x" * 10_000 + b'":1}')
    assert len(key) < 200


def test_query_takes_more_words_for_true() -> None:
    for word in ("true", "1", "Y", "y"):
        assert READER.read_texts({"flag": word}).flag is True
    for word in ("false", "0", "N"):
        assert READER.read_texts({"flag": word}).flag is False
