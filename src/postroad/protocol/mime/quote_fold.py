"""Quoted history in clean HTML, folded away. Contract B-058.

Works on what the sanitiser has written: well-formed, attribute values in double quotes.
"""

from __future__ import annotations

import re

_TRIES = 20  # quotes that are looked at for one long enough
MIN_CHARS = 120  # of visible text that is worth a fold

_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:[^">]|"[^"]*")*)>')
_MARK = re.compile(
    r'\bclass="(?:[^"]* )?'
    r"(?:gmail_quote|yahoo_quoted|protonmail_quote|tutanota_quote|zmail_extra)\b"
    r'|\btype="cite"'
)
# Outlook puts what it quotes behind this element, not into it.
_DIVIDER = re.compile(
    r'\bid="(?:appendonsend|divRplyFwdMsg|mail-editor-reference-message-container)"'
    r'|\bstyle="[^"]*border-top:\s?solid #(?:E1E1E1|e1e1e1|B5C4DF|b5c4df)',
)
_HINTS = (  # one of them is in every page that one of the two patterns is found in
    "_quote", "zmail_extra", '"cite"', "appendonsend", "divRplyFwdMsg", "mail-editor-reference",
    "#E1E1E1", "#e1e1e1", "#B5C4DF", "#b5c4df",
)  # fmt: skip
_VOID = frozenset(
    {
        "area", "br", "col", "hr", "img", "wbr",
    }
)  # fmt: skip
_OPEN = (
    '<details class="ee-collapsed-thread"><summary class="ee-collapsed-thread-toggle"></summary>'
)
_CLOSE = "</details>"


def fold(html: str) -> str:
    """Wrap the first quote that is long enough; ``html`` itself when there is none."""
    if not any(hint in html for hint in _HINTS):
        return html
    tags = list(_TAG.finditer(html))
    tries = _TRIES
    for number, tag in enumerate(tags):
        if tag[1] or not tag[3]:
            continue
        is_divider = _DIVIDER.search(tag[3]) is not None
        if not is_divider and _MARK.search(tag[3]) is None:
            continue
        first = number
        tries -= 1
        if tries < 0:
            break
        if is_divider and number and _wraps(tags[number - 1], tag):
            first = number - 1
        end = _end(html, tags, first, is_divider=is_divider)
        start = tags[first].start()
        if _is_long(html[start:end]):
            return f"{html[:start]}{_OPEN}{html[start:end]}{_CLOSE}{html[end:]}"
    return html


def _wraps(before: re.Match[str], tag: re.Match[str]) -> bool:
    return before[2] == "div" and not before[1] and not before[3] and before.end() == tag.start()


def _end(html: str, tags: list[re.Match[str]], first: int, *, is_divider: bool) -> int:
    """Where the element ends that begins with ``tags[first]``, or the one around it."""
    depth = 0
    floor = -1 if is_divider else 0
    for number in range(first, len(tags)):
        tag = tags[number]
        if tag[2] in _VOID:
            continue
        depth += -1 if tag[1] else 1
        if tag[1] and depth == floor:
            return tag.start() if is_divider else tag.end()
    return len(html)


def _is_long(html: str) -> bool:
    """Whether enough is there to be seen; looks no further than that takes."""
    seen = 0
    at = 0
    for tag in _TAG.finditer(html):
        seen += len(html[at : tag.start()].strip())
        at = tag.end()
        if seen >= MIN_CHARS:
            return True
    return seen + len(html[at:].strip()) >= MIN_CHARS
