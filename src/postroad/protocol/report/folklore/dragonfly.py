"""DragonFly Mail Agent: ``There was an error delivering your mail to <address>.`` and the reason in
the next paragraph. ``dma/mail.c``.
"""

from __future__ import annotations

import re

from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import blocks, said_of

_HEAD = re.compile(r"error delivering your mail to <(?P<rcpt>[^<>\n]{1,320})>\.?(?P<why>)", re.I)

DIALECT: Dialect


def _read(text: Text) -> list[Finding]:
    return blocks(text.words, _HEAD)


DIALECT = Dialect(
    "dragonfly", said_of("dragonfly mail agent", "error delivering your mail to <"), _read
)
