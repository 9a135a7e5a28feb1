"""Exim, and the providers that run it: Mail.ru, Rambler, 1&1, GMX, MX Logic.

``bounce_message_file`` and ``warn_message_file`` of the specification, chapter 50: each address
indented by two, what was said of it by four, an empty line behind each.
"""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import after, blocks, said_of

_STARTS = (
    "address(es) failed:",
    "addresses failed:",
    "address failed:",
    "following address\nfailed:",
    "has not yet been delivered is:",
    "have not yet been delivered are:",
    "not yet been delivered are:",
    "is a permanent error.",
    "all of its recipients",
    "more of its\nrecipients",
    "more of\nits recipients",
    "its recipients",
)
_HEAD = re.compile(
    r"^ {2,3}(?P<rcpt>[^\s:()<>]{1,64}(?:@[^\s:()<>]{1,255})?):?(?P<why>)[ \t]*$", re.M
)
_DELAYED = re.compile(
    r"has not yet been delivered|delivery attempts will continue|have not yet been", re.I
)


def _read(text: Text) -> list[Finding]:
    words = after(text.words, *_STARTS) or text.words
    action = Action.DELAYED if _DELAYED.search(text.words) else Action.FAILED
    findings = [f for f in blocks(words, _HEAD) if "@" in f.recipient or f.said]
    if not any("@" in finding.recipient for finding in findings):
        findings = blocks(words) or findings
    return [Finding(f.recipient, f.said, action) for f in findings]


DIALECT = Dialect(
    "exim",
    said_of(
        "created automatically by mail delivery software",
        "created automatically by the smtp relay",
        "a message that you sent could not be delivered",
        "a message that you sent has not yet been delivered",
        "the following address(es) failed:",
    ),
    _read,
)
