"""What a request says of itself."""

from __future__ import annotations

import pytest

from postroad.domain.errors import Invalid
from postroad.surfaces.api.errors import UnsupportedMediaType
from postroad.surfaces.api.request import (
    ClientAddresses,
    bearer_token,
    check_media_type,
    query_of,
    timeout_s,
)


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({b"authorization": b"Bearer abc"}, {}, "abc"),
        ({b"authorization": b"bearer  abc "}, {}, "abc"),
        ({b"authorization": b"Basic abc"}, {}, None),
        ({b"authorization": b"Basic abc"}, {"access_token": "q"}, "q"),
        ({b"authorization": b"Bearer h"}, {"access_token": "q"}, "h"),
        ({}, {"access_token": "q"}, "q"),
        ({}, {"access_token": ["a", "b"]}, None),
        ({}, {}, None),
    ],
)
def test_token_comes_from_header_or_query(
    headers: dict[bytes, bytes], query: dict[str, object], expected: str | None
) -> None:
    assert bearer_token(headers, query) == expected


def test_repeated_query_member_becomes_a_list() -> None:
    assert query_of(b"a=1&b=%C3%A4&a=2&a=3&c=") == {"a": ["1", "2", "3"], "b": "ä", "c": ""}


@pytest.mark.parametrize("query", [b"a=%FF", b"a=\xff", b"&".join([b"a=1"] * 1001)])
def test_query_that_cannot_be_read_is_refused(query: bytes) -> None:
    with pytest.raises(Invalid):
        query_of(query)


@pytest.mark.parametrize(
    ("header", "expected"), [(None, 10.0), (b"0", 10.0), (b"5000", 10.0), (b"7200000", 7200.0)]
)
def test_timeout_header_only_lengthens(header: bytes | None, expected: float) -> None:
    headers = {} if header is None else {b"x-ee-timeout": header}
    assert timeout_s(headers, 10.0) == expected


@pytest.mark.parametrize("header", [b"", b"-1", b"7200001", b"1.5", b"x", b"9" * 5000])
def test_other_timeouts_are_refused(header: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        timeout_s({b"x-ee-timeout": header}, 10.0)
    assert refused.value.fields[0].key == "x-ee-timeout"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "is_proxied", "expected"),
    [
        ((), "192.0.2.1", None, True, "192.0.2.1"),
        ((), "192.0.2.1", b"198.51.100.7, 203.0.113.1", True, "198.51.100.7"),
        ((), "192.0.2.1", b"198.51.100.7", False, "192.0.2.1"),
        ((), "192.0.2.1", b"nonsense", True, "192.0.2.1"),
        (("10.0.0.0/8",), "192.0.2.1", b"198.51.100.7", True, "192.0.2.1"),
        (("10.0.0.0/8",), "10.0.0.1", b"198.51.100.7", True, "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", b"1.1.1.1, 198.51.100.7, 10.9.9.9", True, "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", b"10.0.0.2, 10.0.0.3", True, "10.0.0.2"),
        (("10.0.0.0/8",), "10.0.0.1", b"198.51.100.7, junk", True, "10.0.0.1"),
    ],
)
def test_client_address_is_told_through_proxies(
    trusted: tuple[str, ...], peer: str, forwarded: bytes | None, is_proxied: bool, expected: str
) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded}
    assert ClientAddresses(trusted).of(peer, headers, is_proxied=is_proxied) == expected


@pytest.mark.parametrize("kind", [None, b"application/json", b"Application/JSON; charset=utf-8"])
def test_json_is_taken(kind: bytes | None) -> None:
    check_media_type({} if kind is None else {b"content-type": kind})


@pytest.mark.parametrize(
    "kind", [b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"]
)
def test_what_a_form_can_send_is_refused(kind: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_media_type({b"content-type": kind})
