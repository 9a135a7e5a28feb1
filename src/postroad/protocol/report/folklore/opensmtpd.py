"""OpenSMTPD: ``address: reply`` for each recipient, in ``smtpd/bounce.c``."""

from __future__ import annotations

from postroad.domain.bounce import Action
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import after, blocks, said_of


def _read(text: Text) -> list[Finding]:
    rest = after(text.words, "list of recipients:", "recipients:") or text.words
    is_delay = "not yet been delivered" in text.words.lower() or "will be kept" in text.words
    action = Action.DELAYED if is_delay else Action.FAILED
    return [Finding(found.recipient, found.said, action) for found in blocks(rest)]


DIALECT = Dialect("opensmtpd", said_of("this is the mailer-daemon, please do not reply"), _read)
