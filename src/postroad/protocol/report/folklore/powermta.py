"""PowerMTA without its machine part: ``<address>  delivery failed; will not continue trying``."""

from __future__ import annotations

import re

from postroad.domain.bounce import Action
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_LINE = re.compile(
    r"^[ \t]*<(?P<rcpt>[^<>\n]{3,320})>[ \t]+(?P<why>delivery [^\n]{3,300})$", re.I | re.M
)


def _read(text: Text) -> list[Finding]:
    return [
        Finding(
            found["rcpt"],
            "",  # the line repeats the action, not the reason
            Action.DELAYED if "delayed" in found["why"].lower() else Action.FAILED,
        )
        for found in _LINE.finditer(text.words)
    ]


DIALECT = Dialect("powermta", said_of("inform you on the delivery status of a"), _read)
