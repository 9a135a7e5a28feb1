"""fml, the list server of Japan: mail that it refused to distribute, with the reason in a sentence
that ends in the list's address, and ``Original mail as follows:``.

What it holds for a moderator, and its answers to commands, bring no original and are no bounces.
"""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text

_SENTENCE = re.compile(
    rf"^[ \t]*(?P<why>[A-Z][^\n]{{5,200}}?)<(?P<rcpt>{ADDRESS.pattern})>\.", re.M
)


def _claims(text: Text) -> bool:
    return "x-mlserver" in text.headers and bool(text.returned.fields)


def _read(text: Text) -> list[Finding]:
    found = _SENTENCE.search(text.words)
    if found is None or not (recipient := tidy(found["rcpt"])):
        return []
    return [Finding(recipient, found[0].strip(), Action.FAILED)]


DIALECT = Dialect("fml", _claims, _read)
