"""Postfix without its machine part, as gateways leave it. ``<recipient>: reason``, the lines that
follow indented; the reason names the remote host and its answer: ``host x[1.2.3.4] said: 550 ...``.

Texts from ``conf/bounce.cf.default``.
"""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import blocks, said_of

_HEAD = re.compile(r"^<(?P<rcpt>[^<>\n]{1,320})>(?: \([^()\n]{1,320}\))?:(?P<why>.*)$", re.M)
_REMOTE = re.compile(r"host ([\w.-]{1,255})\[")


def _read(text: Text) -> list[Finding]:
    is_warning = "warning only" in text.words.lower()
    findings = []
    for found in blocks(text.words, _HEAD):
        remote = _REMOTE.search(found.said)
        findings.append(
            Finding(
                found.recipient,
                found.said,
                Action.DELAYED if is_warning else Action.FAILED,
                remote[1] if remote else None,
            )
        )
    return findings


DIALECT = Dialect(
    "postfix",
    said_of(
        "this is the mail system at host",
        "i'm sorry to have to inform you that",
        "this is the postfix",
        "program at host",
    ),
    _read,
)
