"""Reports that label what they tell: ``Recipient: <address>``, and below it ``Reason: ...``.

Both anew for each recipient. InterMail, MailEnable, SmarterMail, Haraka, LSMTP, StrongMail and
many gateways.
"""

from __future__ import annotations

import re
from dataclasses import replace

from postroad.protocol.report.addressing import addresses_in
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import MAX_FINDINGS, unique

_WHO = re.compile(
    r"^[ \t|*-]{0,8}(?:failed |intended |undeliverable |invalid |rejected |e-?mail |error[- ]for)?"
    r"(?:recipients?|addressees?|rcpt to|destination|address(?:es)?|(?<=error-for)|empfänger"
    r"|destinataires?|destinatari[oa]s?|получател[ьи]|адресат|宛先|送信先|収件人|收件人|收信人"
    r"|수신자|받는 ?사람)(?: \(?e?-?s\)?)?"
    r"(?: e-?mail)?(?: address(?:es)?)?[ .\t]{0,20}[:=：]["
    r" \t]*(?P<value>[^\n]{0,600}@[^\n]{1,300})$",
    re.I | re.M,
)
_WHY = re.compile(
    r"^[ \t|*-]{0,8}(?:failure |delivery |bounce |rejection |diagnostic |smtp |server |remote )?"
    r"(?:reason|error(?:[- ](?:text|message|description|details?))?|diagnostics?|description"
    r"|details?"
    r"|response|result|cause|problem|explanation|grund|fehler|raison|motif|erreur|motivo|causa"
    r"|причина|ошибка|理由|原因|エラー|사유|이유)"
    r"(?: code)?(?: for failure)?[ .\t]{0,20}[:=：][ \t]*"
    r"(?P<value>[^\n]{2,1000}(?:\n[ \t]{2,}(?![\w -]{1,40}:)[^\n]{2,500}){0,6})$",
    re.I | re.M,
)


def _claims(text: Text) -> bool:
    return bool(_WHO.search(text.words)) and bool(_WHY.search(text.words))


def _read(text: Text) -> list[Finding]:
    own = text.signs.own_addresses
    marks = sorted(
        [(found.start(), "who", found["value"]) for found in _WHO.finditer(text.words)]
        + [(found.start(), "why", found["value"]) for found in _WHY.finditer(text.words)]
    )
    findings: list[Finding] = []
    begun = 0  # where the recipients of the label above begin
    before = ""  # a reason that stands before its recipient
    for _, kind, value in marks:
        if kind == "who":
            begun = len(findings)
            findings += [Finding(a, before) for a in addresses_in(value) if a.lower() not in own]
            before = ""
            if len(findings) > MAX_FINDINGS:
                break
        elif begun < len(findings):
            findings[begun:] = [
                replace(one, said=f"{one.said} {value.strip()}".strip()) for one in findings[begun:]
            ]
        else:
            before = value.strip()
    return unique(findings[:MAX_FINDINGS])


DIALECT = Dialect("labelled", _claims, _read)
