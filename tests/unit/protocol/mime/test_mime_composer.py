from __future__ import annotations

import tracemalloc
from email.message import EmailMessage

import pytest

from postroad.domain.address import Address
from postroad.domain.errors import Invalid
from postroad.protocol.mime.composer import Attachment, compose, tidy_attachment
from support.drafts import composed, draft, header_block, octets, read

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
_IMAGE = Attachment("logo.png", "image/png", "inline", "logo@x", _PNG)
_FILE = Attachment("report.pdf", "application/pdf", "attachment", None, b"%PDF")


def _shape(raw: bytes) -> list[str]:
    return [part.get_content_type() for part in read(raw).walk()]


def test_plain_text_is_one_part() -> None:
    assert composed() == (
        b"From: Ann Sender <ann@example.com>\r\n"
        b"To: Bob <bob@example.net>\r\n"
        b"Subject: Hello\r\n"
        b"Message-ID: <1@example.com>\r\n"
        b"Date: Sun, 23 Nov 2025 02:51:00 +0000\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hello Bob\r\n"
    )


@pytest.mark.parametrize(
    ("members", "shape"),
    [
        ({"text": None}, ["text/plain"]),
        ({"text": None, "html": "<p>"}, ["text/html"]),
        ({"html": "<p>"}, ["multipart/alternative", "text/plain", "text/html"]),
        ({"attachments": (_FILE,)}, ["multipart/mixed", "text/plain", "application/pdf"]),
        ({"text": None, "attachments": (_FILE,)}, ["multipart/mixed", "application/pdf"]),
        (
            {"text": None, "html": "<p>", "attachments": (_IMAGE,)},
            ["multipart/related", "text/html", "image/png"],
        ),
        (
            {"html": "<p>", "attachments": (_FILE, _IMAGE)},
            [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "multipart/related",
                "text/html",
                "image/png",
                "application/pdf",
            ],
        ),
        # Without html there is nothing to be related to
        ({"attachments": (_IMAGE,)}, ["multipart/mixed", "text/plain", "image/png"]),
    ],
)
def test_shape_follows_the_content(members: dict[str, object], shape: list[str]) -> None:
    assert _shape(composed(**members)) == shape


def test_a_file_that_html_refers_to_is_related_even_as_attachment() -> None:
    image = Attachment("logo.png", "image/png", "attachment", "<logo@x>", _PNG)
    raw = composed(html='<img src="cid:logo@x">', attachments=(image,))
    assert "multipart/related" in _shape(raw)
    assert "multipart/related" not in _shape(composed(html="<p>", attachments=(image,)))


def test_attachment_fields() -> None:
    raw = composed(attachments=(Attachment("Ubåt.png", "IMAGE/PNG; x=1", "inline", "<a@b>", _PNG),))
    part = next(p for p in read(raw).walk() if p.get_content_type() == "image/png")
    assert part.get_filename() == "Ubåt.png"
    assert part.get_content_disposition() == "inline"
    assert part["content-id"] == "<a@b>"
    assert part.get_param("x") == "1"
    assert part.get_param("name") == "Ubåt.png"
    assert part.get_payload(decode=True) == _PNG


def test_messages_travel_unencoded() -> None:
    inner = b"Subject: inner\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    result = compose(
        draft(attachments=(Attachment("a.eml", "message/rfc822", "attachment", None, inner),))
    )
    raw = octets(result)
    assert inner in raw
    assert result.eight_bit
    assert not result.smtputf8
    outer = read(raw)
    assert outer["content-transfer-encoding"] == "8bit"
    part = next(iter(outer.iter_attachments()))
    assert isinstance(part, EmailMessage)
    assert part.get_content()["subject"] == "inner"


def test_a_message_that_cannot_travel_unencoded_is_a_plain_file() -> None:
    inner = b"Subject: inner\r\n\r\n" + b"x" * 2000
    raw = composed(attachments=(Attachment("a.eml", "message/rfc822", "attachment", None, inner),))
    part = next(iter(read(raw).iter_attachments()))
    assert (part.get_content_type(), part.get_filename()) == ("application/octet-stream", "a.eml")
    assert part.get_payload(decode=True) == inner


