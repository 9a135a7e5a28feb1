"""Paragraphs out of ``format=flowed`` text. RFC 3676."""

from __future__ import annotations


def unflow(text: str, *, deletes_space: bool = False) -> str:
    """Join lines that flow into each other; LF line ends in and out.

    A line that ends in a space goes on in the next one of the same quote depth; with
    ``deletes_space`` (``DelSp=yes``) that space goes away. Stuffed spaces are removed, quoted
    paragraphs keep their ``>`` marks with one space behind, and the signature line ``-- `` stays
    alone. §4.2, §4.4, §4.5.
    """
    out: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        quotes, content = _unquote(line)
        if paragraph and (quotes != depth or content == "-- "):
            _end(out, paragraph, depth)
        depth = quotes
        flows = content.endswith(" ") and content != "-- "
        paragraph.append(content[:-1] if flows and deletes_space else content)
        if not flows:
            _end(out, paragraph, depth)
    if paragraph:
        _end(out, paragraph, depth)
    return "\n".join(out)


def _unquote(line: str) -> tuple[int, str]:
    content = line.lstrip(">")
    quotes = len(line) - len(content)
    return quotes, content[1:] if content.startswith(" ") else content


def _end(out: list[str], paragraph: list[str], depth: int) -> None:
    content = "".join(paragraph)
    paragraph.clear()
    if depth:
        content = ">" * depth + (f" {content}" if content else "")
    out.append(content)
