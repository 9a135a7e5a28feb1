"""Gmail and Google Groups, old plain texts and the later pages. The remote's answer stands behind
"The error that the other server returned was:" or "The response (from the remote server) was:".
"""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.addressing import ADDRESS, addresses_in, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_TOLD = re.compile(
    r"(?:error that the other server returned was|response from the remote server was"
    r"|the response was"
    r"|technical details of (?:permanent"
    r"|temporary) failure)[ \t]*:(.{1,3000}?)(?=\n[ \t]*-{3,}|\Z)",
    re.I | re.S,
)
_LIST = re.compile(
    r"delivery to the following recipients? [^\n]{1,40}:\s+((?:[^\n@]{0,200}@[^\n]*(?:"
    r"\n\s*|\Z)){1,1000})",
    re.I,
)
_IN_TEXT = re.compile(
    rf"(?:delivered to|delivering your message to|message to"
    rf"|group you tried to contact \()\s*<?({ADDRESS.pattern})",
    re.I,
)
_BY = re.compile(r"recipient domain \S{1,255} by ([\w.-]{1,255}?)\.?[ ,]", re.I)


def _read(text: Text) -> list[Finding]:
    words = text.words
    listed = _LIST.search(words)
    names = addresses_in(listed[1]) if listed else [tidy(a) for a in _IN_TEXT.findall(words)]
    told = list(_TOLD.finditer(words))
    said = told[-1][1] if told else ""
    is_delay = re.search(
        r"has been delayed|will be retried|will retry|temporary problem", words, re.I
    )
    remote = _BY.search(words)
    return [
        Finding(
            name,
            said,
            Action.DELAYED if is_delay else Action.FAILED,
            remote[1].lower() if remote else None,
        )
        for name in dict.fromkeys(names)
        if name
    ]


DIALECT = Dialect(
    "gmail",
    said_of(
        "technical details of permanent failure",
        "technical details of temporary failure",
        "delivery to the following recipient failed permanently",
        "delivery to the following recipients failed permanently",
        "delivery to the following recipient has been delayed",
        "an automatically generated delivery status notification",
        "the response from the remote server was:",
        "group you tried to contact",
    ),
    _read,
)