def test_ids_and_list_urls_are_never_encoded_or_broken() -> None:
    ids = tuple(f"<{'x' * 90}{i}@example.com>" for i in range(4))
    url = f"<https://example.com/u?{'t' * 200}>, <mailto:u@example.com?subject={'s' * 90}>"
    raw = composed(
        in_reply_to=ids[0],
        references=ids,
        headers=(
            ("List-Unsubscribe", url),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
    )
    assert b"=?" not in header_block(raw)
    assert b"\r\n ".join(i.encode() for i in ids) in raw
    assert read(raw)["list-unsubscribe"] == url


def test_smtputf8_only_when_a_local_part_needs_it() -> None:
    result = compose(draft(to=(Address("info@exämple.com", "Jürgen"),)))
    assert (result.eight_bit, result.smtputf8) == (False, False)
    result = compose(draft(to=(Address("jüri@exämple.com", "Jürgen"),), bcc=(Address("ö@x.de"),)))
    assert (result.eight_bit, result.smtputf8) == (True, True)
    raw = octets(result)
    assert "<jüri@exämple.com>".encode() in raw
    assert raw[result.bcc_start : result.bcc_end] == "Bcc: ö@x.de\r\n".encode()


def test_a_boundary_never_occurs_in_a_body() -> None:
    first = octets(compose(draft(html="<p>")))
    boundary = read(first).get_boundary()
    assert boundary is not None
    forged = f"\n--{boundary}\nContent-Type: text/html\n\nforged\n--{boundary}--\n"
    raw = composed(text=forged, html="<p>")
    assert _shape(raw) == ["multipart/alternative", "text/plain", "text/html"]
    parts = list(read(raw).iter_parts())
    assert parts[0].get_content().replace("\r\n", "\n") == forged


def test_boundaries_follow_from_id_and_seed() -> None:
    message = draft(html="<p>")
    assert compose(message, boundary_seed="a") == compose(message, boundary_seed="a")
    assert compose(message, boundary_seed="a") != compose(message, boundary_seed="b")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        compose(
            draft(
                subject="a\nb",
                to=(Address("nobody"), Address("a@b", "x\ry")),
                headers=(("Content-Type", "text/plain"), ("X Y", "z")),
                date_ms=10**18,
                text="\ud800",
                attachments=(
                    Attachment("a\0b", "nonsense", "elsewhere", "c d", b""),
                    Attachment("x", "multipart/mixed", "inline", None, b""),
                ),
            )
        )
    assert [problem.key for problem in caught.value.fields] == [
        "headers", "headers", "address", "name", "subject", "date", "text",
        "contentType", "contentDisposition", "filename", "cid", "contentType",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "tidied"),
    [
        (_IMAGE, _IMAGE),
        (
            Attachment("a\r\nb\0.txt ", "text/plain; x=\ud800", "x", "<a b@c>", b"x"),
            Attachment("a  b .txt", "text/plain; x= ", "attachment", None, b"x"),
        ),
        (
            Attachment("\n", "nonsense", "inline", " <a@b> ", b"x"),
            Attachment(None, "application/octet-stream", "inline", "<a@b>", b"x"),
        ),
        (
            Attachment(None, "multipart/mixed", "attachment", None, b"x"),
            Attachment(None, "application/octet-stream", "attachment", None, b"x"),
        ),
        (
            Attachment(None, f"a/b; c={'d' * 600}", "attachment", None, b"x"),
            Attachment(None, "application/octet-stream", "attachment", None, b"x"),
        ),
    ],
)
def test_a_strangers_file_can_be_written_again(given: Attachment, tidied: Attachment) -> None:
    assert tidy_attachment(given) == tidied
    compose(draft(attachments=(tidied,)))


def test_a_large_attachment_exists_once_beside_its_source() -> None:
    size = 8 * 1024 * 1024
    data = bytes(size)
    tracemalloc.start()
    try:
        result = compose(draft(attachments=(Attachment("a", "a/b", "attachment", None, data),)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.45 * size
    assert result.size > 1.35 * size
    assert max(map(len, result.pieces)) <= 512 * 1024
