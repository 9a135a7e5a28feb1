"""Apache James: ``Failed recipient(s):`` and ``Error message:``, or the envelope among the
``Message details:``.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import addresses_in
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.grammar import said_of

_FAILED = re.compile(r"failed recipient\(s\):[ \t]*\n(.{1,4000}?)(?=\n[ \t]*\n|\Z)", re.I | re.S)
_ERROR = re.compile(r"error message(?: below)?:[ \t]*\n(.{1,2000}?)(?=\n[ \t]*\n|\Z)", re.I | re.S)
_RCPT = re.compile(r"^[ \t]*RCPT TO:[ \t]*(.+)$", re.I | re.M)


def _read(text: Text) -> list[Finding]:
    failed = _FAILED.search(text.words)
    names = addresses_in(failed[1]) if failed else []
    names = names or [name for line in _RCPT.findall(text.words) for name in addresses_in(line)]
    error = _ERROR.search(text.words)
    return [Finding(name, error[1] if error else "") for name in dict.fromkeys(names)]


DIALECT = Dialect("james", said_of("james mail server", "error message below:"), _read)
