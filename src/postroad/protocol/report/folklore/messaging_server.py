"""Sun, iPlanet and Oracle Messaging Server, and PMDF before them: labelled lines for each
recipient, ``Recipient address:``, ``Reason:``, ``Diagnostic code:``, ``Remote system:``.
"""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.addressing import find_address
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_LINE = re.compile(
    r"^[ \t]*(recipient address|original address|reason|diagnostic code"
    r"|remote system)[ \t]*:[ \t]*(.*)$",
    re.I | re.M,
)
_DELAYED = re.compile(r"has been delayed|not yet|will continue", re.I)


def _read(text: Text) -> list[Finding]:
    action = Action.DELAYED if _DELAYED.search(text.words) else Action.FAILED
    findings: list[Finding] = []
    for found in _LINE.finditer(text.words):
        name, value = found[1].lower(), found[2].strip()
        if name == "recipient address" and (address := find_address(value)):
            findings.append(Finding(address, "", action))
        elif findings and name == "reason":
            findings[-1] = Finding(findings[-1].recipient, value, action)
        elif findings and name == "diagnostic code":
            said = f"{value.removeprefix('smtp;')} {findings[-1].said}".strip()
            findings[-1] = Finding(findings[-1].recipient, said, action)
    return findings[:1000]


DIALECT = Dialect(
    "messaging-server",
    said_of(
        "your message cannot be delivered to the following",
        "this report relates to a message you sent",
        "diagnostic code:",
    ),
    _read,
)
