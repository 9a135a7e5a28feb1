"""Lotus Domino and Notes: ``was not delivered to:`` the address ``because:`` the reason; Notes of
old under ruled titles, ``Failure Reasons``.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import addresses_in
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_TO = re.compile(
    r"was not delivered to:(.{1,4000}?)\n[ \t]*because:(.{1,2000}?)(?=\n[ \t]*-{3,}"
    r"|\n\s*\n\s*\S|\Z)",
    re.I | re.S,
)
_REASONS = re.compile(r"-{2,} *failure reasons? *-{2,}(.{1,4000}?)(?=\n-{2,}|\Z)", re.I | re.S)


def _read(text: Text) -> list[Finding]:
    findings = [
        Finding(name, found[2].strip())
        for found in _TO.finditer(text.words)
        for name in addresses_in(found[1])
    ]
    for found in _REASONS.finditer(text.words):
        reason: list[str] = []
        for line in found[1].split("\n"):
            if names := addresses_in(line):
                findings += [Finding(name, " ".join(reason) or line.strip()) for name in names]
                reason = []
            elif line.strip():
                reason.append(line.strip())
    return findings


DIALECT = Dialect("domino", said_of("was not delivered to:", "failure reasons"), _read)
