"""Novell GroupWise: ``undeliverable to the following:`` and on each line an address with its reason
in brackets.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import after, said_of

_LINE = re.compile(
    rf"^[ \t]*(?P<rcpt>{ADDRESS.pattern})(?:[ \t]*\((?P<why>[^\n]{{1,500}})\))?[ \t]*$", re.M
)


def _read(text: Text) -> list[Finding]:
    rest = (
        after(text.words, "undeliverable to the following:", "undeliverable to the following") or ""
    )
    return [
        Finding(tidy(found["rcpt"]), found["why"] or "") for found in _LINE.finditer(rest[:20000])
    ]


DIALECT = Dialect("groupwise", said_of("was undeliverable to the following"), _read)
