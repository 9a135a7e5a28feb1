"""Ipswitch IMail (SMTP32) and MERAK: one line, reason and address, then the original."""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import unique

_LINE = re.compile(
    rf"^[ \t]*(?P<why>unknown (?:user|host)|user mailbox exceeds allowed size"
    rf"|undeliverable to|invalid user"
    rf"|user unknown|mailbox full|delivery failed \d+ attempts?|account [^\n:]{{1,40}}"
    rf"|attempt to send|"
    rf"user is not authorized)[: \t]+<?(?P<rcpt>{ADDRESS.pattern})(?P<rest>[^\n]*)$",
    re.I | re.M,
)


def _claims(text: Text) -> bool:
    return bool(_LINE.search(text.words[:2000]))


def _read(text: Text) -> list[Finding]:
    found = []
    for line in _LINE.finditer(text.words):
        said = f"{line['why']} {line['rest'].strip(' >.,')}".strip()
        following = text.words[line.end() : line.end() + 400].strip().split("\n\n")[0]
        if _LINE.search(following):
            following = ""  # the next recipient
        found.append(Finding(tidy(line["rcpt"]), f"{said} {following}".strip()))
    return unique(found)


DIALECT = Dialect("imail", _claims, _read)
