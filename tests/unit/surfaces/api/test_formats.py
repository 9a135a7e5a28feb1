"""Formats of single values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.surfaces.api.schemas.formats import (
    Email,
    IpNetwork,
    MailDate,
    No,
    Timestamp,
    decode_base64,
    iso,
)


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "user@localhost",
        "user@example.test",
        "user.name+tag@mail.example.local",
        '"odd name"@example.com',
        "a@[127.0.0.1]",
        "jüri@exämple.com",
        "пример@пример.рф",
        "o'brien@example.com",
        "a@exa_mple.com",
    ],
)
def test_address_is_taken(address: str) -> None:
    assert Email.parse(f" {address} ") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b",
        "a@",
        "a@@b",
        "a..b@c",
        ".a@b",
        "a b@c",
        "a@b c",
        "a@b..c",
        "a@b\r\nBcc: c@d",
        "a\r\n@b",
        "a\x00@b",
        "<a@b>",
        "a@b,c@d",
        "Name <a@b>",
        "a@b.",
        "x" * 65 + "@b",
        "a@" + "b" * 64,
        "a@" + "b." * 130 + "c",
        "a@ex ample",
        "a@\u2028b",
        5,
        None,
    ],
)
def test_anything_else_is_no_address(address: object) -> None:
    with pytest.raises(ValueError):
        Email.parse(address)


@given(st.text(max_size=300))
def test_no_text_upsets_the_address_check(text: str) -> None:
    try:
        taken = Email.parse(text)
    except ValueError:
        return
    assert not any(character in taken for character in "\r\n\x00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-08-18T06:42:25.408Z", "2021-08-18T06:42:25.408Z"),
        ("2021-08-18", "2021-08-18T00:00:00.000Z"),
        ("2021-08-18T08:42:25+02:00", "2021-08-18T06:42:25.000Z"),
        ("2021-08-18T06:42:25", "2021-08-18T06:42:25.000Z"),
        ("0001-01-01T00:00:00", "1970-01-01T00:00:00.000Z"),
        ("1900-01-01", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_time_is_read_as_iso_8601(text: str, expected: str) -> None:
    assert iso(Timestamp.parse(text)) == expected


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "1629126286161", 1629126286161, "9999-12-31T23:59:59Z"]
)
def test_other_times_are_refused(text: object) -> None:
    with pytest.raises(ValueError):
        Timestamp.parse(text)


def test_date_that_is_written_down_is_kept_or_refused() -> None:
    assert MailDate.parse("1971-01-01") == Timestamp.parse("1971-01-01")
    with pytest.raises(ValueError, match="between the years 1970 and 9999"):
        MailDate.parse("1969-12-31")


@pytest.mark.parametrize("text", ["YWI=", "YWI", "Y\r\nW\tI =", "YWI=\n"])
def test_base64_may_be_broken_into_lines_and_lack_padding(text: str) -> None:
    assert decode_base64(text) == b"ab"


@pytest.mark.parametrize("text", ["Y", "Y===", "YW-_", "YWI=YWI=", "ä", "%%%%"])
def test_other_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_base64(text)


def test_option_that_is_not_there_can_only_be_off() -> None:
    No.parse(False)
    others: list[object] = [True, None, 1, "yes", {}]
    for value in others:
        with pytest.raises(ValueError):
            No.parse(value)


def test_networks_and_addresses_are_told_from_text() -> None:
    assert IpNetwork.parse("10.0.0.1/8") == "10.0.0.1/8"
    with pytest.raises(ValueError):
        IpNetwork.parse("10.0.0.0/33")
