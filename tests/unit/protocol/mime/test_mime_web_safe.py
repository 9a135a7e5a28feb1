"""HTML of strangers, made fit to stand in a page. Contract B-057, B-058."""

from __future__ import annotations

import time

import pytest

from postroad.protocol.mime.web_safe import (
    MAX_IMAGE_BYTES,
    embed_images,
    web_safe,
    web_safe_text,
)

LONG = "words " * 30
FOLD = '<details class="ee-collapsed-thread"><summary class="ee-collapsed-thread-toggle"></summary>'


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<p onclick=x>a<script>alert(1)</script></p>", "<p>a</p>"),
        ("<style>p{}</style><title>t</title><p>a", "<p>a</p>"),
        ("<iframe src=//e.example></iframe><form><input name=a>b</form>", "b"),
        ("<svg><script>x</script></svg><math>y</math>z", "z"),
        ('<p id="top" class="modal">a</p>', "<p>a</p>"),
        (
            '<p style="color:red;position:fixed;background:url(http://e.example)">a</p>',
            '<p style="color:red">a</p>',
        ),
        (
            '<a href="javascript:alert(1)">a</a>',
            '<a target="_blank" rel="noopener noreferrer">a</a>',
        ),
        (
            '<a href="https://e.example/?a=1&b=2" target=_top>a</a>',
            '<a href="https://e.example/?a=1&amp;b=2" target="_blank" '
            'rel="noopener noreferrer">a</a>',
        ),
        (
            '<a href="data:text/html,x">a</a><a href="/relative">b</a>',
            '<a target="_blank" rel="noopener noreferrer">a</a>'
            '<a target="_blank" rel="noopener noreferrer">b</a>',
        ),
        ('<img src="https://e.example/a.png">', '<img src="https://e.example/a.png">'),
        (
            '<img src="data:image/png;base64,aGk=">',
            '<img src="data:image/png;base64,aGk=">',
        ),
        ('<details class="ee-collapsed-thread">a</details>', "a"),
        ("<!-- c --><p>a", "<p>a</p>"),
    ],
)
def test_only_what_is_harmless_stays(html: str, clean: str) -> None:
    assert web_safe(html).replace(' class=""', "") == clean


def test_an_svg_in_a_data_address_is_not_put_back() -> None:
    svg = '<img src="data:image/svg+xml;base64,PHN2Zz4=">'

    assert "data:" not in web_safe(svg)


@pytest.mark.parametrize("cid", ["pic%201@example.com", "pic 1@example.com".replace(" ", "&#32;")])
def test_attached_images_are_put_where_they_are_shown(cid: str) -> None:
    images = {"pic 1@example.com": ("image/png", b"hi")}

    assert embed_images(f'<img alt=x src="cid:{cid}">', images) == (
        '<img alt=x src="data:image/png;base64,aGk=">'
    )


def test_images_that_are_unknown_too_large_or_no_images_stay_outside() -> None:
    images = {
        "big": ("image/png", bytes(MAX_IMAGE_BYTES + 1)),
        "page": ("text/html", b"<script>"),
        "svg": ("image/svg+xml", b"<svg>"),
    }
    html = "".join(f'<img src="cid:{name}">' for name in (*images, "unknown"))

    assert embed_images(html, images) == html


@pytest.mark.parametrize(
    ("html", "start"),
    [
        (f'<p>New</p><div class="gmail_quote">On Monday:<p>{LONG}</p></div>', "<p>New</p>"),
        (f'<p>New</p><blockquote type="cite">{LONG}</blockquote>', "<p>New</p>"),
        (f'<p>New</p><div class="yahoo_quoted">{LONG}</div><p>end</p>', "<p>New</p>"),
        (
            f'<div><p>New</p><div id="appendonsend"></div><hr>'
            f'<div id="divRplyFwdMsg">From</div><p>{LONG}</p></div>',
            "<div><p>New</p>",
        ),
        (
            "<div><p>New</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'>"
            f"<p>From</p></div></div><p>{LONG}</p></div>",
            "<div><p>New</p>",
        ),
    ],
)
def test_quoted_history_is_folded_once(html: str, start: str) -> None:
    clean = web_safe(html)

    assert clean.startswith(start + FOLD)
    assert clean.count("<details") == clean.count("</details>") == 1
    assert "words words" in clean.partition("<details")[2].partition("</details>")[0]
    assert "<details" not in web_safe(html, folds=False)


def test_a_short_quote_is_not_folded() -> None:
    assert "<details" not in web_safe('<p>New</p><div class="gmail_quote">short</div>')


def test_text_becomes_html_with_links_and_quotes() -> None:
    text = f"Hi <you>, see https://e.example/a?b=1&c=2.\n\nOn 5 Jan, Ann wrote:\n> {LONG}\n>> b\n"

    assert web_safe_text(text) == (
        '<div>Hi &lt;you&gt;, see <a href="https://e.example/a?b=1&amp;c=2" target="_blank" '
        'rel="noopener noreferrer">https://e.example/a?b=1&amp;c=2</a>.<br>\n<br>\n</div>'
        f'{FOLD}<div class="gmail_quote">On 5 Jan, Ann wrote:<blockquote>{LONG}'
        "<blockquote>b</blockquote></blockquote></div></details>"
    )


def test_text_of_a_stranger_cannot_become_markup() -> None:
    clean = web_safe_text('<script>"\'&</script> https://e.example/"onclick="x')

    assert "<script" not in clean
    assert '<a href="https://e.example/" target="_blank" rel="noopener noreferrer">' in clean


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<b><i><u><s>" * 20_000,
        "<div " + " ".join(f"a{n}=1" for n in range(60_000)) + ">",
        "<table><tr>" * 30_000,
        "x<table>" * 60_000,
        "&" * 500_000,
        "<" * 500_000,
        '<a b="' * 80_000,
        "<a " * 150_000,
        "<img src=cid:" * 40_000,
        '<blockquote type="cite">x</blockquote>' * 12_000,
        '<div class="gmail_quote">' * 20_000,
        '<div id="appendonsend"></div>' * 15_000,
    ],
    ids=lambda html: html[:16],
)
def test_half_a_megabyte_of_ill_will_takes_seconds_at_most(html: str) -> None:
    started = time.perf_counter()
    web_safe(html)

    assert time.perf_counter() - started < 8
