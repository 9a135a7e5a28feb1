"""Lotus Domino and Notes: ``was not delivered to:`` the address ``because:`` the reason; Notes of
old under ruled titles, ``Failure Reasons``.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import addresses_in
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import MAX_FINDINGS, said_of, unique

_TO = re.compile(r"was not delivered to:|wurde nicht zugestellt an:", re.I)
_BECAUSE = re.compile(r"^[ \t]*(?:because|grund):", re.I | re.M)
_END = re.compile(r"\n[ \t]*-{3,}|\n[ \t]*\n[ \t]*\S")
_REASONS = re.compile(r"-{2,} *failure reasons? *-{2,}", re.I)
_RULED = re.compile(r"\n-{2,}")
_BLOCK = 6000  # characters about one recipient


def _read(text: Text) -> list[Finding]:
    words = text.words
    findings: list[Finding] = []
    starts = [found.end() for found in _TO.finditer(words)][:MAX_FINDINGS]
    for start, end in zip(starts, (*starts[1:], len(words)), strict=False):
        block = words[start : min(end, start + _BLOCK)]
        because = _BECAUSE.search(block)
        if because is None:
            continue
        reason = block[because.end() :].lstrip()
        ended = _END.search(reason)
        said = reason[: ended.start()] if ended else reason
        findings += [Finding(a, said.strip()) for a in addresses_in(block[: because.start()])]
    for found in _REASONS.finditer(words):
        findings += _of_notes(words[found.end() : found.end() + _BLOCK])
    return unique(findings[:MAX_FINDINGS])


def _of_notes(section: str) -> list[Finding]:
    """The reason first, then those that it is about."""
    ruled = _RULED.search(section)
    findings: list[Finding] = []
    reason: list[str] = []
    for line in section[: ruled.start() if ruled else None].split("\n"):
        if names := addresses_in(line):
            findings += [Finding(name, " ".join(reason) or line.strip()) for name in names]
            reason = []
        elif line.strip():
            reason.append(line.strip())
    return findings


DIALECT = Dialect(
    "domino",
    said_of("was not delivered to:", "wurde nicht zugestellt an:", "failure reasons"),
    _read,
)
