"""SurfControl and those that write ``Addressed To:`` first and the attempts below."""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import MAX_FINDINGS, blocks, said_of

_ADDRESSED = re.compile(rf"^addressed to:[ \t]*<?({ADDRESS.pattern})", re.I | re.M)
_ATTEMPT = re.compile(r"^failed to send to [^\n]{3,80}\n([^\n]{3,1000})", re.I | re.M)


def _read(text: Text) -> list[Finding]:
    attempt = _ATTEMPT.search(text.words)
    said = attempt[0] if attempt else ""
    answers = {found.recipient.lower(): found.said for found in blocks(text.words)}
    names = [tidy(name) for name in _ADDRESSED.findall(text.words)[:MAX_FINDINGS]]
    return [Finding(name, answers.get(name.lower()) or said) for name in names]


DIALECT = Dialect("surfcontrol", said_of("addressed to:"), _read)
