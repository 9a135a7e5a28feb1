"""Mobile carriers: au/KDDI, docomo, SoftBank, Verizon. Short texts, the address in a sentence."""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import blocks, said_of

_TO = re.compile(
    rf"could not be delivered to:?\s*<?({ADDRESS.pattern})>?\s*(?P<why>as [^\n]{{3,200"
    rf"}})?",
    re.I,
)
_WHY = re.compile(
    r"^(?:the user\(s\) account is [^\n]{3,100}|error:[ \t]*[^\n]{3,300}"
    r"|each of the following[^\n]{3,200})",
    re.I | re.M,
)
_DIALOGUE = re.compile(r"<<<[ \t]*([45]\d\d[^\n]{1,500})")
_ANY = re.compile(
    rf"^[ \t]*(?:recipient address:|to:)?[ \t]*<?({ADDRESS.pattern})>?[ \t]*$", re.I | re.M
)


def _read(text: Text) -> list[Finding]:
    words = text.words
    if found := list(_TO.finditer(words)):
        return [Finding(tidy(one[1]), (one["why"] or "").strip()) for one in found[:1000]]
    answer = _DIALOGUE.search(words) or None
    why = _WHY.search(words)
    said = answer[1] if answer else why[0] if why else ""
    names = [tidy(name) for name in _ANY.findall(words)]
    if names:
        return [Finding(name, said) for name in dict.fromkeys(names) if name]
    return blocks(words)


DIALECT = Dialect(
    "carrier",
    said_of(
        "the user(s) account is",
        "your mail sent on:",
        "could not be delivered to mobile",
        "each of the following recipients was rejected",
    ),
    _read,
)
