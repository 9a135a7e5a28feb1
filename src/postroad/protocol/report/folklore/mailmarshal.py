"""MailMarshal: ``Could not be delivered because of`` the reply, then ``The following recipients
were affected:``.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import addresses_in
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_WHY = re.compile(
    r"could not be delivered because(?: of)?:?(.{1,2000}?)(?=the following recipients"
    r"|\Z)",
    re.I | re.S,
)
_WHO = re.compile(
    r"following recipients were affected:(.{1,4000}?)(?=\n[ \t]*(?:additional informat"
    r"ion|=|-{3})|\Z)",
    re.I | re.S,
)


def _read(text: Text) -> list[Finding]:
    why, who = _WHY.search(text.words), _WHO.search(text.words)
    names = addresses_in(who[1]) if who else []
    return [Finding(name, why[1].strip() if why else "") for name in dict.fromkeys(names)]


DIALECT = Dialect("mailmarshal", said_of("following recipients were affected:"), _read)
