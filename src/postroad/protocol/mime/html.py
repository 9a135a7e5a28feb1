"""Plain text from HTML, for the text part of a message that came without one. Contract B-091.

Paragraphs, headings, lists, quotes, preformatted text and table rows keep their shape; a link is
written ``text [url]``. Nothing is fetched, and nothing that does not show is kept: scripts,
styles, comments, elements with ``display:none``.

The tokenizer is our own on purpose: a tree builder that follows the HTML standard takes time
quadratic in nesting depth and in the number of attributes (24 s for 500 KB of ``<div>``, 40 s for
one tag with 100 000 attributes, measured with lexbor), and this runs on what strangers send.
Here every step only moves forward.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator
from typing import NamedTuple

_MAX_INDENT = 8  # levels of lists and quotes that are shown
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
# One attribute step: everything up to "=", and the quoted value behind it if there is one. An
# unclosed quote is looked for at most once, as no other can follow it.
_STEP = re.compile(r"""[^>=]*(?:=\s*(?:"[^"]*"|'[^']*')?)?""")
_HREF = re.compile(r"""(?:^|[\s"'/])href\s{0,20}=\s{0,20}("[^"]*"|'[^']*'|[^\s>"']+)""", re.I)
_ALT = re.compile(r"""(?:^|[\s"'/])alt\s{0,20}=\s{0,20}("[^"]*"|'[^']*'|[^\s>"']+)""", re.I)
_HIDDEN = re.compile(r"display\s{0,20}:\s{0,20}none", re.I)

# What stands inside is not markup, or not for readers. Content runs to the end tag.
_UNSEEN = {
    name: re.compile(rf"</{name}\b", re.I)
    for name in (
        "script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math",
        "textarea", "select", "audio", "video", "canvas",
    )
}  # fmt: skip
_GAP = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "dl", "table", "form", "figure"})
_LINE = frozenset(
    {
        "div", "section", "article", "header", "footer", "main", "nav", "aside", "address",
        "center", "fieldset", "tr", "caption", "dt", "dd", "body", "html", "head", "figcaption",
        "details", "summary",
    }
)  # fmt: skip
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col"})


class _Tag(NamedTuple):
    name: str  # lower case
    is_end: bool
    attributes: str  # raw


def text_from_html(html: str) -> str:
    """Readable text, LF line ends, no blank lines at either end; linear in the length."""
    page = _Page()
    hidden, depth = "", 0  # inside an element that does not show, and how deep in its like
    for token in _tokens(html):
        if hidden:
            if isinstance(token, _Tag) and token.name == hidden:
                depth += -1 if token.is_end else 1
                hidden = hidden if depth else ""
        elif isinstance(token, str):
            page.text(entities.unescape(token))
        elif token.is_end:
            page.close(token.name)
        elif token.attributes and token.name not in _VOID and _HIDDEN.search(token.attributes):
            hidden, depth = token.name, 1
        else:
            page.open(token)
    return page.finish()


