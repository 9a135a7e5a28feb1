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
from postroad.protocol.report.status import find_reply_code, find_status

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
            if len(findings) == 1:
                findings = [_with_code(findings[0], text.words)]
            return dialect.name, findings
    return "", []


def _with_code(alone: Finding, words: str) -> Finding:
    """The only one in a text: a code that stands apart from him is about him as well."""
    if not alone.said:
        return replace(alone, said=prose.reason_of(words))
    if find_reply_code(alone.said) or find_status(alone.said):
        return alone
    apart = prose.reason_of(words)
    return replace(alone, said=f"{alone.said} {apart}") if find_reply_code(apart) else alone
