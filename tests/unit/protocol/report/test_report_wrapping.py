"""What gateways and lists do to a bounce on its way changes nothing of what it tells."""

from __future__ import annotations

import base64
import html
import json
import quopri
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postroad.domain.bounce import Action, ReportKind
from postroad.protocol.report import read_report

DATA = Path(__file__).parents[3] / "data" / "report"
_MIME = re.compile(
    rb"^(?:content-type|mime-version|content-transfer-encoding):.*(?:\r\n[ \t].*)*\r\n", re.I | re.M
)


def _plain() -> list[str]:
    """Bounces whose whole body is a single plain text."""
    names = []
    for line in (DATA / "expected.jsonl").read_text("utf-8").splitlines():
        expected: dict[str, Any] = json.loads(line)
        octets = (DATA / expected["file"]).read_bytes()
        head = octets.partition(b"\r\n\r\n")[0].lower()
        if (
            expected["kind"] == "bounce"
            and (b"content-type: text/plain" in head or b"content-type" not in head)
            and b"content-transfer-encoding" not in head
            and b"iso-2022" not in head
            and expected["file"] != "lost-mime-head.eml"  # its body is MIME that lost its head
        ):
            names.append(expected["file"])
    return names


def _cut(octets: bytes) -> tuple[bytes, str, bytes]:
    """The head without its MIME fields, the charset, the body."""
    head, _, body = octets.partition(b"\r\n\r\n")
    charset = re.search(rb"charset=\"?([\w-]+)", head)
    bare = _MIME.sub(b"", head + b"\r\n") + b"MIME-Version: 1.0\r\n"
    return bare, charset[1].decode() if charset else "utf-8", body


def _base64(octets: bytes) -> bytes:
    head, charset, body = _cut(octets)
    kind = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64"
    return head + kind.encode() + b"\r\n\r\n" + base64.encodebytes(body)


def _quoted_printable(octets: bytes) -> bytes:
    head, charset, body = _cut(octets)
    kind = (
        f"Content-Type: text/plain; charset={charset}\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    encoded = quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return head + kind.encode() + encoded


def _html(octets: bytes) -> bytes:
    head, charset, body = _cut(octets)
    text = html.escape(body.decode(charset, "replace"), quote=False)
    page = f"<html><body><pre>{text}</pre></body></html>"
    return head + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + page.encode()


def _by_a_list(octets: bytes) -> bytes:
    head, _, body = octets.partition(b"\r\n\r\n")
    footer = (
        b"\r\n" + b"_" * 47 + b"\r\nlist\r\nlist@lists.example\r\nhttps://lists.example/list\r\n"
    )
    return head + b"\r\nList-Id: <list.lists.example>\r\n\r\n" + body + footer


@pytest.mark.parametrize("wrap", [_base64, _quoted_printable, _html, _by_a_list])
@pytest.mark.parametrize("name", _plain())
def test_a_wrapping_changes_nothing(name: str, wrap: Callable[[bytes], bytes]) -> None:
    octets = (DATA / name).read_bytes()
    bare, wrapped = read_report(octets), read_report(wrap(octets))

    assert wrapped.kind is bare.kind
    assert wrapped.original.message_id == bare.original.message_id
    for before, after in zip(bare.failures, wrapped.failures, strict=True):
        assert after.recipient == before.recipient
        assert after.action is before.action
        assert after.status == before.status


def test_an_original_under_a_wrong_type_is_found() -> None:
    mail = (
        b"Return-Path: <>\r\nFrom: MAILER-DAEMON@one.example\r\nTo: shop@sender.example\r\n"
        b"Subject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        b"Your message could not be delivered to <gone@one.example>: unknown user\r\n--b\r\n"
        b'Content-Type: application/octet-stream; name="original.eml"\r\n\r\n'
        b"From: shop@sender.example\r\nTo: gone@one.example\r\nSubject: Order\r\n"
        b"Date: Mon, 02 Mar 2020 10:00:00 +0900\r\nMessage-ID: <order-1@sender.example>\r\n\r\n"
        b"Hello\r\n--b--\r\n"
    )

    assert read_report(mail).original.message_id == "<order-1@sender.example>"


def test_success_without_a_machine_part_is_no_bounce() -> None:
    mail = (
        b"Return-Path: <>\r\nFrom: postmaster@one.example\r\nTo: shop@sender.example\r\n"
        b"Subject: Delivered: Order\r\n\r\n"
        b"Your message has been delivered to the following recipients:\r\n\r\nmia@one.example\r\n"
    )
    report = read_report(mail)

    assert report.kind is not ReportKind.BOUNCE
    assert not any(item.action is Action.FAILED for item in report.recipients)