class _Page:
    """Text being laid out: lines done, the line in work, and what surrounds it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._space = False  # a blank is due before the next word
        self._gap = False  # an empty line is due before the next line
        self._indent: list[str] = []  # per open list or quote
        self._lists: list[int] = []  # per open list: next number, or -1 for bullets
        self._marker = ""  # bullet or number due at the next line
        self._links: list[tuple[str, int, int]] = []  # url, and where its text began
        self._pre = 0

    def text(self, text: str) -> None:
        if self._pre:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self._put(first)
            for line in rest:
                self._end_line(even_empty=True)
                self._put(line)
            return
        words = text.split()
        if not words:
            self._space = self._space or bool(text)
            return
        if (self._space or text[0].isspace()) and self._line:
            self._line.append(" ")
        self._space = text[-1].isspace()
        self._line.append(" ".join(words))

    def open(self, tag: _Tag) -> None:
        name = tag.name
        if name == "br":
            self._end_line(even_empty=True)
        elif name == "a":
            self._end_link()
            self._links.append((_attribute(_HREF, tag), len(self._lines), len(self._line)))
        elif name == "img":
            self.text(_attribute(_ALT, tag))
        elif name == "li":
            self._end_line()
            self._marker = self._next_marker()
        elif name in ("ul", "ol", "blockquote"):
            self._start_block(is_gap=not self._lists)
            self._indent.append("> " if name == "blockquote" else "  ")
            if name != "blockquote":
                self._lists.append(1 if name == "ol" else -1)
        elif name in ("td", "th"):
            self._space = True
        elif name == "hr":
            self._start_block(is_gap=True)
            self._put("-" * 20)
            self._start_block(is_gap=True)
        elif name in _GAP or name in _LINE:
            self._start_block(is_gap=name in _GAP)
            self._pre += name == "pre"

    def close(self, name: str) -> None:
        if name == "a":
            self._end_link()
        elif name in ("ul", "ol", "blockquote"):
            self._end_line()
            kind = "> " if name == "blockquote" else "  "
            if self._indent and self._indent[-1] == kind:
                self._indent.pop()
                if name != "blockquote" and self._lists:
                    self._lists.pop()
            self._gap = self._gap or not self._lists
        elif name in ("td", "th"):
            self._space = True
        elif name == "pre":
            self._pre = max(0, self._pre - 1)
            self._start_block(is_gap=True)
        elif name == "li" or name in _GAP or name in _LINE:
            self._start_block(is_gap=name in _GAP)

    def finish(self) -> str:
        self._end_link()
        self._end_line()
        return "\n".join(self._lines).strip("\n")

    def _put(self, text: str) -> None:
        if text:
            self._line.append(text)

    def _start_block(self, *, is_gap: bool) -> None:
        self._end_line()
        self._gap = self._gap or is_gap

    def _end_line(self, *, even_empty: bool = False) -> None:
        text = "".join(self._line).rstrip()
        self._line.clear()
        self._space = False
        if not text and not even_empty:
            return
        levels = self._indent[:_MAX_INDENT]
        if self._gap and self._lines and self._lines[-1].strip(" >"):
            self._lines.append("".join(levels).rstrip())
        self._gap = False
        if text and self._marker:
            levels = [*levels[:-1], self._marker] if self._lists and levels else [self._marker]
            self._marker = ""
        self._lines.append(("".join(levels) + text).rstrip())

    def _next_marker(self) -> str:
        if not self._lists or self._lists[-1] < 0:
            return "* "
        self._lists[-1] += 1
        return f"{self._lists[-1] - 1}. "

    def _end_link(self) -> None:
        if not self._links:
            return
        url, line, at = self._links.pop()
        if line != len(self._lines):
            at = 0
        shown = "".join(self._line[at:]).strip()
        scheme, _, rest = url.partition(":")
        is_plain = scheme.lower() in ("mailto", "tel") and rest.partition("?")[0] == shown
        if scheme.lower() not in ("http", "https", "mailto", "tel", "ftp") or not shown:
            return
        if not is_plain and shown not in (url, url.rstrip("/"), rest.strip("/")):
            self._line.append(f" [{url}]")


def _tokens(html: str) -> Iterator[_Tag | str]:
    """Cut HTML into tags and text. An unfinished tag or comment at the end is dropped."""
    at, size = 0, len(html)
    while at < size:
        start = html.find("<", at)
        if start < 0:
            yield html[at:]
            return
        if start > at:
            yield html[at:start]
        at = start + 1
        follows = html[at : at + 1]
        is_end = follows == "/"
        name = _NAME.match(html, at + is_end)
        if name is not None:
            end = _tag_end(html, name.end())
            tag = _Tag(name[0].lower(), is_end, html[name.end() : end])
            at = end + 1
            if not is_end and tag.name in _UNSEEN:
                close = _UNSEEN[tag.name].search(html, at)
                at = close.start() if close is not None else size
            else:
                yield tag
        elif follows in ("!", "?", "/") and follows:
            is_comment = html.startswith("!--", at)
            mark = "-->" if is_comment else ">"
            end = html.find(mark, at + 1)
            at = end + len(mark) if end >= 0 else size
        else:
            yield "<"


def _tag_end(html: str, at: int) -> int:
    """Where the ``>`` of a tag is; the length of ``html`` when it never ends."""
    size = len(html)
    while at < size:
        step = _STEP.match(html, at)
        at = step.end() if step is not None else size
        if html[at : at + 1] == ">":
            return at
    return size


def _attribute(pattern: re.Pattern[str], tag: _Tag) -> str:
    match = pattern.search(tag.attributes)
    return entities.unescape(match[1].strip("\"'")).strip() if match is not None else ""
