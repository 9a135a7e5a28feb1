"""Microsoft Exchange from 5.5 to 365, in whatever language its texts were translated to.

The old ones write ``address on date`` and the reason indented below; the later ones repeat, for
administrators and untranslated, ``address`` and ``#550 5.1.1 RESOLVER... ##`` or
``Remote Server returned '550 ...'``.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import blocks, unique

_MARKS = re.compile(
    r"did not reach the following recipient|diagnostic information for administrators"
    r"|generating server"
    r"|delivery has failed to these|recipients or (?:groups|distribution lists)"
    r"|remote server returned"
    r"|following recipient\(s\) (?:could not|cannot)"
    r"|the message could not be delivered because|original message headers|msexch"
    r"|serveur de génération"
    r"|generierender server|servidor de generación|server di generazione"
    r"|サーバーを生成|生成サーバー|正在生成服务器",
    re.I,
)
_ON_DATE = re.compile(
    rf"^[ \t]*[\"'<]{{0,2}}(?P<rcpt>{ADDRESS.pattern})[\"'>]{{0,2}} (?:on|am|le|el|il"
    rf"|em) (?P<why>)[^\n]{{6,80}}$",
    re.I | re.M,
)
_CODE_LINE = re.compile(
    rf"^[ \t]*<?(?P<rcpt>{ADDRESS.pattern})>?[ \t]*\n(?:[ \t]*\n)?[ \t]*(?P<said>(?:#"
    rf"|<[^\s<>]+ #|Remote Server|[\w.-]{{4,255}}[ \t]*\n?[ \t]*(?:#|Remote Server)"
    rf"|[45]\d\d[ -])[^\n]{{3,1000}}(?:\n[^\s#][^\n]{{3,1000}}){{0,3}})",
    re.I | re.M,
)
_INLINE = re.compile(
    rf"^[ \t]*<?(?P<rcpt>{ADDRESS.pattern})>?[ \t]+(?P<said>#[^\n]{{3,1000}})", re.M
)
_RETURNED = re.compile(r"(?:Remote Server |server )?returned '([^']{5,1500})'", re.I)
# The pages of 365: a table of details below the explanation.
_REPORTED = re.compile(r"reported error:\s*([^\n]{5,1500})", re.I)
_NAMED = re.compile(rf"recipient address:\s*({ADDRESS.pattern})", re.I)
_TO = re.compile(
    rf"(?:your message to|to these recipients[^\n]*\n+|to the following (?:recipients?"
    rf"|e-?mail addresses)[^\n]*\n+|destinatari[^\n]*:\n+|empfänger[^\n]*:\n+"
    rf"|destinataires[^\n]*:\n+"
    rf"|destinatarios[^\n]*:\n+)[^\n]{{0,100}}?({ADDRESS.pattern})",
    re.I,
)


def _claims(text: Text) -> bool:
    return bool(_MARKS.search(text.words[:8000]))


def _read(text: Text) -> list[Finding]:
    words = text.words
    found = [
        Finding(tidy(match["rcpt"]), match["said"])
        for pattern in (_CODE_LINE, _INLINE)
        for match in pattern.finditer(words)
    ]
    if found:
        return unique([finding for finding in found if finding.recipient])
    if findings := blocks(words, _ON_DATE):
        return findings
    returned = _REPORTED.search(words) or _RETURNED.search(words)
    said = returned[1] if returned else ""
    names = [tidy(name) for name in _NAMED.findall(words) or _TO.findall(words)]
    return [Finding(name, said) for name in dict.fromkeys(names) if name]


DIALECT = Dialect("exchange", _claims, _read)
