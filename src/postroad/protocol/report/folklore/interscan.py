"""Gateways that print the dialogue: InterScan (``Sent <<<``, ``Received >>>``), mFILTER (``server
message``, ``SMTP command``), Symantec, MDaemon's session transcript, MailFoundry.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import ADDRESS, addresses_in, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_RCPT = re.compile(rf"RCPT TO: ?<?({ADDRESS.pattern})", re.I)
_UNABLE = re.compile(
    rf"(?:unable to deliver (?:the )?message to:?"
    rf"|did not receive a copy of your message:)\s*>?\s*<?({ADDRESS.pattern})",
    re.I,
)
_RECEIVED = re.compile(
    r"(?:received >>>|^-{2,} ?server message[^\n]*\n"
    r"|failed for the following reason:\s*\n|failed with:"
    r"|<-- |^ ?Out: (?=[45])|^ ?<<< (?=[45]))[ \t]*([^\n]{3,1000})",
    re.I | re.M,
)
_NOT_COPIED = re.compile(
    r"did not receive a copy of your message:(.{1,4000}?)(?=\n[ \t]*-{2,}|\Z)", re.I | re.S
)


def _read(text: Text) -> list[Finding]:
    words = text.words
    listed = _NOT_COPIED.search(words)
    names = addresses_in(listed[1]) if listed else []
    names = names or [tidy(name) for name in (*_UNABLE.findall(words), *_RCPT.findall(words))]
    answers = [a.strip() for a in _RECEIVED.findall(words) if re.search(r"\b[45]\d\d\b", a)]
    answers = answers or [a.strip() for a in _RECEIVED.findall(words)]
    said = answers[-1] if answers else ""
    return [Finding(name, said) for name in dict.fromkeys(names) if name]


DIALECT = Dialect(
    "gateway",
    said_of(
        "received >>>",
        "server message",
        "unable to deliver message to",
        "delivery failed for the following reason",
        "session transcript",
        "transcript of session follows.",
    ),
    _read,
)
