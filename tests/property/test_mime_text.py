"""What holds for words, parameters, addresses and HTML, and how long hostile input may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.address import Address
from postroad.protocol.mime.addresses import addresses
from postroad.protocol.mime.composer import compose
from postroad.protocol.mime.headers import message_ids, parse_headers
from postroad.protocol.mime.html import text_from_html
from postroad.protocol.mime.images import extract_images
from postroad.protocol.mime.params import format_parameter, format_parameters, parse_type
from postroad.protocol.mime.raw import RawOverrides, adopt_raw
from postroad.protocol.mime.words import decode_words, encode_words
from support.drafts import draft, line_text, octets


@given(line_text.filter(bool), st.integers(-10, 80))
def test_words_read_back_as_what_was_written(text: str, room: int) -> None:
    words = encode_words(text, room)
    assert all(len(word) <= 75 and word.isascii() and " " not in word for word in words)
    assert decode_words(" ".join(words)) == text
    assert decode_words("\t \t".join(words)) == text
    assert str(make_header(decode_header(" ".join(words)))) == text


@given(st.text())
def test_reading_words_never_fails_nor_lets_line_breaks_in(text: str) -> None:
    decode_words(text)
    hidden = decode_words(
        f"=?utf-8?q?{''.join(f'={b:02X}' for b in text.encode('utf-8', 'replace'))}?="
    )
    assert not {"\r", "\n", "\0"} & set(hidden)


# The standard library takes angle brackets around a value for quotes.
@given(line_text.filter(lambda text: text and not (text[0] == "<" and text[-1] == ">")))
def test_parameters_read_back_as_what_was_written(value: str) -> None:
    field = format_parameters(
        "Content-Disposition: attachment", format_parameter("filename", value)
    )
    assert field.isascii()
    assert all(len(line) <= 76 for line in field.split("\r\n"))
    message = Message()
    message["Content-Disposition"] = field.partition(": ")[2].rstrip("\r\n").replace("\r\n", "")
    found = message.get_param("filename", header="content-disposition")
    assert isinstance(found, str | tuple)
    assert collapse_rfc2231_value(found) == value


@given(st.text())
def test_readers_never_fail(text: str) -> None:
    addresses(text)
    message_ids(text)
    parse_type(text)
    parse_headers(text.encode("utf-8", "replace"))
    assert "\r" not in text_from_html(text.replace("\r", ""))
    extract_images(text)


_MARKUP = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<ul>", "<ol>", "<li>", "</ul>", "</ol>", "<a href='https://x.example'>",
         "</a>", "<table>", "<td>", "<tr>", "</table>", "<pre>", "</pre>", "<br>", "<hr>", "<!--",
         "-->", "<script>", "</script>", "<b", ">", '"', "word", " ", "\n", "&amp;", "<blockquote>",
         "</blockquote>", "<div style='display:none'>", "</div>", "<img alt='i'>", "</"]
    ),
    max_size=40,
)  # fmt: skip


@given(_MARKUP.map("".join))
def test_any_markup_becomes_text_without_blank_edges(html: str) -> None:
    text = text_from_html(html)
    assert text == text.strip("\n")
    assert all(line == line.rstrip() for line in text.split("\n"))


def _compose_subject(text: str) -> object:
    return compose(draft(subject=text))


def _adopt(text: str) -> object:
    return adopt_raw(text.encode(), RawOverrides("<f@example.com>", 0))


@pytest.mark.parametrize(
    "read",
    [
        _compose_subject,
        _adopt,
        addresses,
        decode_words,
        message_ids,
        text_from_html,
        extract_images,
    ],
)
@pytest.mark.parametrize(
    "unit",
    [
        "a", " ", "ä", "a ", "\t", '"', '"\\', "(", "()", "(\\", "<", "<a@b ", "[", "[1.", "\\a",
        '"a"', ":", ",", "a@b,", "=?", "=?utf-8?q?", "=?utf-8?q?a?= ", "<div>", "<p a='", '<p a="',
        "<a href=x ", "</", "<!--", "<ul>", "<blockquote>x", "<li>", "<pre>", "<script>", "&",
        "<img ", '<img src="data:', "<img src='data:image/png;a;a", "<p style='display: ", "<a>x",
    ],
)  # fmt: skip
def test_hostile_input_takes_linear_time(read: Callable[[str], object], unit: str) -> None:
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    read(text)
    # Quadratic behaviour would take minutes; the bound is generous for slow machines.
    assert time.process_time() - began < 3


def test_ten_thousand_recipients_take_linear_time() -> None:
    people = tuple(Address(f"user{i}@host{i % 50}.example", f"Ünï, {i}") for i in range(10_000))
    began = time.process_time()
    raw = octets(compose(draft(to=people)))
    assert parse_headers(raw).addresses("to") == list(people)
    assert time.process_time() - began < 5


def test_a_megabyte_of_subject_is_folded() -> None:
    raw = octets(compose(draft(subject="größer " * 150_000)))
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert parse_headers(raw).get("subject") == "größer " * 150_000
