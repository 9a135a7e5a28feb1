"""HTML of strangers, made fit to stand in a page. Contract B-057, B-058.

nh3 (the Rust sanitiser ammonia) rebuilds the markup from an allow-list: no scripts, forms,
frames, styles that reach outside, ids or classes of the page around; links open elsewhere and
tell no referrer; only absolute addresses of known schemes stay. Remote images stay, too: whether
they are loaded is the choice of whoever shows the page.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nh3
import pybase64

from postroad.protocol.mime.html import text_from_html
from postroad.protocol.mime.images import extract_images
from postroad.protocol.mime.markup import calm
from postroad.protocol.mime.quote_fold import fold
from postroad.protocol.mime.reply import quote_at

MAX_IMAGE_BYTES = 2 * 1024 * 1024  # of one embedded image, decoded. Contract B-263

_TAGS = frozenset(
    {
        "a", "abbr", "address", "area", "article", "aside", "b", "bdi", "bdo", "big",
        "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd",
        "del", "dfn", "dir", "div", "dl", "dt", "em", "figcaption", "figure", "font",
        "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins",
        "kbd", "li", "main", "map", "mark", "nav", "ol", "p", "pre", "q", "rp", "rt",
        "ruby", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "sup",
        "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "tt", "u", "ul",
        "var", "wbr",
    }
)  # fmt: skip
_UNSEEN = frozenset(
    {
        "script", "style", "title", "template", "noscript", "iframe", "object", "svg",
        "math", "textarea",
    }
)  # fmt: skip
_ATTRIBUTES = {
    "*": {
        "align",
        "bgcolor",
        "color",
        "dir",
        "height",
        "lang",
        "style",
        "title",
        "valign",
        "width",
    },
    "a": {"href", "name"},
    "area": {"alt", "coords", "href", "shape"},
    "blockquote": {"cite", "type"},
    "col": {"span"},
    "colgroup": {"span"},
    "font": {"face", "size"},
    "hr": {"noshade", "size"},
    "img": {"alt", "border", "hspace", "src", "usemap", "vspace"},
    "li": {"type", "value"},
    "map": {"name"},
    "ol": {"reversed", "start", "type"},
    "table": {"border", "cellpadding", "cellspacing", "rules", "summary"},
    "td": {"colspan", "nowrap", "rowspan"},
    "th": {"colspan", "nowrap", "rowspan", "scope"},
    "time": {"datetime"},
    "ul": {"type"},
}
# None of these can name an address or leave the box that the page gives the mail.
_STYLES = frozenset(
    {
        "background-color", "border", "border-bottom", "border-bottom-color",
        "border-bottom-left-radius", "border-bottom-right-radius", "border-bottom-style",
        "border-bottom-width", "border-collapse", "border-color", "border-left",
        "border-left-color", "border-left-style", "border-left-width", "border-radius",
        "border-right", "border-right-color", "border-right-style", "border-right-width",
        "border-spacing", "border-style", "border-top", "border-top-color",
        "border-top-left-radius", "border-top-right-radius", "border-top-style",
        "border-top-width", "border-width", "box-sizing", "caption-side", "clear", "color",
        "direction", "display", "empty-cells", "float", "font", "font-family", "font-size",
        "font-style", "font-variant", "font-weight", "height", "letter-spacing",
        "line-height", "list-style-position", "list-style-type", "margin", "margin-bottom",
        "margin-left", "margin-right", "margin-top", "max-height", "max-width",
        "min-height", "min-width", "opacity", "overflow", "overflow-wrap", "padding",
        "padding-bottom", "padding-left", "padding-right", "padding-top", "table-layout",
        "text-align", "text-decoration", "text-indent", "text-overflow", "text-transform",
        "vertical-align", "visibility", "white-space", "width", "word-break",
        "word-spacing", "word-wrap",
    }
)  # fmt: skip
_QUOTE_CLASSES = {
    "div": {"gmail_quote", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote", "zmail_extra"},
    "blockquote": {"gmail_quote", "protonmail_quote", "tutanota_quote"},
}
_QUOTE_IDS = {"appendonsend", "divRplyFwdMsg", "mail-editor-reference-message-container"}
_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
# What browsers show in <img> and cannot run anything.
_IMAGE_TYPES = frozenset(
    f"image/{kind}"
    for kind in ("png", "jpeg", "jpg", "pjpeg", "gif", "webp", "bmp", "avif", "x-icon", "tiff")
)
_CID = re.compile(
    r"""(<img\b[^<>]{0,4096}?\ssrc\s{0,9}=\s{0,9}["']?)cid:([^"'\s<>]{1,1000})""", re.I
)
_LINK = re.compile(r"https?://[^\s<>\"'\x00-\x20]{1,2000}", re.I)
_TRAILING = ".,;:!?)]}*_»”’"

# Tokens times characters: the sanitiser joins text piece by piece and may copy what it has each
# time, 2 s for 500 000 ampersands. A page beyond this, 1 MB with 100 000 tags, is shown as text.
_MAX_COST = 10**11

_cleaner = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_UNSEEN),
    attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
    strip_comments=True,
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    tag_attribute_values={"div": {"id": set(_QUOTE_IDS)}},
    url_schemes=_SCHEMES,
    url_relative="deny",
    allowed_classes=_QUOTE_CLASSES,
    filter_style_properties=set(_STYLES),
)


