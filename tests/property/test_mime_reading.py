"""What holds for reading any octets at all, and how long hostile ones may take."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.domain.message import TextWish
from postroad.domain.setting import SettingValues
from postroad.engine.mail.details import details_of, summary_of
from postroad.engine.mail.payload import message_new_data
from postroad.protocol.mime.charsets import decode_octets
from postroad.protocol.mime.flowed import unflow
from postroad.protocol.mime.parameters import parameter, split_value
from postroad.protocol.mime.parser import MAX_DEPTH, MAX_PARTS, parse_message
from postroad.protocol.mime.part import BodyPart
from postroad.protocol.mime.reply import split_reply
from postroad.protocol.mime.transfer import decode_transfer
from postroad.protocol.mime.web_safe import web_safe, web_safe_text
from support.reading import MAILS, MESSAGE, bodies_of, row_of, text_of

EVERYTHING = TextWish(plain=True, html=True, is_web_safe=True, split_reply=True)
ALL_SETTINGS = SettingValues(
    notify_headers=("*",),
    notify_attachments=True,
    notify_web_safe_html=True,
    notify_calendar_events=True,
)
mails = st.sampled_from([path.read_bytes() for path in MAILS.values()])
# Pieces that mean something to a parser, in any order.
pieces = st.lists(
    st.sampled_from(
        [
            b"Content-Type: multipart/mixed; boundary=a\r\n",
            b"Content-Type: multipart/digest; boundary=\"b\"\n",
            b"Content-Type: message/rfc822\r\n",
            b"Content-Type: text/html; charset=utf-7\r\n",
            b"Content-Type: text/calendar; method=REQUEST\r\n",
            b"Content-Transfer-Encoding: base64\r\n",
            b"Content-Disposition: attachment; filename*0*=utf-8''%\r\n",
            b"Content-ID: <a@b>\r\n",
            b"Subject: =?utf-8?b?4oKs",
            b"\r\n\r\n", b"\n\n", b"\r", b"\n", b" \t",
            b"--a\r\n", b"--a--\r\n", b"--b\n", b"--b--", b"--",
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            b"<div class=\"gmail_quote\">", b"<img src=cid:a@b>", b"> ", b"From: x\n",
        ]
    )
    | st.binary(max_size=12),
    max_size=40,
).map(b"".join)  # fmt: skip


@settings(max_examples=300)
@given(pieces)
def test_any_octets_are_read_somehow(octets: bytes) -> None:
    parsed = parse_message(octets)
    row = row_of(octets)
    text = text_of(octets, EVERYTHING)
    data = message_new_data(
        row,
        summary_of(row, message=MESSAGE, path="INBOX"),
        special_use=None,
        settings=ALL_SETTINGS,
        bodies=bodies_of(parsed, EVERYTHING),
    )
    assert data["id"] == MESSAGE
    assert text.html is not None
    assert "<script" not in text.html
    for part in parsed.root.walk():
        if not part.is_multipart:
            start, end = parsed.spans[part.part]
            assert 0 <= start <= end <= len(octets)
            assert part.size == end - start


@given(mails, st.integers(0, 2**32))
def test_damaged_mail_is_read_as_far_as_it_goes(octets: bytes, seed: int) -> None:
    rng = random.Random(seed)
    damaged = bytearray(octets)
    for _ in range(rng.randrange(1, 20)):
        at = rng.randrange(len(damaged))
        if rng.random() < 0.5:
            damaged[at] = rng.randrange(256)
        else:
            del damaged[at : at + rng.randrange(40)]
        if not damaged:
            break
    text_of(bytes(damaged), EVERYTHING)


@given(st.binary(max_size=200), st.sampled_from(["utf-8", "utf-16", "gb2312", "iso-2022-jp", "x"]))
def test_any_octets_are_text_without_surrogates(octets: bytes, label: str) -> None:
    decode_octets(octets, label).encode()


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "x-uuencode"]))
def test_any_octets_can_be_decoded(octets: bytes, encoding: str) -> None:
    decode_transfer(octets, encoding)


@given(st.binary(max_size=200))
def test_any_field_can_be_taken_apart(octets: bytes) -> None:
    _, parameters = split_value(octets)
    for name in [*parameters, "filename"]:
        parameter(parameters, name)


@given(st.text())
def test_no_line_of_a_text_is_lost_when_a_reply_is_split_off(text: str) -> None:
    found = split_reply(text)
    lines = [line for line in text.split("\n") if line.strip()]
    kept = [*found.reply.split("\n"), *found.quoted.split("\n")]
    assert sorted(line for line in kept if line.strip()) == sorted(lines)


@given(st.text())
def test_text_that_does_not_flow_stays(text: str) -> None:
    stiff = "\n".join(line.strip().lstrip(">").strip() for line in text.split("\n"))
    assert unflow(stiff) == stiff


def _shape(part: BodyPart, read: Callable[[BodyPart], bytes]) -> object:
    if part.is_multipart or part.children:
        return [part.content_type, *(_shape(child, read) for child in part.children)]
    return part.content_type, read(part)


def _oracle(message: Message) -> object:
    """The same of the standard library. It drops the last line end of a part that never ends."""
    if message.is_multipart():
        inner = [one for one in message.get_payload() if isinstance(one, Message)]
        return [message.get_content_type(), *(_oracle(one) for one in inner)]
    kind = message.get_content_type()
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    return "text/plain" if kind.startswith("multipart/") else kind, content.rstrip(b"\r\n")


def _generated(rng: random.Random, line_end: bytes, depth: int = 0) -> bytes:
    choices = ("text", "file") if depth == 4 else ("text", "text", "file", "parts", "parts", "mail")
    kind = rng.choice(choices)
    if kind == "text":
        words = (b"hello", b"", b"--", b"--x", b"From me", b"a=3D b", b"\xc3\xa9", b" ")
        head = rng.choice([b"", b"Content-Type: text/html" + line_end])
        head += rng.choice([b"", b"Content-Transfer-Encoding: quoted-printable" + line_end])
        return head + line_end + line_end.join(rng.choices(words, k=rng.randrange(4)))
    if kind == "file":
        head = b"Content-Type: image/png%bContent-Transfer-Encoding: base64%b%b"
        return head % (line_end, line_end, line_end) + b"AAEC" * rng.randrange(30)
    if kind == "mail":
        inner = _generated(rng, line_end, depth + 1)
        return b"Content-Type: message/rfc822%b%bSubject: x%b%b" % (
            line_end, line_end, line_end, inner,
        )  # fmt: skip
    boundary = b"b%d" % rng.getrandbits(64) + rng.choice([b"", b"=_", b"-"])
    subtype = rng.choice([b"mixed", b"alternative", b"related"])
    out = b'Content-Type: multipart/%b; boundary="%b"' % (subtype, boundary) + line_end * 2
    out += rng.choice([b"", b"preamble" + line_end])
    for _ in range(rng.randrange(1, 4)):
        out += b"--" + boundary + rng.choice([b"", b" "]) + line_end
        out += _generated(rng, line_end, depth + 1) + line_end
    end = b"--" + boundary + b"--"
    return out + rng.choice([end + line_end, end, b"", end + line_end + b"epilogue" + line_end])


@settings(max_examples=400)
@given(st.integers(0, 2**32), st.sampled_from([b"\r\n", b"\n"]))
def test_the_tree_is_that_of_the_standard_library(seed: int, line_end: bytes) -> None:
    octets = b"From: a@example.com" + line_end + _generated(random.Random(seed), line_end)
    parsed = parse_message(octets)

    def read(part: BodyPart) -> bytes:
        return decode_transfer(parsed.body(part.part) or b"", part.encoding).rstrip(b"\r\n")

    assert _shape(parsed.root, read) == _oracle(message_from_bytes(octets))


HOSTILE_MAILS = {
    "lines that look like boundaries": (b"Content-Type: multipart/mixed; boundary=b\n\n", b"--x\n"),
    "parts without bodies": (b"Content-Type: multipart/mixed; boundary=b\n\n", b"--b\nA: b\n"),
    "empty parts": (b"Content-Type: multipart/mixed; boundary=b\n\n", b"--b\n\n"),
    "multiparts": (b"", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"),
    "messages": (b"", b"Content-Type: message/rfc822\n\n"),
    "headers": (b"", b"Content-Type: x\n"),
    "folds": (b"Content-Type: a/b", b"\n ;a=b"),
    "parameters": (b"Content-Type: a/b", b";a=b"),
    "quotes": (b"Content-Type: a/b", b';a="\\"'),
    "blanks": (b"Content-Type:", b" "),
    "addresses": (b"From: ", b"<a@b>,("),
    "words": (b"Subject: ", b"=?utf-8?q?a?= "),
}


@pytest.mark.parametrize(("start", "unit"), HOSTILE_MAILS.values(), ids=HOSTILE_MAILS.keys())
def test_hostile_mail_takes_linear_time(start: bytes, unit: bytes) -> None:
    def read(octets: bytes) -> None:
        details_of(row_of(octets), message=MESSAGE, path="INBOX")
        text_of(octets)

    _grows_linearly(read, start, unit, 300_000)


HOSTILE_TEXTS = {
    "introductions": b"On 1 a wrote\n",
    "almost introductions": b"a 1:\n",
    "senders": b"From: x\n",
    "rules": b"_" * 30 + b"\n",
    "dashes": b"-",
    "marks": b">",
    "links": b"http://",
    "flow": b"> a \n",
}


@pytest.mark.parametrize("unit", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_hostile_text_takes_linear_time(unit: bytes) -> None:
    def read(octets: bytes) -> None:
        text = octets.decode()
        split_reply(text)
        web_safe_text(text)
        unflow(text)

    _grows_linearly(read, b"", unit, 200_000)


def test_nesting_and_number_of_parts_are_bounded() -> None:
    flood = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * (MAX_PARTS * 3)
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n)
        for n in range(MAX_DEPTH * 3)
    )
    assert sum(1 for _ in parse_message(flood).root.walk()) == MAX_PARTS
    assert sum(1 for _ in parse_message(deep).root.walk()) <= MAX_DEPTH + 2


def test_clean_html_of_any_markup_balances() -> None:
    for html in ("<div><p><b>" * 400, "</div>" * 400, "<table><td><table><td>" * 300):
        clean = web_safe(html)
        assert clean.count("<div") == clean.count("</div>")


def _grows_linearly(read: Callable[[bytes], object], start: bytes, unit: bytes, size: int) -> None:
    """Four times the input may take eight times as long, and never more than seconds."""

    def seconds(count: int) -> float:
        octets = start + unit * count
        best = float("inf")
        for _ in range(2):
            begun = time.perf_counter()
            read(octets)
            best = min(best, time.perf_counter() - begun)
        return best

    count = size // len(unit)
    assert seconds(count) < max(0.05, seconds(count // 4)) * 8 + 0.3
