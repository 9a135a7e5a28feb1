"""The shapes that nearly all free-text bounces share.

A recipient stands at the start of a line, alone or with its reason behind it, and what was said
follows up to an empty line or the next recipient. Everything here is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Finding, Text

MAX_FINDINGS = 1000
MAX_SAID = 4000

# An address that begins a line, with the bullets and brackets that servers put around it.
HEAD = re.compile(
    rf"^[ \t]*(?:[>*+|-]{{1,4}}[ \t]+|\d{{1,3}}[.)][ \t]+)?[<\"'(\[]{{0,2}}(?:mailto:"
    rf"|smtp:)?(?P<rcpt>{ADDRESS.pattern})"
    r"[>\"')\]]{0,3}(?P<why>[ \t]*(?::|\.\.\.|\(|\[|;|,|-{1,2}|=|[ \t]|$).*)$",
    re.I | re.M,
)
_RULE = re.compile(r"^[ \t]*[-_=*#~]{3,}", re.M)


def after(words: str, *marks: str) -> str | None:
    """The text behind the first of the marks that it holds; case does not matter."""
    lower = words.lower()
    for mark in marks:
        at = lower.find(mark)
        if at >= 0:
            return words[at + len(mark) :]
    return None


def blocks(
    words: str, head: re.Pattern[str] = HEAD, *, stops_at_rule: bool = True
) -> list[Finding]:
    """One finding for each match of ``head``, which names ``rcpt`` and perhaps ``why``.

    What was said is ``why`` and the lines behind it up to an empty line, the next head, or a
    ruled line. When that is nothing, the next paragraph is taken.
    """
    heads = []
    for found in head.finditer(words):
        heads.append(found)
        if len(heads) == MAX_FINDINGS:
            break
    findings = []
    for number, found in enumerate(heads):
        limit = heads[number + 1].start() if number + 1 < len(heads) else len(words)
        tail = words[found.end() : min(limit, found.end() + MAX_SAID)]
        if stops_at_rule and (rule := _RULE.search(tail)):
            tail = tail[: rule.start()]
        why = (found.groupdict().get("why") or "").strip(" \t:;,.-=")
        said = _paragraph(tail, is_begun=bool(why))
        address = tidy(found["rcpt"]) or found["rcpt"].strip("<>\"' ")
        findings.append(Finding(address, f"{why}\n{said}".strip()))
    return unique(findings)


def unique(findings: list[Finding]) -> list[Finding]:
    """Each recipient once; the one about which more was said wins, first place kept."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        key = finding.recipient.lower()
        if key not in kept or (not kept[key].said and finding.said):
            kept[key] = finding
    return list(kept.values())


def said_of(*marks: str) -> Callable[[Text], bool]:
    """A claim: the words hold one of the marks, which are lower case."""

    def claims(text: Text) -> bool:
        words = text.words[:6000].lower()
        return any(mark in words for mark in marks)

    return claims


def _paragraph(tail: str, *, is_begun: bool) -> str:
    lines: list[str] = []
    for line in tail.removeprefix("\n").split("\n"):
        clean = line.strip(" \t>|")
        if clean:
            lines.append(clean)
        elif (is_begun or lines) and not (lines and lines[-1].endswith(":")):
            break
    return "\n".join(lines)
