"""Zoho: Exim's opening, but on one line ``address Invalid Address, ERROR_CODE :550, ...``."""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_LINE = re.compile(
    rf"^[ \t]*\[?(?:status :[^\n]{{0,200}},[ \t]*)?(?P<rcpt>{ADDRESS.pattern})\]?[ \t,]"
    rf"+(?P<why>[^\n]{{3,400}}(?:ERROR|\bstatus\b|\b[45]\d\d\b)[^\n]{{0,1000}})",
    re.I | re.M,
)


def _read(text: Text) -> list[Finding]:
    is_delay = "will be re-attempted" in text.words.lower() or "delayed" in text.words.lower()
    action = Action.DELAYED if is_delay else Action.FAILED
    return [
        Finding(tidy(found["rcpt"]), found["why"], action) for found in _LINE.finditer(text.words)
    ][:1000]


DIALECT = Dialect("zoho", said_of("error_code :", "error code :", "zoho"), _read)