def web_safe(
    html: str, *, images: Mapping[str, tuple[str, bytes]] | None = None, folds: bool = True
) -> str:
    """Clean HTML of a mail, images put in, quoted history folded with ``folds``.

    ``images`` are content by content id, without ``<>``, as type and octets; those that are not
    shown by browsers or are larger than :data:`MAX_IMAGE_BYTES` are left out. Never fails; markup
    that no sanitiser could take in a few seconds is shown as text.
    """
    if (html.count("<") + html.count("&")) * len(html) > _MAX_COST:
        return web_safe_text(text_from_html(html), folds=folds)
    # The scheme data: is not allowed at all: its images go the way of attached ones.
    html, found = extract_images(html)
    clean = _cleaner.clean(calm(html))
    if folds:
        clean = fold(clean)
    own = {
        image.content_id: (image.content_type, image.data) for image in found if image.content_id
    }
    return embed_images(clean, {**(images or {}), **own})


def web_safe_text(text: str, *, folds: bool = True) -> str:
    """Clean HTML for a mail that has only plain text. B-057."""
    start = quote_at(text) if folds else None
    if start is None:
        return f"<div>{_paragraphs(text)}</div>"
    clean = f'<div>{_paragraphs(text[:start])}</div><div class="gmail_quote">'
    return fold(f"{clean}{_paragraphs(text[start:])}</div>")


def embed_images(html: str, images: Mapping[str, tuple[str, bytes]]) -> str:
    """Put images in the place of their ``cid:`` addresses; unknown ones stay as they are."""
    if not images:
        return html

    def put(match: re.Match[str]) -> str:
        found = images.get(entities.unescape(match[2])) or images.get(unquote(match[2]))
        if found is None or found[0] not in _IMAGE_TYPES or len(found[1]) > MAX_IMAGE_BYTES:
            return match[0]
        return f"{match[1]}data:{found[0]};base64,{pybase64.b64encode(found[1]).decode('ascii')}"

    return _CID.sub(put, html)


def is_image(content_type: str) -> bool:
    """Whether :func:`embed_images` takes images of this type."""
    return content_type in _IMAGE_TYPES


def _paragraphs(text: str) -> str:
    """Text with its links and line ends, quotes in ``<blockquote>``."""
    out: list[str] = []
    depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">") if line.startswith(">") else line
        quotes = min(len(line) - len(content), 10)
        if not quotes and line.startswith(">"):
            content = line
        if quotes != depth:
            out.append("<blockquote>" * (quotes - depth) or "</blockquote>" * (depth - quotes))
            depth = quotes
        elif out:
            out.append("<br>\n")
        out.append(_linked(content.removeprefix(" ") if quotes else content))
    out.append("</blockquote>" * depth)
    return "".join(out)


def _linked(line: str) -> str:
    out: list[str] = []
    at = 0
    for match in _LINK.finditer(line):
        url = match[0].rstrip(_TRAILING)
        out.append(entities.escape(line[at : match.start()], quote=False))
        shown = entities.escape(url)
        out.append(f'<a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a>')
        at = match.start() + len(url)
    out.append(entities.escape(line[at:], quote=False))
    return "".join(out).replace("  ", " &nbsp;")
