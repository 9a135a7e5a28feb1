"""qmail and its kin: IndiMail, Yahoo, many hosting panels. QSBMF: each paragraph begins with
``<recipient>:`` and tells of that recipient alone.

The format is that of D. J. Bernstein's "qmail-send Bounce Message Format" (1997).
"""

from __future__ import annotations

import re

from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import blocks

_HEAD = re.compile(r"^<(?P<rcpt>[^<>\n]{1,320})>:(?P<why>.*)$", re.M)
_MARKS = re.compile(
    r"qmail-send|i(?:'m afraid i| was)n't able to deliver your message"
    r"|unable to deliver (?:your )?message to the"
    r"(?: following)? address|--- (?:below this line|below the next line|enclosed) is a copy|"
    r"this is a permanent error; i've given up|message from \S{1,80}\.\s+unable to deliver",
    re.I,
)


def _claims(text: Text) -> bool:
    return bool(_MARKS.search(text.words[:6000])) or (
        text.signs.subject.strip().lower() == "failure notice" and bool(_HEAD.search(text.words))
    )


def _read(text: Text) -> list[Finding]:
    return blocks(text.words, _HEAD, stops_at_rule=True)


DIALECT = Dialect("qmail", _claims, _read)
