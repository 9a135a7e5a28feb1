from __future__ import annotations

import base64

import pytest

from postroad.protocol.mime.images import extract_images

_PNG = b"\x89PNG\r\n\x1a\n"
_B64 = base64.b64encode(_PNG).decode()


def test_images_become_inline_attachments_named_by_number_and_type() -> None:
    html, (first, second) = extract_images(
        f'<p><img alt="x" src="data:image/png;base64,{_B64}"></p>'
        "<IMG SRC='data:image/svg+xml;charset=utf-8,%3Csvg/%3E'>"
    )
    assert (first.filename, first.content_type, first.data) == ("image-1.png", "image/png", _PNG)
    assert (second.filename, second.data) == ("image-2.svg", b"<svg/>")
    assert first.disposition == second.disposition == "inline"
    assert html == (
        f'<p><img alt="x" src="cid:{first.content_id}"></p><IMG SRC=\'cid:{second.content_id}\'>'
    )


def test_an_image_used_twice_is_attached_once() -> None:
    tag = f'<img src="data:image/png;base64,{_B64}">'
    html, images = extract_images(tag * 2)
    assert len(images) == 1
    assert html.count(f"cid:{images[0].content_id}") == 2


@pytest.mark.parametrize(
    "html",
    [
        "<p>data: nothing here</p>",
        '<img src="https://example.com/a.png">',
        '<img src="data:image/png;base64,!!!">',
        '<img src="data:image/png;base64,">',
        '<img src="data:text/html,<script>">',
        '<a href="data:image/png;base64,AAAA">x</a>',
        '<img src="cid:a@b">',
        '<img src="file:///etc/passwd">',
    ],
)
def test_everything_else_stays_as_it_is(html: str) -> None:
    assert extract_images(html) == (html, ())
