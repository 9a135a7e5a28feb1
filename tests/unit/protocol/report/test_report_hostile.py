"""Mails made to waste time or to break something: bounded, and never an error."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from postroad.protocol.report import folklore, read_report

HEAD = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@one.example\r\nTo: shop@sender.example\r\n"
    b"Subject: failure notice\r\nMIME-Version: 1.0\r\n"
)
MIB = 1024 * 1024
SOURCES = sorted(Path(folklore.__file__).parent.glob("*.py"))
FIRST = re.compile(r'"([a-z][^"\\]{8,80})"')
MARKS = [found[1] for path in SOURCES if (found := FIRST.search(path.read_text("utf-8")))]
DATA = Path(__file__).parents[3] / "data" / "report"


def _seconds(mail: bytes) -> float:
    begun = time.process_time()
    read_report(mail)
    return time.process_time() - begun


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark[:30])
@pytest.mark.parametrize(
    "piece",
    [
        b"<a@b.example>: no\r\n",
        b"was not delivered to:\r\n because:",
        b"failed recipient(s):\r\nerror message:\r\n",
    ],
    ids=range(3),
)
def test_no_dialect_can_be_made_slow(mark: str, piece: bytes) -> None:
    body = mark.encode() + b"\r\n\r\n" + piece * (50_000 // len(piece))

    assert _seconds(HEAD + b"\r\n" + body) < 1.5


@pytest.mark.parametrize(
    "body",
    [
        b"<a@b.example>: unknown user\r\n" * (25 * MIB // 30),
        b"a@" * (12 * MIB),
        b"could not be delivered " + b"user " * (5 * MIB),
        b" " * 25 * MIB,
        b"\r\n" * (12 * MIB),
        b"\0" * 25 * MIB,
        b"; ".join(b"user%d@one.example" % number for number in range(MIB)),
        b" ; ".join(b"u%d@one.example" % number + b" x" * 50 for number in range(MIB // 8)),
    ],
    ids=["lines", "addresses", "words", "blanks", "breaks", "zeros", "row", "row-with-words"],
)
def test_a_huge_mail_costs_no_more_than_its_beginning(body: bytes) -> None:
    assert _seconds(HEAD + b"\r\n" + body) < 1.5


def test_a_huge_attachment_is_not_read() -> None:
    mail = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        + b"Your message could not be delivered to <gone@one.example>: 550 no\r\n--b\r\n"
        + b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"QUJD" * (6 * MIB)
        + b"\r\n--b--\r\n"
    )

    assert _seconds(mail) < 1.5
    assert [item.recipient for item in read_report(mail).failures] == ["gone@one.example"]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.eml")), ids=lambda path: path.name)
def test_a_mail_cut_off_or_mangled_anywhere_is_read_as_far_as_it_goes(path: Path) -> None:
    octets = path.read_bytes()
    for part in range(1, 5):
        at = len(octets) * part // 5
        read_report(octets[:at])
        read_report(octets[at:])
        read_report(octets[:at] + b"\xff\x00\r\n\r\n" + octets[at:])
        read_report(octets[at:] + octets[:at])
