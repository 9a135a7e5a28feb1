"""Courier: each recipient as ``<address>:``, then the dialogue, ``>>>`` ours and ``<<<`` theirs.

``courier/module.dsn/dsn.c`` and its text templates.
"""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_BLOCK = re.compile(
    r"^<(?P<rcpt>[^<>\n]{3,320})>:[ \t]*\n(?P<body>(?:(?!^<[^<>\n]{3,320}>:"
    r"|^-{3,})[^\n]*\n){0,60})",
    re.M,
)
_THEIRS = re.compile(r"^[ \t]*<<<[ \t]*(.+)$", re.M)
_HOST = re.compile(r"^[ \t]*([\w.-]{3,255}) \[", re.M)


def _read(text: Text) -> list[Finding]:
    action = Action.DELAYED if "delayed mail" in text.words.lower() else Action.FAILED
    findings = []
    for found in _BLOCK.finditer(text.words):
        theirs = _THEIRS.findall(found["body"])
        remote = _HOST.search(found["body"])
        said = " ".join(theirs) or found["body"].strip()
        findings.append(Finding(found["rcpt"], said, action, remote[1].lower() if remote else None))
    return findings


DIALECT = Dialect("courier", said_of("courier mail server", "<courier"), _read)
