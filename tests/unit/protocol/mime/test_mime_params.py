from __future__ import annotations

import pytest

from postroad.protocol.mime.params import format_parameter, format_parameters, parse_type


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        ("report.pdf", ["filename=report.pdf"]),
        ("my report.pdf", ['filename="my report.pdf"']),
        ('a"b\\c.txt', ['filename="a\\"b\\\\c.txt"']),
        ("€ rates.txt", ["filename*=utf-8''%E2%82%AC%20rates.txt"]),  # RFC 5987 §3.2.2's example
        ("it's 100%.txt", ['filename="it\'s 100%.txt"']),
        ("=?utf-8?q?x?=", ["filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D"]),
        ("", ['filename=""']),
    ],
)
def test_short_values_are_one_piece(value: str, pieces: list[str]) -> None:
    assert format_parameter("filename", value) == pieces


def test_long_values_go_in_numbered_sections() -> None:
    assert format_parameter("filename", "a" * 100) == [
        f'filename*0="{"a" * 52}"',
        f'filename*1="{"a" * 48}"',
    ]
    first, second, *_ = format_parameter("filename", "ä" * 40)
    assert first.startswith("filename*0*=utf-8''%C3%A4")
    assert second.startswith("filename*1*=%C3%A4")  # sections break between characters


def test_a_field_folds_before_a_parameter_that_does_not_fit() -> None:
    assert format_parameters("Content-Type: image/png", ["a=1", f"b={'x' * 60}"]) == (
        f"Content-Type: image/png; a=1;\r\n b={'x' * 60}\r\n"
    )


def test_media_types_are_read_with_their_parameters() -> None:
    assert parse_type('Text/Plain ; Charset="utf-8"; x="a\\"b;c"; bad par=1') == (
        "text/plain",
        [("charset", "utf-8"), ("x", 'a"b;c')],
    )
    for bad in ("text", "text/", "/x", "text/pl ain", "a/b/c", ""):
        assert parse_type(bad) is None
