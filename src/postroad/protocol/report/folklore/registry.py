"""All dialects in the order in which they are asked, and the reading of a text.

Those with the rarest marks come first: many products borrowed Exim's and qmail's sentences.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from postroad.protocol.report.folklore import (
    carriers,
    chinese,
    courier,
    domino,
    dragonfly,
    exchange,
    exim,
    fml,
    gmail,
    groupwise,
    imail,
    interscan,
    james,
    labelled,
    mailmarshal,
    messaging_server,
    opensmtpd,
    postfix,
    powermta,
    prose,
    qmail,
    sendmail,
    surfcontrol,
    zoho,
)
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text

DIALECTS: Final[tuple[Dialect, ...]] = (
    courier.DIALECT,
    fml.DIALECT,
    opensmtpd.DIALECT,
    dragonfly.DIALECT,
    james.DIALECT,
    messaging_server.DIALECT,
    mailmarshal.DIALECT,
    groupwise.DIALECT,
    domino.DIALECT,
    powermta.DIALECT,
    carriers.DIALECT,
    zoho.DIALECT,
    gmail.DIALECT,
    exchange.DIALECT,
    postfix.DIALECT,
    qmail.DIALECT,
    exim.DIALECT,
    sendmail.DIALECT,
    imail.DIALECT,
    interscan.DIALECT,
    surfcontrol.DIALECT,
    chinese.DIALECT,
    labelled.DIALECT,
    prose.DIALECT,
)


def read_folklore(text: Text) -> tuple[str, list[Finding]]:
    """The dialect that could read the text, and what it found; an empty list when none could."""
    for dialect in DIALECTS:
        if dialect.claims(text) and (findings := dialect.read(text)):
            if len(findings) == 1 and not findings[0].said:
                findings = [replace(findings[0], said=prose.reason_of(text.words))]
            return dialect.name, findings
    return "", []
