"""OpenSMTPD: ``address: reply`` for each recipient, in ``smtpd/bounce.c``."""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import after, blocks, said_of

_DELAYED = re.compile(
    r"not yet been delivered|will be kept|is delayed for more than|temporary failure report", re.I
)


def _read(text: Text) -> list[Finding]:
    rest = after(text.words, "list of recipients:", "recipients:") or text.words
    action = Action.DELAYED if _DELAYED.search(text.words) else Action.FAILED
    return [Finding(found.recipient, found.said, action) for found in blocks(rest)]


DIALECT = Dialect("opensmtpd", said_of("this is the mailer-daemon, please do not reply"), _read)
